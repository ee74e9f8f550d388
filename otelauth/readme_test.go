package otelauth_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The code in README.md compiles.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	code.WriteString(`package main

import (
	"log"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/otelauth"
)

var (
	key       jwtauth.Key
	store     jwtauth.SessionStore
	telemetry *otelauth.Telemetry
)

func main() {}
`)
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	for i, block := range blocks {
		fmt.Fprintf(&code, "\nfunc block%d() {\n%s", i, block[1])
		for _, name := range regexp.MustCompile(`(?m)^(\w+)(?:, err)? :=`).FindAllStringSubmatch(block[1], -1) {
			fmt.Fprintf(&code, "\t_ = %s\n", name[1])
		}
		code.WriteString("\t_ = err\n}\n")
	}
	if len(blocks) != 2 {
		t.Errorf("%d blocks found", len(blocks))
	}
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(code.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// README.md and the package comment list the same metrics with the same
// attributes.
func TestReadmeMetrics(t *testing.T) {
	page, source := readFile(t, "README.md"), readFile(t, "otelauth.go")
	rows := regexp.MustCompile("(?m)^\\| `(jwtauth[.\\w]+)` \\|(.*)$").FindAllStringSubmatch(page, -1)
	if len(rows) != 11 {
		t.Errorf("%d metrics found", len(rows))
	}
	attribute := regexp.MustCompile(`(?:jwtauth|error)\.[a-z.]+`)
	for _, row := range rows {
		comment := regexp.MustCompile(`(?m)^//\t` + regexp.QuoteMeta(row[1]) + ` .*(\n//\t {10}.*)?$`).FindString(source)
		want := attribute.FindAllString(comment, -1)
		got := append([]string{row[1]}, attribute.FindAllString(row[2], -1)...)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("README.md has %q, the comment %q", got, want)
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
