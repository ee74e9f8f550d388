package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var codeBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// The code of the guide is the code that the tests run: each declaration of the
// snippets is on the page, and the page has no other code.
func TestGuideCode(t *testing.T) {
	page := readPage(t, "providers.md")
	var shown []string
	for _, block := range codeBlock.FindAllStringSubmatch(page, -1) {
		shown = append(shown, declarations(t, "page", "package p\n\n"+block[1])...)
	}
	files, err := filepath.Glob("snippets_*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tested []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tested = append(tested, declarations(t, name, string(text))...)
	}
	for _, d := range shown {
		if !slices.Contains(tested, d) {
			t.Errorf("the page has code that is not tested:\n%s", d)
		}
	}
	for _, d := range tested {
		if !slices.Contains(shown, d) {
			t.Errorf("the page lacks the code:\n%s", d)
		}
	}
	if len(shown) < 30 {
		t.Errorf("only %d declarations found", len(shown))
	}
}

// declarations returns the text of the declarations in src, with comments and
// without imports.
func declarations(t *testing.T, name, src string) (list []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		start := d.Pos()
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			if d.Doc != nil {
				start = d.Doc.Pos()
			}
		case *ast.FuncDecl:
			if d.Doc != nil {
				start = d.Doc.Pos()
			}
		}
		list = append(list, src[files.Position(start).Offset:files.Position(d.End()).Offset])
	}
	return list
}

// Each entry of the guide has tokens in TestProviders or a test of its own, and
// states the same things.
func TestGuideEntries(t *testing.T) {
	var tested []string
	for _, p := range providers() {
		tested = append(tested, p.name)
	}
	tested = append(tested, "AWS ALB") // TestALBData and TestProxies
	entries := strings.Split(readPage(t, "providers.md"), "\n## ")[1:]
	var headings []string
	for _, entry := range entries[1:] { // after the common rules
		heading, text, _ := strings.Cut(entry, "\n")
		headings = append(headings, heading)
		if !slices.Contains(tested, heading) {
			t.Errorf("%s has no test", heading)
		}
		for _, part := range []string{"**Audience**", "**Check**", "**Scopes**", "**Pitfalls**", "```go"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s says nothing about %s", heading, part)
			}
		}
	}
	for _, name := range tested {
		if !slices.Contains(headings, name) {
			t.Errorf("%s has no entry", name)
		}
	}
	t.Logf("%d entries", len(headings))
}

// Links within a page lead to a heading.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pages {
		page := readPage(t, name)
		anchors := map[string]bool{}
		for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
			anchors["#"+strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
		}
		for _, link := range regexp.MustCompile(`\]\((#[^)]*)\)`).FindAllStringSubmatch(page, -1) {
			if !anchors[link[1]] {
				t.Errorf("%s: %s leads nowhere", name, link[1])
			}
		}
	}
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
