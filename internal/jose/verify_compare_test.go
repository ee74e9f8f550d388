package jose_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// RFC 7518, section 3.2: a MAC is compared in constant time. No test can measure
// that reliably, so this one reads the code: only subtle.ConstantTimeCompare
// compares what verifying has computed, and never == or bytes.Equal.
func TestConstantTimeComparison(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "verify.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	calls := make(map[string]int)
	ast.Inspect(file, func(n ast.Node) bool {
		if f, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := f.X.(*ast.Ident); ok {
				calls[pkg.Name+"."+f.Sel.Name]++
			}
		}
		return true
	})
	if calls["subtle.ConstantTimeCompare"] == 0 {
		t.Error("the MAC is not compared by subtle.ConstantTimeCompare")
	}
	for _, name := range []string{"bytes.Equal", "bytes.Compare", "slices.Equal", "strings.Compare"} {
		if calls[name] > 0 {
			t.Errorf("verify.go calls %s", name)
		}
	}
}
