package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// testFunction is a test, and the strings of the file that declares it: they
// contain the names of its cases.
type testFunction struct{ texts map[string]bool }

// testsIn returns the tests in a folder of the repository by their names.
func testsIn(t *testing.T, folder string) map[string]testFunction {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	tests := make(map[string]testFunction)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		texts := make(map[string]bool)
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				texts[text] = err == nil
			}
			return true
		})
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				tests[f.Name.Name] = testFunction{texts}
			}
		}
	}
	return tests
}

var (
	row      = regexp.MustCompile(`(?m)^\| .* \|$`)
	testName = regexp.MustCompile(`^(?:([a-z0-9/]+)\.)?((?:Test|Fuzz)\w+)(?:/(.+))?$`)
	quoted   = regexp.MustCompile("`([^`]+)`")
)

// Every row of the conformance table names tests that exist. A test that is
// deleted or renamed, or a case of it, makes this one fail.
func TestConformance(t *testing.T) {
	packages := make(map[string]map[string]testFunction)
	total := 0
	for _, section := range strings.Split(readPage(t, "conformance.md"), "\n## ")[1:] {
		heading, text, _ := strings.Cut(section, "\n")
		rows := 0
		for _, line := range row.FindAllString(text, -1)[2:] { // after the head of the table
			rows++
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			names := quoted.FindAllStringSubmatch(cells[len(cells)-1], -1)
			if len(names) == 0 {
				t.Errorf("%s: no test: %s", heading, line)
			}
			for _, name := range names {
				checkTest(t, packages, name[1])
			}
		}
		t.Logf("%s: %d rows", heading, rows)
		total += rows
	}
	t.Logf("%d rows", total)
	if total < 150 {
		t.Errorf("only %d rows", total)
	}
}

// checkTest checks that a test exists, such as internal/jose.TestWork/nil.
func checkTest(t *testing.T, packages map[string]map[string]testFunction, name string) {
	t.Helper()
	parts := testName.FindStringSubmatch(name)
	if parts == nil {
		t.Errorf("%s is not the name of a test", name)
		return
	}
	folder, function, subtest := parts[1], parts[2], parts[3]
	if packages[folder] == nil {
		packages[folder] = testsIn(t, folder)
	}
	f, ok := packages[folder][function]
	switch {
	case !ok:
		t.Errorf("%s: there is no function %s", name, function)
	case subtest != "" && !f.texts[subtest]:
		t.Errorf("%s: the file of %s has no case %q", name, function, subtest)
	}
}
