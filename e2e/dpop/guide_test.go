package dpop_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// TestGuideClient runs the program for Node on docs/dpop.md against the service
// of that page.
func TestGuideClient(t *testing.T) {
	need.Binary(t, "node")
	page, err := os.ReadFile("../../docs/dpop.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```js\n(.*?)^```$").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 1 {
		t.Fatalf("the page has %d programs", len(blocks))
	}
	const address = "http://localhost:8080"
	if strings.Count(blocks[0][1], address) != 1 {
		t.Fatalf("the program does not name %s once", address)
	}
	program := strings.ReplaceAll(blocks[0][1], address, guideService(t))
	name := filepath.Join(t.TempDir(), "client.mjs")
	if err := os.WriteFile(name, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", name).CombinedOutput()
	if want := "Hello ann\n401\n"; err != nil || string(out) != want {
		t.Errorf("%v: %s, want %s", err, out, want)
	}
}

// guideService starts the service of the page and returns its URL.
func guideService(t *testing.T) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	url = "http://" + server.Listener.Addr().String()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: memstore.New()})
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := dpop.NewVerifier(dpop.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(_ context.Context, username, _ string) (string, []jwtauth.LoginOption, error) {
			return username, nil, nil
		},
		Confirmation: proofs.Confirmation,
	})
	if err != nil {
		t.Fatal(err)
	}
	protect := jwtauth.Verify(issuer, proofs.VerifyOptions()...)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.Handle("GET /dashboard", protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Fprintf(w, "Hello %s", claims.Subject)
	})))
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	return url
}
