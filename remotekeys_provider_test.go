package jwtauth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// These helpers are for tests that fetch keys from a provider.

const (
	providerIssuer = "https://idp.example"
	providerKeys   = providerIssuer + "/keys"
)

// provider is an identity provider without a network: a transport that responds
// itself.
type provider struct {
	mu       sync.Mutex
	reply    func(*http.Request) (*http.Response, error)
	requests int
	reports  []jwtauth.KeyFetch
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.requests++
	reply := p.reply
	p.mu.Unlock()
	resp, err := reply(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

// replies sets the response to all requests from now on.
func (p *provider) replies(reply func(*http.Request) (*http.Response, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = reply
}

// serves lets a handler respond.
func (p *provider) serves(h http.Handler) {
	p.replies(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result(), nil
	})
}

// publishes makes the provider respond with the public parts of keys.
func (p *provider) publishes(t testing.TB, keys ...jwtauth.Key) {
	t.Helper()
	p.replies(responds(http.StatusOK, keySetOf(t, keys...)))
}

func (p *provider) fetches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func (p *provider) onFetch(f jwtauth.KeyFetch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports = append(p.reports, f)
}

// lastReport returns the report of the last fetch, which has ended.
func (p *provider) lastReport(t testing.TB) jwtauth.KeyFetch {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.reports) == 0 {
		t.Fatal("no fetch was reported")
	}
	return p.reports[len(p.reports)-1]
}

// remote returns the keys of p, and a verifier that uses them.
func (p *provider) remote(t testing.TB, opts jwtauth.RemoteKeysOptions) (*jwtauth.RemoteKeys, *jwtauth.Verifier) {
	t.Helper()
	opts.Transport, opts.OnFetch = p, p.onFetch
	keys, err := jwtauth.NewRemoteKeys(providerKeys, opts)
	if err != nil {
		t.Fatal(err)
	}
	return keys, newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
}

func responds(status int, body string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return response(status, body), nil }
}

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// hang never responds.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// fetched returns the keys of a set that was fetched, and the report.
func fetched(t testing.TB, set string, opts jwtauth.RemoteKeysOptions) (*jwtauth.RemoteKeys, jwtauth.KeyFetch) {
	t.Helper()
	reports := make(chan jwtauth.KeyFetch, 1)
	p := new(provider)
	p.replies(responds(http.StatusOK, set))
	opts.Transport, opts.OnFetch = p, func(f jwtauth.KeyFetch) { reports <- f }
	keys, err := jwtauth.NewRemoteKeys(providerKeys, opts)
	if err != nil {
		t.Fatal(err)
	}
	_ = keys.Ready(t.Context())
	return keys, <-reports
}

// jwk is a JSON Web Key that a test can change.
type jwk map[string]any

// jwkOf returns the public JWK of key.
func jwkOf(t testing.TB, key jwtauth.Key) jwk {
	t.Helper()
	var set struct{ Keys []jwk }
	if err := json.Unmarshal([]byte(keySetOf(t, key)), &set); err != nil || len(set.Keys) != 1 {
		t.Fatal(set, err)
	}
	return set.Keys[0]
}

// keySetOf returns the set that an issuer with keys publishes.
func keySetOf(t testing.TB, keys ...jwtauth.Key) string {
	t.Helper()
	issuer := issuerWith(t, keys[0], jwtauth.IssuerOptions{AcceptKeys: keys[1:]})
	return getJWKS(t, issuer.JWKS(), "GET", nil).Body.String()
}

// keySetText returns a set of JWKs, or of other values.
func keySetText(t testing.TB, keys ...any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func newKey(t testing.TB, alg jwtauth.Algorithm, material any) jwtauth.Key {
	t.Helper()
	key, err := jwtauth.NewKey(alg, material)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed returns a token of the provider that lives for a year.
func signed(t testing.TB, key jwtauth.Key) string {
	t.Helper()
	issuer := issuerWith(t, key, jwtauth.IssuerOptions{Issuer: providerIssuer, Audience: []string{"api"}})
	token, err := issuer.Sign("user-1", nil, jwtauth.ExpiresIn(365*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// wantVerify checks the result of verifying a token. If want is nil, the token
// is valid.
func wantVerify(t testing.TB, v jwtauth.TokenVerifier, token string, want error) {
	t.Helper()
	_, err := v.VerifyToken(t.Context(), token)
	switch {
	case want == nil && err != nil:
		t.Errorf("rejected: %v", err)
	case want != nil && !errors.Is(err, want):
		t.Errorf("got %v, want %v", err, want)
	case errors.Is(err, jwtauth.ErrUnavailable) && errors.Is(err, jwtauth.ErrTokenInvalid):
		t.Errorf("%v is an outage and a rejection at once", err)
	}
}

// wantVerifyAtOnce checks in addition that verifying takes no time in a
// synctest bubble.
func wantVerifyAtOnce(t testing.TB, v jwtauth.TokenVerifier, token string, want error) {
	t.Helper()
	begun := time.Now()
	wantVerify(t, v, token, want)
	if took := time.Since(begun); took != 0 {
		t.Errorf("the request waited for %v", took)
	}
}

func wantFetches(t testing.TB, p *provider, want int) {
	t.Helper()
	synctest.Wait()
	if got := p.fetches(); got != want {
		t.Errorf("%d fetches, want %d", got, want)
	}
}
