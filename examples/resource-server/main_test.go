package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const audience = "https://api.example"

// TestMain lets a test run main in a second process.
func TestMain(m *testing.M) {
	if os.Getenv("JWTAUTH_EXAMPLE_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// provider is an identity provider on the loopback interface.
type provider struct {
	url    string
	issuer *jwtauth.Issuer
	served atomic.Int64
	down   atomic.Bool
}

func newProvider(t *testing.T, key jwtauth.Key) *provider {
	t.Helper()
	p := new(provider)
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.served.Add(1)
		if p.down.Load() {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	var err error
	if p.issuer, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: p.url, Audience: []string{audience}}); err != nil {
		t.Fatal(err)
	}
	mux.Handle("/keys", p.issuer.JWKS())
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, p.url, p.url+"/keys")
	})
	return p
}

func (p *provider) token(t *testing.T, claims any, opts ...jwtauth.SignOption) string {
	t.Helper()
	token, err := p.issuer.Sign("user-1", claims, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func generate(t *testing.T) jwtauth.Key {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// start runs the server on a free port until the test ends and returns its URL.
func start(t *testing.T, c config) string {
	t.Helper()
	c.addr, c.audience = "127.0.0.1:0", audience
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	addr := make(listening, 1)
	go func() {
		done <- run(ctx, slog.New(slog.NewJSONHandler(addr, nil)), c)
		close(done)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run returns %v", err)
		}
	})
	select {
	case addr := <-addr:
		return "http://" + addr
	case err := <-done:
		t.Fatalf("run returns %v", err)
		return ""
	}
}

// listening is a log that passes on the address that the server listens on.
type listening chan string

func (l listening) Write(line []byte) (int, error) {
	var record struct{ Msg, Addr string }
	if err := json.Unmarshal(line, &record); err != nil {
		return 0, err
	}
	if record.Msg == "listening" {
		l <- record.Addr
	}
	return len(line), nil
}

func get(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
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
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestResourceServer(t *testing.T) {
	key := generate(t)
	a, b, stranger := newProvider(t, key), newProvider(t, generate(t)), newProvider(t, key)
	url := start(t, config{issuers: []string{a.url, b.url}})
	strict := start(t, config{issuers: []string{a.url}, atJWT: true})
	direct := start(t, config{issuers: []string{b.url}, keys: b.url + "/keys"})
	read := map[string]any{"scope": "items:read", "client_id": "app"}
	for _, c := range []struct {
		name, url, token string
		status           int
		body             string // a part of it
	}{
		{"first issuer", url + "/whoami", a.token(t, read), 200, `{"client":"app","issuer":"` + a.url + `","scope":"items:read","subject":"user-1"}`},
		{"second issuer", url + "/whoami", b.token(t, nil), 200, `{"client":"","issuer":"` + b.url + `","scope":"","subject":"user-1"}`},
		{"keys without discovery", direct + "/whoami", b.token(t, nil), 200, b.url},
		{"unknown issuer", url + "/whoami", stranger.token(t, read), 401, "token_invalid"},
		{"another audience", url + "/whoami", a.token(t, read, jwtauth.ForAudience("https://other.example")), 401, "token_invalid"},
		{"no token", url + "/whoami", "", 401, "token_missing"},
		{"scope", url + "/items", a.token(t, read), 200, "a first item"},
		{"scope in an array", url + "/items", b.token(t, map[string]any{"scp": []string{"x", "items:read"}}), 200, "a first item"},
		{"without scope", url + "/items", a.token(t, nil), 403, "insufficient_scope"},
		{"another type", strict + "/whoami", a.token(t, read), 401, "token_invalid"},
		{"ready", url + "/ready", "", 204, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, body := get(t, c.url, c.token); status != c.status || !strings.Contains(body, c.body) {
				t.Errorf("responds %d %s, want %d %s", status, body, c.status, c.body)
			}
		})
	}
	if n := stranger.served.Load(); n != 0 {
		t.Errorf("a token made the server send %d requests to an unknown issuer", n)
	}
}

// The log says why keys are skipped.
func TestSkippedKeysAreLogged(t *testing.T) {
	var log strings.Builder
	s := &server{log: slog.New(slog.NewTextHandler(&log, nil))}
	s.onFetch(jwtauth.KeyFetch{URL: "https://idp.example/keys", Keys: 1})
	if strings.Contains(log.String(), "skipped") {
		t.Errorf("the log of a good fetch: %s", log.String())
	}
	s.onFetch(jwtauth.KeyFetch{URL: "https://idp.example/keys", Keys: 1, Skipped: []error{errors.New("a short key"), errors.New("a long key")}})
	for _, want := range []string{"https://idp.example/keys", "a short key", "a long key"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
}

// While the provider is down, the server starts and refuses tokens with 503.
func TestProviderDown(t *testing.T) {
	p := newProvider(t, generate(t))
	p.down.Store(true)
	url := start(t, config{issuers: []string{p.url}, cooldown: time.Second})
	for _, path := range []string{"/whoami", "/ready"} {
		if status, body := get(t, url+path, p.token(t, nil)); status != 503 || !strings.Contains(body, `"unavailable"`) {
			t.Errorf("%s responds %d %s", path, status, body)
		}
	}
	p.down.Store(false)
	for end := time.Now().Add(10 * time.Second); ; {
		status, body := get(t, url+"/whoami", p.token(t, nil))
		if status == 200 {
			break
		}
		if status != 503 || time.Now().After(end) {
			t.Fatalf("responds %d %s though the provider is back", status, body)
		}
	}
	if status, _ := get(t, url+"/ready", ""); status != 204 {
		t.Errorf("/ready responds %d", status)
	}
}

func TestProcess(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no issuer":               {[]string{"-audience", audience}, "-issuer and -audience are required"},
		"no audience":             {[]string{"-issuer", "https://idp.example"}, "-issuer and -audience are required"},
		"http":                    {[]string{"-issuer", "http://idp.example", "-audience", audience}, "is http"},
		"issuer twice":            {[]string{"-issuer", "https://idp.example", "-issuer", "https://idp.example", "-audience", audience}, "is given twice"},
		"keys of several issuers": {[]string{"-issuer", "https://a.example", "-issuer", "https://b.example", "-keys", "https://a.example/keys", "-audience", audience}, "exactly one -issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), program, append([]string{"-addr", "none"}, c.args...)...)
			cmd.Env = append(os.Environ(), "JWTAUTH_EXAMPLE_MAIN=1")
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), c.want) {
				t.Errorf("ends with %v, and says %s", err, out)
			}
		})
	}
}
