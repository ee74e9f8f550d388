package docs_test

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// declaration is a function, variable or constant of a test file.
type declaration struct {
	test  bool            // it is a test that the go command runs
	named int             // the index of its parameter "name" behind a *testing.T, or 0
	cases []string        // texts in it that are the names of cases
	calls []call          // of functions, whose arguments can be names of cases
	uses  map[string]bool // identifiers in it
}

// call is a call of a function, with those arguments that are texts.
type call struct {
	function string
	texts    map[int]string
}

// testFolder holds the declarations of the test files in a folder, by name.
type testFolder map[string]*declaration

func readTestFolder(t *testing.T, folder string) testFolder {
	t.Helper()
	dir := filepath.Join("..", filepath.FromSlash(folder))
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	f := make(testFolder)
	for _, name := range names {
		if ok, err := build.Default.MatchFile(dir, filepath.Base(name)); err != nil || !ok {
			continue // for another platform, or with a build tag
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		f.add(file)
	}
	return f
}

// add reads the declarations of one file. Those of one name, such as methods of
// two types, count as one.
func (f testFolder) add(file *ast.File) {
	read := func(name string, node ast.Node) *declaration {
		d := f[name]
		if d == nil {
			d = &declaration{uses: make(map[string]bool)}
			f[name] = d
		}
		d.read(node)
		return d
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			d := read(decl.Name.Name, decl)
			if params := parameters(decl.Type); len(params) > 0 && isTesting(params[0]) && decl.Recv == nil {
				d.test = len(params) == 1
				d.named = max(0, slices.IndexFunc(params, func(p param) bool { return p.name == "name" }))
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				if spec, ok := spec.(*ast.ValueSpec); ok {
					for _, name := range spec.Names {
						read(name.Name, spec)
					}
				}
			}
		}
	}
}

type param struct {
	name string
	of   ast.Expr
}

func parameters(f *ast.FuncType) (list []param) {
	for _, field := range f.Params.List {
		for _, name := range field.Names {
			list = append(list, param{name.Name, field.Type})
		}
	}
	return list
}

// isTesting reports whether a parameter is a *testing.T or *testing.F.
func isTesting(p param) bool {
	pointer, ok := p.of.(*ast.StarExpr)
	if !ok {
		return false
	}
	of, ok := pointer.X.(*ast.SelectorExpr)
	return ok && (of.Sel.Name == "T" || of.Sel.Name == "F")
}

// read notes the identifiers in node, and the texts where tests have the names
// of their cases: the first argument of Run, a key of a map, the first value of
// a struct, or its field "name".
func (d *declaration) read(node ast.Node) {
	add := func(e ast.Expr) {
		if text, ok := textOf(e); ok {
			d.cases = append(d.cases, text)
		}
	}
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			d.uses[n.Name] = true
		case *ast.CallExpr:
			switch function := n.Fun.(type) {
			case *ast.SelectorExpr:
				if function.Sel.Name == "Run" && len(n.Args) == 2 {
					add(n.Args[0])
				}
			case *ast.Ident:
				d.calls = append(d.calls, call{function.Name, texts(n.Args)})
			}
		case *ast.CompositeLit:
			for i, e := range n.Elts {
				pair, ok := e.(*ast.KeyValueExpr)
				switch {
				case ok && isName(pair.Key):
					add(pair.Value)
				case ok:
					add(pair.Key)
				case i == 0:
					add(e)
				}
			}
		}
		return true
	})
}

func isName(field ast.Expr) bool {
	id, ok := field.(*ast.Ident)
	return ok && id.Name == "name"
}

func textOf(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}

func texts(args []ast.Expr) map[int]string {
	m := make(map[int]string)
	for i, e := range args {
		if text, ok := textOf(e); ok {
			m[i] = text
		}
	}
	return m
}

// count returns how often name is the name of a case in the test, or in a
// declaration that it uses, directly or not.
func (f testFolder) count(test, name string) (n int) {
	seen, queue := map[string]bool{test: true}, []string{test}
	for ; len(queue) > 0; queue = queue[1:] {
		d := f[queue[0]]
		for _, text := range d.cases {
			if text == name {
				n++
			}
		}
		for _, c := range d.calls {
			if callee := f[c.function]; callee != nil && callee.named > 0 && c.texts[callee.named] == name {
				n++
			}
		}
		for used := range d.uses {
			if other := f[used]; other != nil && !other.test && !seen[used] {
				seen[used] = true
				queue = append(queue, used)
			}
		}
	}
	return n
}

var (
	bar      = regexp.MustCompile(`(?m)^\s*\|`)
	row      = regexp.MustCompile(`(?m)^\| .* \|$`)
	testName = regexp.MustCompile(`^(?:([a-z0-9/-]+)\.)?((?:Test|Fuzz)\w+)(?:/(.+))?$`)
	quoted   = regexp.MustCompile("`([^`]+)`")
)

// Every row of the conformance table names tests that exist. A test that is
// deleted or renamed, or a case of it, makes this one fail.
func TestConformance(t *testing.T) {
	folders := make(map[string]testFolder)
	total := 0
	for _, section := range strings.Split(readPage(t, "conformance.md"), "\n## ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		rows := 0
		lines := row.FindAllString(text, -1)
		if n := len(bar.FindAllString(text, -1)); n != len(lines) {
			t.Errorf("%s: %d lines begin with a bar, but %d are rows: the others are not checked", heading, n, len(lines))
		}
		for _, line := range lines[2:] { // after the head of the table
			rows++
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			names := quoted.FindAllStringSubmatch(cells[len(cells)-1], -1)
			if len(names) == 0 {
				t.Errorf("%s: no test: %s", heading, line)
			}
			for _, name := range names {
				if fault := checkTest(t, folders, name[1]); fault != "" {
					t.Errorf("%s: %s", name[1], fault)
				}
			}
		}
		t.Logf("%s: %d rows", heading, rows)
		total += rows
	}
	t.Logf("%d rows", total)
	if total < 250 {
		t.Errorf("only %d rows", total)
	}
}

// checkTest returns the fault in the name of a test, such as
// internal/jose.TestWork/nil, or "" if the test exists.
func checkTest(t *testing.T, folders map[string]testFolder, name string) string {
	t.Helper()
	parts := testName.FindStringSubmatch(name)
	if parts == nil {
		return "it is not the name of a test"
	}
	folder, function, subtest := parts[1], parts[2], parts[3]
	if folders[folder] == nil {
		folders[folder] = readTestFolder(t, folder)
	}
	f := folders[folder]
	if f[function] == nil || !f[function].test {
		return "there is no test " + function
	}
	if subtest == "" {
		return ""
	}
	switch n := f.count(function, subtest); n {
	case 0:
		return fmt.Sprintf("the test has no case %q", subtest)
	case 1:
		return ""
	default: // if one of them was renamed, this check would not fail
		return fmt.Sprintf("the test has %d cases %q", n, subtest)
	}
}

// The check of the table notices tests and cases that do not exist.
func TestConformanceCheck(t *testing.T) {
	folders := make(map[string]testFolder)
	for name, want := range map[string]string{
		"TestVerifyHeaders":                        "",
		"TestVerifyHeaders/crit":                   "",
		"internal/jose.TestNewRefuses/31 bytes":    "",
		"e2e/stores.TestProofs":                    "", // in another module
		"dpop.TestMalformed/two headers":           "", // an argument of a function
		"FuzzVerify":                               "",
		"TestVerifyHeader":                         "there is no test TestVerifyHeader",
		"e2e/stores.TestProof":                     "there is no test TestProof",
		"internal/josef.TestNewRefuses":            "there is no test TestNewRefuses",
		"TestVerifyHeaders/crits":                  `the test has no case "crits"`,
		"TestVerifyHeaders/alg":                    `the test has no case "alg"`,      // a text at another place
		"TestVerifyClaims/two algs":                `the test has no case "two algs"`, // a case of another test
		"internal/jose.TestNewRefuses/zeros":       `the test has 2 cases "zeros"`,    // one could be renamed
		"internal/jose.TestNewRefuses/no kty":      `the test has no case "no kty"`,   // of another file
		"TestVerifyHeaders/two algs/first segment": `the test has no case "two algs/first segment"`,
		"verify the signature":                     "it is not the name of a test",
	} {
		if got := checkTest(t, folders, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
