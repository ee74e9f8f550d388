package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/seed-0a072700/jwtauth"
)

// world is an authorization server and the example.
type world struct {
	issuer   *jwtauth.Issuer
	endpoint string // of the example
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	provider := http.NewServeMux()
	login := httptest.NewServer(provider)
	t.Cleanup(login.Close)
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: login.URL})
	if err != nil {
		t.Fatal(err)
	}
	provider.Handle("GET /jwks", issuer.JWKS())
	provider.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, login.URL, login.URL+"/jwks")
	})

	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	handler, err = newHandler(slog.New(slog.DiscardHandler), login.URL, server.URL+path)
	if err != nil {
		t.Fatal(err)
	}
	return &world{issuer, server.URL + path}
}

func (w *world) token(t *testing.T, claims any, opts ...jwtauth.SignOption) string {
	t.Helper()
	token, err := w.issuer.Sign("ann", claims, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// bearer adds a token to requests.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// whoAmI calls the tool with the SDK's client.
func (w *world) whoAmI(ctx context.Context, token string) (string, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "v1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: w.endpoint, HTTPClient: &http.Client{Transport: bearer(token)}}, nil)
	if err != nil {
		return "", err
	}
	defer session.Close()
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
	if err != nil {
		return "", err
	}
	return result.Content[0].(*mcp.TextContent).Text, nil
}

func TestTool(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	scopes := map[string]string{"scope": "openid tools"}
	got, err := w.whoAmI(ctx, w.token(t, scopes, jwtauth.ForAudience(w.endpoint)))
	if want := "You are ann, with the scopes openid tools."; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	for name, token := range map[string]string{
		"another resource":  w.token(t, scopes, jwtauth.ForAudience("https://other.example/mcp")),
		"no resource":       w.token(t, scopes),
		"without the scope": w.token(t, map[string]string{"scope": "openid"}, jwtauth.ForAudience(w.endpoint)),
		"no token":          "",
	} {
		if got, err := w.whoAmI(ctx, token); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A client learns from the challenge and from the metadata how to get a token.
func TestChallenge(t *testing.T) {
	w := newWorld(t)
	request := func(method, url, token string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	metadata := strings.TrimSuffix(w.endpoint, path) + "/.well-known/oauth-protected-resource" + path
	for _, c := range []struct {
		name, token string
		status      int
		want        string
	}{
		{"no token", "", 401, `Bearer realm="restricted", resource_metadata="` + metadata + `", scope="tools"`},
		{"without the scope", w.token(t, nil, jwtauth.ForAudience(w.endpoint)), 403,
			`Bearer realm="restricted", resource_metadata="` + metadata + `", error="insufficient_scope", scope="tools"`},
	} {
		resp := request("POST", w.endpoint, c.token)
		if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != c.status || got != c.want {
			t.Errorf("%s: %d %s, want %d %s", c.name, resp.StatusCode, got, c.status, c.want)
		}
	}
	if resp := request("OPTIONS", metadata, ""); resp.StatusCode != 204 || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a preflight gets %d %v", resp.StatusCode, resp.Header)
	}
}

// A proxy on the same machine passes on the public Host.
func TestBehindProxy(t *testing.T) {
	w := newWorld(t)
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.endpoint,
		strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoami"}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "mcp.example"
	req.Header.Set("Authorization", "Bearer "+w.token(t, map[string]string{"scope": "tools"}, jwtauth.ForAudience(w.endpoint)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if want := "You are ann, with the scopes tools."; err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), want) {
		t.Errorf("%d %s, %v, want %q", resp.StatusCode, body, err, want)
	}
}

// Without a token each method gets 401.
func TestMethods(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
		req, err := http.NewRequestWithContext(t.Context(), method, w.endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %v", method, resp.StatusCode, resp.Header)
		}
	}
}

func TestBadConfiguration(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for _, c := range [][2]string{
		{"login.example", "https://mcp.example/mcp"},
		{"https://login.example", "http://mcp.example/mcp"},
		{"https://login.example", ""},
	} {
		if _, err := newHandler(log, c[0], c[1]); err == nil {
			t.Errorf("%q is accepted", c)
		}
	}
	if err := run(t.Context(), log, "127.0.0.1:0", "", ""); err == nil {
		t.Error("no issuer is accepted")
	}
}
