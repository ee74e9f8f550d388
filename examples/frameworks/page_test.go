// Package frameworks_test compares docs/frameworks.md with the code here.
package frameworks_test

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

const maxGlueLines = 40

var codeBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// Each example has a section of the page, which links to it and shows exactly
// its code to copy: glue.go, or Routes if there is no glue.go.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/frameworks.md")
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob("with*")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for section := range strings.SplitSeq(string(page), "\n## ") {
		blocks := codeBlock.FindAllStringSubmatch(section, -1)
		link := regexp.MustCompile(`\]\(\.\./examples/frameworks/(with\w+)\)`).FindStringSubmatch(section)
		if len(blocks) == 0 && link == nil {
			continue
		}
		heading, _, _ := strings.Cut(section, "\n")
		if link == nil || !slices.Contains(folders, link[1]) {
			t.Errorf("%s: code without a link to its example", heading)
			continue
		}
		found++
		var shown []string
		for _, block := range blocks {
			shown = append(shown, declarations(t, heading, "package p\n\n"+block[1], "")...)
		}
		want := glue(t, link[1])
		for _, d := range want {
			if !slices.Contains(shown, d) {
				t.Errorf("%s: the page lacks\n%s", heading, d)
			}
		}
		for _, d := range shown {
			if !slices.Contains(want, d) {
				t.Errorf("%s: the example lacks\n%s", heading, d)
			}
		}
		lines := 0
		for line := range strings.SplitSeq(strings.Join(want, "\n"), "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				lines++
			}
		}
		if t.Logf("%s: %d lines of glue", heading, lines); lines > maxGlueLines {
			t.Errorf("%s: more than %d lines of glue", heading, maxGlueLines)
		}
	}
	if found != len(folders) {
		t.Errorf("%d sections for %d examples", found, len(folders))
	}
}

func glue(t *testing.T, folder string) []string {
	t.Helper()
	file, only := filepath.Join(folder, "glue.go"), ""
	src, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		file, only = filepath.Join(folder, "routes.go"), "Routes"
		src, err = os.ReadFile(file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return declarations(t, file, string(src), only)
}

// declarations returns the declarations in src with their comments, without
// imports. If only is not empty, it returns the function of that name.
func declarations(t *testing.T, name, src, only string) (list []string) {
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
			if d.Tok == token.IMPORT || only != "" {
				continue
			}
			if d.Doc != nil {
				start = d.Doc.Pos()
			}
		case *ast.FuncDecl:
			if only != "" && d.Name.Name != only {
				continue
			}
			if d.Doc != nil {
				start = d.Doc.Pos()
			}
		}
		list = append(list, src[files.Position(start).Offset:files.Position(d.End()).Offset])
	}
	return list
}
