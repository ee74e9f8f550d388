package jwtauth_test

import (
	"context"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

// The folder e2e/readme holds the test that types the commands of the README.

func readmeText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadmeLength(t *testing.T) {
	if lines := strings.Count(readmeText(t), "\n"); lines > 250 {
		t.Errorf("README.md has %d lines, the limit is 250", lines)
	}
}

// All Go code of the README compiles. Programs are vetted. Snippets must be
// part of this file, word for word.
func TestReadmeCompiles(t *testing.T) {
	self, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	blocks := strings.Split(readmeText(t), "```go\n")[1:]
	if len(blocks) < 3 {
		t.Fatalf("%d blocks of Go found", len(blocks))
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if strings.Contains(code, "\npackage main\n") {
			vetProgram(t, code)
		} else if !strings.Contains(words(string(self)), words(code)) {
			t.Errorf("not in readme_test.go:\n%s", code)
		}
	}
}

func vetProgram(t *testing.T, code string) {
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
	if out, err := exec.Command("gofmt", "-l", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt: %v %s", err, out)
	}
}

// All links to files of the repository lead somewhere.
func TestReadmeLinks(t *testing.T) {
	for _, part := range strings.Split(readmeText(t), "](")[1:] {
		target, _, _ := strings.Cut(part, ")")
		if strings.Contains(target, "://") {
			continue
		}
		if _, err := os.Stat(target); err != nil {
			t.Errorf("link to %s: %v", target, err)
		}
	}
}

// The ratios in the README are those of bench/BENCHMARKS.md.
func TestReadmeRatios(t *testing.T) {
	report, err := os.ReadFile(filepath.Join("bench", "BENCHMARKS.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, first, _ := strings.Cut(string(report), "## One request, 250 bytes, first\n")
	_, repeat, _ := strings.Cut(string(report), "## One request, 250 bytes, repeat\n")
	ratio := func(section, name string, column int) string {
		_, row, _ := strings.Cut(section, "\n| "+name+" |")
		row, _, _ = strings.Cut(row, "\n")
		cells := strings.Split(row, "|")
		if len(cells) <= column {
			return "no figure"
		}
		return regexp.MustCompile(`[0-9.]+×`).FindString(cells[column])
	}
	_, table, _ := strings.Cut(readmeText(t), "| HS256, first use | RS256, repeated | ES256, repeated |\n| --- | --- | --- | --- |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	if len(rows) < 2 {
		t.Fatalf("the table of ratios has %d rows", len(rows))
	}
	for _, row := range rows {
		name := strings.TrimSpace(strings.Split(row, "|")[1])
		// The columns of the report are HS256, RS256, ES256 and EdDSA.
		want := fmt.Sprintf("| %s | %s | %s | %s |", name, ratio(first, name, 0), ratio(repeat, name, 1), ratio(repeat, name, 2))
		if row != want {
			t.Errorf("README: %s\nbench:  %s", row, want)
		}
	}
}

func readmeVerifier(keys jwtauth.KeySource) (*jwtauth.Verifier, error) {
	// A service that only verifies holds no signing key. It names the trusted issuer and itself.
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

func TestReadmeAuthorization(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	reports, deleteAccount, admin := ok, ok, ok
	protect := jwtauth.Verify(jwtauthtest.Verifier(t))
	isAdmin := func(c *jwtauth.Claims) error {
		var private struct {
			Role string `json:"role"`
		}
		if err := c.Decode(&private); err != nil || private.Role != "admin" {
			return jwtauth.ErrForbidden
		}
		return nil
	}
	mux := http.NewServeMux()

	mux.Handle("GET /reports", protect(jwtauth.RequireScope("reports:read")(reports)))
	mux.Handle("DELETE /account", protect(jwtauth.RequireFresh(5*time.Minute)(deleteAccount)))
	mux.Handle("GET /admin", protect(jwtauth.Require(isAdmin)(admin)))
	// isAdmin is your func(*jwtauth.Claims) error. It returns jwtauth.ErrForbidden for a 403.

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

// In the order of the README, CORS handles preflights. In the other order,
// Verify refuses them.
func TestReadmePreflight(t *testing.T) {
	cors := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	issuer := exampleIssuer()
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	r := httptest.NewRequest("OPTIONS", "/reports", nil)
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Access-Control-Request-Method", "GET")
	for name, c := range map[string]struct {
		handler http.Handler
		want    int
	}{
		"CORS outside":   {cors(jwtauth.Verify(issuer)(handler)), http.StatusNoContent},
		"Verify outside": {jwtauth.Verify(issuer)(cors(handler)), http.StatusUnauthorized},
	} {
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: a preflight has status %d, want %d", name, w.Code, c.want)
		}
	}
}

// Issuers that share a secret accept each other's tokens, unless they have
// different names.
func TestReadmeSharedSecret(t *testing.T) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	issuer := func(name string) *jwtauth.Issuer {
		i, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: name})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	token, err := issuer("").Sign("u-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer("").VerifyToken(t.Context(), token); err != nil {
		t.Errorf("without names: %v", err)
	}
	if token, err = issuer("a").Sign("u-1", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := issuer("b").VerifyToken(t.Context(), token); !errors.Is(err, jwtauth.ErrIssuerMismatch) {
		t.Errorf("with different names: %v", err)
	}
}

// An ES… signature (r, s) can be changed to (r, n−s) without the key. The jti
// stays the same.
func TestReadmeMalleableSignature(t *testing.T) {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("u-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, text := token[:strings.LastIndex(token, ".")+1], token[strings.LastIndex(token, ".")+1:]
	signature, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	altered := signed + base64.RawURLEncoding.EncodeToString(signature)
	if altered == token {
		t.Fatal("the signature has not changed")
	}
	before, err := issuer.VerifyToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	after, err := issuer.VerifyToken(t.Context(), altered)
	if err != nil || after.ID != before.ID || after.ID == "" {
		t.Errorf("the altered token: %+v, %v", after, err)
	}
}

// The verifier of Example_oldTokens refuses old tokens after the deadline, and
// tokens that the old code assigns to no user.
func TestOldTokensExample(t *testing.T) {
	verifier := oldTokens{issuer: exampleIssuer(), until: time.Now().Add(time.Hour)}
	verifier.old = func(string) (string, error) { return "u-1", nil }
	if claims, err := verifier.VerifyToken(t.Context(), "old"); err != nil || claims.Subject != "u-1" {
		t.Errorf("before the deadline: %+v, %v", claims, err)
	}
	verifier.until = time.Now().Add(-time.Second)
	if _, err := verifier.VerifyToken(t.Context(), "old"); !errors.Is(err, jwtauth.ErrTokenInvalid) {
		t.Errorf("after the deadline: %v", err)
	}
	verifier.until = time.Now().Add(time.Hour)
	for name, old := range map[string]func(string) (string, error){
		"error":   func(string) (string, error) { return "u-1", errors.New("expired") },
		"no user": func(string) (string, error) { return "", nil },
	} {
		verifier.old = old
		if _, err := verifier.VerifyToken(context.Background(), "old"); !errors.Is(err, jwtauth.ErrTokenInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
