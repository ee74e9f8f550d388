package jwtauth_test

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// structFields returns the exported fields of the structs of a package by the
// name of the struct, and the parameters of its functions and methods by their
// name.
func structFields(files []*ast.File) (fields map[string][]*ast.Field, parameters map[string][]string) {
	fields, parameters = make(map[string][]*ast.Field), make(map[string][]string)
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					fields[n.Name.Name] = s.Fields.List
				}
			case *ast.FuncDecl:
				parameters[n.Name.Name] = []string{} // known, even without any
				for _, parameter := range n.Type.Params.List {
					for _, name := range parameter.Names {
						parameters[n.Name.Name] = append(parameters[n.Name.Name], name.Name)
					}
				}
			}
			return true
		})
	}
	return fields, parameters
}

var (
	fieldPath    = regexp.MustCompile(`^([A-Z]\w*)\.(\w+)`)
	argumentPath = regexp.MustCompile(`^([A-Z]\w*): (\w+)`)
	panicPath    = regexp.MustCompile(`^jwtauth: ([A-Z]\w*): `)
)

// Errors of constructors name fields and arguments that exist.
func TestLayoutErrorPaths(t *testing.T) {
	set, files := rootPackage(t, false)
	fields, parameters := structFields(files)
	seen := 0
	check := func(pos token.Pos, text string) {
		if m := fieldPath.FindStringSubmatch(text); m != nil {
			seen++
			if !slices.ContainsFunc(fields[m[1]], func(f *ast.Field) bool {
				return slices.ContainsFunc(f.Names, func(name *ast.Ident) bool { return name.Name == m[2] })
			}) {
				t.Errorf("%s: there is no field %s", set.Position(pos), m[0])
			}
		} else if m := argumentPath.FindStringSubmatch(text); m != nil {
			seen++
			if !slices.Contains(parameters[m[1]], m[2]) {
				t.Errorf("%s: %s has no argument %s", set.Position(pos), m[1], m[2])
			}
		} else if m := panicPath.FindStringSubmatch(text); m != nil {
			seen++
			if parameters[m[1]] == nil {
				t.Errorf("%s: there is no function %s", set.Position(pos), m[1])
			}
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				if value, err := strconv.Unquote(text.Value); err == nil {
					check(text.Pos(), value)
				}
			}
			return true
		})
	}
	if seen < 60 {
		t.Errorf("only %d paths found", seen)
	}
}

// Fields that are called while requests run say whether several calls can run
// at a time.
func TestLayoutCallbacks(t *testing.T) {
	set, files := rootPackage(t, false)
	fields, _ := structFields(files)
	seen := 0
	for name, list := range fields {
		if !token.IsExported(name) {
			continue
		}
		comment := ""
		for _, field := range list {
			if field.Doc != nil { // fields without a comment share the one before
				comment = field.Doc.Text()
			}
			if _, ok := field.Type.(*ast.FuncType); !ok || !field.Names[0].IsExported() {
				continue
			}
			seen++
			if !strings.Contains(strings.Join(strings.Fields(comment), " "), "safe for concurrent use") {
				t.Errorf("%s: the comment of %s.%s does not mention concurrent use", set.Position(field.Pos()), name, field.Names[0])
			}
		}
	}
	if seen < 12 {
		t.Errorf("only %d fields found", seen)
	}
}
