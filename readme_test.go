package jwtauth_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

// Programs of the README are built; what is a part of one stands in this file, which is compiled, word for word.
func TestReadmeCompiles(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("%d blocks of Go found", len(blocks))
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if strings.HasPrefix(code, "package main") {
			buildProgram(t, code)
		} else if !strings.Contains(words(string(self)), words(code)) {
			t.Errorf("not in readme_test.go:\n%s", code)
		}
	}
}

func buildProgram(t *testing.T, code string) {
	t.Helper()
	dir, err := os.MkdirTemp(".", "readme-program-") // inside the module
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", "./"+dir).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, code)
	}
}

// The links of the README lead somewhere.
func TestReadmeLinks(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(readme), "](")[1:] {
		target, _, _ := strings.Cut(part, ")")
		if strings.Contains(target, "://") {
			continue
		}
		if _, err := os.Stat(target); err != nil {
			t.Errorf("link to %s: %v", target, err)
		}
	}
}

func readmeVerifier(keys jwtauth.KeySource) (*jwtauth.Verifier, error) {
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
	})
	return verifier, err
}

func TestReadmeVerifier(t *testing.T) {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readmeVerifier(staticKeys(t, key)); err != nil {
		t.Error(err)
	}
}

func TestReadmeRequire(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	reports, deleteAccount, admin := ok, ok, ok
	protect := jwtauth.Verify(jwtauthtest.Verifier(t))
	mux := http.NewServeMux()

	mux.Handle("GET /reports", protect(jwtauth.RequireScope("reports:read")(reports)))
	mux.Handle("DELETE /account", protect(jwtauth.RequireFresh(5*time.Minute)(deleteAccount)))
	mux.Handle("GET /admin", protect(jwtauth.Require(func(c *jwtauth.Claims) error {
		var private struct {
			Role string `json:"role"`
		}
		if err := c.Decode(&private); err != nil || private.Role != "admin" {
			return jwtauth.ErrForbidden
		}
		return nil
	})(admin)))

	for _, c := range []struct {
		method, target string
		claims         map[string]any
		want           int
	}{
		{"GET", "/reports", map[string]any{"scope": "reports:read"}, 200},
		{"GET", "/reports", map[string]any{"scope": "reports"}, 403},
		{"DELETE", "/account", nil, 401},
		{"GET", "/admin", map[string]any{"role": "admin"}, 200},
		{"GET", "/admin", map[string]any{"role": "user"}, 403},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Header.Set("Authorization", "Bearer "+jwtauthtest.Token(t, "ada", c.claims))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s with %v: %d, want %d", c.method, c.target, c.claims, w.Code, c.want)
		}
	}
}

func dashboard(w http.ResponseWriter, r *http.Request) {
	claims, _ := jwtauth.FromContext(r.Context())
	_, _ = w.Write([]byte(claims.Subject))
}

func TestDashboard(t *testing.T) {
	handler := jwtauth.Verify(jwtauthtest.Verifier(t))(http.HandlerFunc(dashboard))
	r := httptest.NewRequest("GET", "/dashboard", nil)
	r.Header.Set("Authorization", "Bearer "+jwtauthtest.Token(t, "ada", nil))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}
