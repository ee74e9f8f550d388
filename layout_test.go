package jwtauth_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rootFiles are the files of the root package, one for each subject.
var rootFiles = []string{
	"byissuer.go", "claims.go", "cookies.go", "errors.go", "event.go", "handlers.go",
	"issuer.go", "jwks.go", "jwtauth.go", "key.go", "keysource.go", "live.go",
	"login.go", "middleware.go", "options.go", "password.go", "refresh.go",
	"remotekeys.go", "renew.go", "resource.go", "session.go", "source.go",
	"tokens.go", "verifier.go",
}

const (
	maxFileLines     = 400
	maxTestLines     = 400
	maxExportedNames = 155
)

// rootPackage parses the files of the root package, with or without tests.
func rootPackage(t *testing.T, tests bool) (*token.FileSet, []*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") != tests {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	return files, parsed
}

// The names of the root files tell a reader which of them holds a subject.
func TestLayoutFiles(t *testing.T) {
	files, parsed := rootPackage(t, false)
	var names []string
	for _, file := range parsed {
		name := files.File(file.Pos()).Name()
		names = append(names, name)
		if !slices.ContainsFunc(file.Decls, declaresExported) {
			t.Errorf("%s: no exported subject", name)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, rootFiles) {
		t.Errorf("the files of the root package are %q, want %q; mechanisms belong under internal/", names, rootFiles)
	}
}

func declaresExported(d ast.Decl) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Name.IsExported()
	case *ast.GenDecl:
		return slices.ContainsFunc(d.Specs, func(spec ast.Spec) bool {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				return spec.Name.IsExported()
			case *ast.ValueSpec:
				return spec.Names[0].IsExported()
			}
			return false
		})
	}
	return false
}

// goFiles calls f for every Go file below the root, of all modules or only of
// the root module.
func goFiles(t *testing.T, allModules bool, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			name := entry.Name()
			if path != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != "." && !allModules {
				return filepath.SkipDir
			}
		case strings.HasSuffix(path, ".go"):
			f(filepath.ToSlash(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A file is short enough to be read at once.
func TestLayoutLines(t *testing.T) {
	goFiles(t, true, func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		limit := maxFileLines
		if strings.HasSuffix(path, "_test.go") {
			limit = maxTestLines
		}
		if lines := bytes.Count(text, []byte("\n")); lines > limit {
			t.Errorf("%s has %d lines, want at most %d", path, lines, limit)
		}
	})
}

// Only internal/jose imports golang-jwt, so that no other code depends on it.
func TestLayoutImports(t *testing.T) {
	found := 0
	goFiles(t, false, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			if strings.Contains(spec.Path.Value, "golang-jwt") {
				found++
				if !strings.HasPrefix(path, "internal/jose/") {
					t.Errorf("%s imports %s", path, spec.Path.Value)
				}
			}
		}
	})
	if found == 0 {
		t.Error("no import of golang-jwt found")
	}
}

// rootDoc returns the documentation of the root package and its examples.
func rootDoc(t *testing.T) *doc.Package {
	t.Helper()
	files, parsed := rootPackage(t, false)
	pkg, err := doc.NewFromFiles(files, parsed, "github.com/seed-0a072700/jwtauth")
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// eachSymbol calls f for every exported symbol of pkg with its name, such as
// "Verify" or "Claims.Decode", and its comment.
func eachSymbol(pkg *doc.Package, f func(name, text string)) {
	values := func(list []*doc.Value) {
		for _, value := range list {
			for _, spec := range value.Decl.Specs {
				spec := spec.(*ast.ValueSpec)
				for _, name := range spec.Names {
					if name.IsExported() {
						f(name.Name, spec.Doc.Text()+spec.Comment.Text())
					}
				}
			}
		}
	}
	functions := func(list []*doc.Func) {
		for _, fn := range list {
			name := fn.Name
			if fn.Recv != "" {
				name = strings.TrimPrefix(fn.Recv, "*") + "." + name
			}
			f(name, fn.Doc)
		}
	}
	values(pkg.Consts)
	values(pkg.Vars)
	functions(pkg.Funcs)
	for _, typ := range pkg.Types {
		f(typ.Name, typ.Doc)
		values(typ.Consts)
		values(typ.Vars)
		functions(typ.Funcs)
		functions(typ.Methods)
	}
}

// The package stays small, and every exported symbol has a comment.
func TestLayoutExports(t *testing.T) {
	pkg := rootDoc(t)
	names := 0
	eachSymbol(pkg, func(name, text string) {
		if !strings.Contains(name, ".") {
			names++
		}
		if strings.TrimSpace(text) == "" {
			t.Errorf("%s has no comment", name)
		}
	})
	if names > maxExportedNames {
		t.Errorf("%d exported names, want at most %d", names, maxExportedNames)
	}
	t.Logf("%d exported names", names)
}

// Every function and method has a runnable example of its own. A type, constant
// or variable has one as well, or the code of another one uses it.
func TestLayoutExamples(t *testing.T) {
	_, tests := rootPackage(t, true)
	own, used := make(map[string]bool), make(map[string]bool)
	for _, example := range doc.Examples(tests...) {
		if example.Output == "" && !example.EmptyOutput {
			continue // compiled, but not run
		}
		own[example.Name] = true
		name, _, _ := strings.Cut(example.Name, "_")
		used[name] = true
		ast.Inspect(example.Code, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := selector.X.(*ast.Ident); ok && x.Name == "jwtauth" {
					used[selector.Sel.Name] = true
				}
			}
			return true
		})
	}
	pkg := rootDoc(t)
	functions := slices.Clone(pkg.Funcs)
	for _, typ := range pkg.Types {
		functions = append(functions, typ.Funcs...)
	}
	isFunction := func(name string) bool {
		return slices.ContainsFunc(functions, func(fn *doc.Func) bool { return fn.Name == name })
	}
	eachSymbol(pkg, func(name, _ string) {
		if isMethod := strings.Contains(name, "."); isMethod || isFunction(name) {
			if !own[strings.ReplaceAll(name, ".", "_")] {
				t.Errorf("%s has no runnable example of its own", name)
			}
		} else if !used[name] {
			t.Errorf("no runnable example uses %s", name)
		}
	})
}

var bracketed = regexp.MustCompile(`\[\*?[A-Z]\w*(\.\w+)?\]`)

// A link in a comment leads to a symbol. One that does not is shown as text.
func TestLayoutLinks(t *testing.T) {
	pkg := rootDoc(t)
	links := 0
	check := func(name, text string) {
		for _, block := range pkg.Parser().Parse(text).Content {
			walkText(block, func(part comment.Text) {
				switch part := part.(type) {
				case *comment.DocLink:
					links++
				case comment.Plain:
					if dead := bracketed.FindString(string(part)); dead != "" {
						t.Errorf("%s: the link %s leads nowhere", name, dead)
					}
				}
			})
		}
	}
	check("package", pkg.Doc)
	eachSymbol(pkg, check)
	if links < 100 {
		t.Errorf("only %d links found", links)
	}
}

// The overview has a section for each part of the package, with links.
func TestLayoutOverview(t *testing.T) {
	pkg := rootDoc(t)
	var headings []string
	links := 1 // since the last heading
	for _, block := range pkg.Parser().Parse(pkg.Doc).Content {
		if _, isHeading := block.(*comment.Heading); isHeading && links == 0 {
			t.Errorf("the section before %q has no link", block)
		}
		walkText(block, func(part comment.Text) {
			switch part := part.(type) {
			case *comment.DocLink:
				links++
			case comment.Plain:
				if _, isHeading := block.(*comment.Heading); isHeading {
					headings = append(headings, string(part))
					links = 0
				}
			}
		})
	}
	want := []string{
		"Signing", "Verifying", "Errors", "Sessions and refresh", "Cookies", "Passwords",
		"Keys and rotation", "Remote keys", "Stores", "Testing",
	}
	if !slices.Equal(headings, want) || links == 0 {
		t.Errorf("sections %q, want %q, each with links", headings, want)
	}
}

func walkText(block comment.Block, f func(comment.Text)) {
	switch block := block.(type) {
	case *comment.Paragraph:
		for _, text := range block.Text {
			f(text)
		}
	case *comment.Heading:
		for _, text := range block.Text {
			f(text)
		}
	case *comment.List:
		for _, item := range block.Items {
			for _, block := range item.Content {
				walkText(block, f)
			}
		}
	case *comment.Code: // holds no links
	default:
		panic(fmt.Sprintf("unknown block %T", block))
	}
}
