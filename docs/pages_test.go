package docs_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// prelude declares the names that the snippets of the pages use without
// declaring them.
const prelude = `package snippets

import (
	"context"
	"database/sql"
	"html/template"
	"net/http"
	"net/netip"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

var (
	ctx                   context.Context
	db                    *sql.DB
	mux                   *http.ServeMux
	w                     http.ResponseWriter
	r                     *http.Request
	key, old, next, fresh jwtauth.Key
	issuer                *jwtauth.Issuer
	verifier              *jwtauth.Verifier
	keys                  jwtauth.KeySource
	store                 jwtauth.SessionStore
	handlers              *jwtauth.Handlers
	cookies               *jwtauth.Cookies
	protect               func(http.Handler) http.Handler
	dashboard, reports    http.Handler
	socket                http.Handler
	deleteAccount         http.Handler
	admin                 http.Handler
	isAdmin               func(*jwtauth.Claims) error
	secret, oldSecret     []byte
	proxies               []netip.Prefix
	sessions              *sqlstore.Store
	attempts              *sqlstore.Attempts
	g                     *guard.Guard
	loginPage             *template.Template
	checkCode             func(ctx context.Context, username, code string) error
	useLink               func(ctx context.Context, secret string) (username string, err error)
	until                 time.Time
	newOldTokens          func(*jwtauth.Issuer, []byte, time.Time) (jwtauth.TokenVerifier, error)
	nonceKey, pemText     []byte
	subject, token        string
	name, password        string
	authenticate          func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error)
)
`

// imports are the packages that the snippets may use, by name.
var imports = map[string]string{
	"cmp": "cmp", "context": "context", "crypto": "crypto", "errors": "errors", "fmt": "fmt", "log": "log", "http": "net/http", "netip": "net/netip",
	"os": "os", "slog": "log/slog", "sql": "database/sql", "strings": "strings", "testing": "testing", "time": "time", "tls": "crypto/tls",
	"jwtauth": "github.com/seed-0a072700/jwtauth", "dpop": "github.com/seed-0a072700/jwtauth/dpop", "guard": "github.com/seed-0a072700/jwtauth/guard",
	"jwtauthtest": "github.com/seed-0a072700/jwtauth/jwtauthtest", "memstore": "github.com/seed-0a072700/jwtauth/memstore",
	"sqlstore": "github.com/seed-0a072700/jwtauth/sqlstore", "stream": "github.com/seed-0a072700/jwtauth/stream", "httptest": "net/http/httptest", "url": "net/url",
	"base64": "encoding/base64", "filepath": "path/filepath", "io": "io", "maps": "maps",
	"hex": "encoding/hex", "json": "encoding/json", "sha256": "crypto/sha256", "slices": "slices", "subtle": "crypto/subtle", "x509": "crypto/x509",
}

// pagesWithCode are the pages whose Go code is compiled block by block.
// providers.md and frameworks.md have tests of their own.
func pagesWithCode(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = slices.DeleteFunc(pages, func(name string) bool { return name == "providers.md" || name == "frameworks.md" })
	return append(pages, "../README.md", "../SECURITY.md", "../AGENTS.md", "../llms.txt")
}

// TestSnippets compiles the Go code of the pages.
func TestSnippets(t *testing.T) {
	module := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	writeModule(t, module, root)
	count := 0
	for _, page := range pagesWithCode(t) {
		for i, block := range codeBlock.FindAllStringSubmatch(readPage(t, page), -1) {
			if strings.Contains(block[1], "crypto11.") {
				continue // e2e/hsm has this code, and compares it with the page
			}
			count++
			name := fmt.Sprintf("%s%d", strings.ToLower(regexp.MustCompile(`[^A-Za-z]`).ReplaceAllString(strings.TrimSuffix(filepath.Base(page), ".md"), "")), i)
			writeSnippet(t, filepath.Join(module, name), block[1])
		}
	}
	// In providers.md, the code of each section compiles without the others.
	for i, section := range strings.Split(readPage(t, "providers.md"), "\n## ")[1:] {
		var code string
		for _, block := range codeBlock.FindAllStringSubmatch(section, -1) {
			count++
			code += block[1] + "\n"
		}
		writeSnippet(t, filepath.Join(module, fmt.Sprintf("provider%d", i)), code)
	}
	build := exec.CommandContext(t.Context(), "go", "vet", "./...")
	build.Dir = module
	build.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%d snippets", count)
	if count < 55 {
		t.Errorf("only %d snippets found", count)
	}
}

// writeModule writes a module that uses this one.
func writeModule(t *testing.T, module, root string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	_, requirements, _ := strings.Cut(string(text), "\n")
	mod := "module example.com/snippets\n" + requirements + "\nrequire github.com/seed-0a072700/jwtauth v0.0.0\n\nreplace github.com/seed-0a072700/jwtauth => " + root + "\n"
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(module, "go.mod"), mod)
	writeFile(t, filepath.Join(module, "go.sum"), string(sum))
}

// writeSnippet writes a snippet as a package of its own: a whole file,
// declarations, or statements.
func writeSnippet(t *testing.T, folder, code string) {
	t.Helper()
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(code, "\npackage main\n") || strings.HasPrefix(code, "package ") {
		writeFile(t, filepath.Join(folder, "main.go"), code)
		return
	}
	var used []string
	for _, name := range slices.Sorted(maps.Keys(imports)) {
		if regexp.MustCompile(`\b` + name + `\.`).MatchString(code) {
			used = append(used, fmt.Sprintf("%q", imports[name]))
		}
	}
	if !regexp.MustCompile(`(?m)^(func|type|var|const) `).MatchString(code) {
		code = statements(code)
	}
	writeFile(t, filepath.Join(folder, "snippet.go"), "package snippets\n\nimport (\n"+strings.Join(used, "\n")+"\n)\n\n"+code)
	text := prelude
	if strings.Contains(code, "func newOldTokens(") {
		text = regexp.MustCompile(`(?m)^\tnewOldTokens .*\n`).ReplaceAllString(text, "")
	}
	writeFile(t, filepath.Join(folder, "prelude.go"), text)
}

// declared finds the variables that a statement declares, outside of blocks.
var declared = regexp.MustCompile(`(?m)^([\w, ]+) :=`)

// statements wraps statements in a function that uses all variables.
func statements(code string) string {
	var uses bytes.Buffer
	seen := map[string]bool{"_": true}
	for _, match := range declared.FindAllStringSubmatch(code, -1) {
		if strings.HasPrefix(match[1], "if ") || strings.HasPrefix(match[1], "for ") {
			continue
		}
		for name := range strings.SplitSeq(match[1], ",") {
			if name = strings.TrimSpace(name); !seen[name] {
				seen[name] = true
				fmt.Fprintf(&uses, "\t_ = %s\n", name)
			}
		}
	}
	return "func _() {\n" + code + uses.String() + "}\n"
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var (
	fenced = regexp.MustCompile("(?ms)^```.*?^```$")
	inline = regexp.MustCompile("`[^`\n]*`")
)

var link = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)

// TestPageLinks follows every relative link in the Markdown files of the
// repository, to a file and to a heading.
func TestPageLinks(t *testing.T) {
	count := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md" && entry.Name() != "llms.txt":
			return nil
		}
		text := fenced.ReplaceAllString(readPage(t, path), "")
		for _, match := range link.FindAllStringSubmatch(inline.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			count++
			file := path
			if target != "" {
				file = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %s leads nowhere", path, match[1])
				continue
			}
			if anchor != "" && filepath.Ext(file) == ".md" && !slices.Contains(anchors(readPage(t, file)), anchor) {
				t.Errorf("%s: %s has no such heading", path, match[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d links", count)
}

// anchors returns the anchors of the headings of a page.
func anchors(page string) (list []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		text := regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(heading[1]), "")
		list = append(list, strings.ReplaceAll(text, " ", "-"))
	}
	return list
}

// The page about refusals names every code and every error of the package.
func TestWhyRefused(t *testing.T) {
	page := readPage(t, "why-refused.md")
	source := readPage(t, "../errors.go")
	_, table, _ := strings.Cut(source, "Clients should switch on it:")
	table, _, _ = strings.Cut(table, "func WriteError")
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^//\t\d{3} (\w+)`).FindAllStringSubmatch(table, -1) {
		names = append(names, match[1])
	}
	for _, match := range regexp.MustCompile(`(?m)^\t(Err\w+) `).FindAllStringSubmatch(source, -1) {
		names = append(names, match[1])
	}
	for _, name := range names {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the page does not explain %s", name)
		}
	}
	if len(names) < 40 {
		t.Errorf("only %d names found", len(names))
	}
}
