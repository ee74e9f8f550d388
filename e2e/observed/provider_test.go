package observed_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// provider is an identity provider whose key set can fail.
type provider struct {
	url string // of the issuer

	mu           sync.Mutex
	current      *jwtauth.Issuer
	down         bool
	good, failed int // responses with keys, and without
}

const audience = "https://observed.example"

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := new(provider)
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close)
	p.url = server.URL
	p.replaceKey(t)
	return p
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		p.failed++
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	p.good++
	p.current.JWKS().ServeHTTP(w, r)
}

// replaceKey makes the provider sign with a new key, and publish only this one.
func (p *provider) replaceKey(t *testing.T) {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: p.url, Audience: []string{audience}})
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = issuer
}

func (p *provider) setDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// token returns a token with a scope.
func (p *provider) token(t *testing.T, scope string) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	token, err := p.current.Sign("user-7", map[string]string{"scope": scope})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// with returns a copy of a tally with the fetches of the provider's keys.
func (c tally) with(p *provider) tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := maps.Clone(c)
	for range p.good {
		all.add("jwtauth_keys_fetches_total", map[string]string{"jwtauth_keys_source": "provider"})
	}
	for range p.failed {
		all.add("jwtauth_keys_fetches_total", map[string]string{"jwtauth_keys_source": "provider", "error_type": "fetch_failed"})
	}
	return all
}
