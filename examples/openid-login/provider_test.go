package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"golang.org/x/oauth2"

	"github.com/seed-0a072700/jwtauth"
)

const (
	clientID     = "test-client"
	clientSecret = "published-test-secret"
	keyID        = "key-1"
)

// provider is an OpenID provider that signs everybody in as one user. Its
// fields are the faults that a test gives it.
type provider struct {
	url string
	key *ecdsa.PrivateKey

	mu       sync.Mutex
	attempts map[string]url.Values // by code: the authorization requests

	subject  string
	claims   map[string]any // of the ID token
	info     map[string]any // of the UserInfo response
	deny     bool           // redirect back with an error
	down     bool           // respond 503 at the token endpoint
	otherKey bool           // sign with a key that is not published
	nonce    string         // in place of the one that was sent
	audience string         // in place of the client
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{
		attempts: map[string]url.Values{},
		subject:  "user-1",
		claims:   map[string]any{"name": "Ann", "email": "ann@example.com", "email_verified": true},
		audience: clientID,
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.url = server.URL
	p.key = newProviderKey(t)
	key, err := jwtauth.NewKey(jwtauth.ES256, p.key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwtauth.NewIssuer(key.WithID(keyID), jwtauth.IssuerOptions{}) // publishes the key
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		writeTestJSON(w, map[string]any{
			"issuer":                                p.url,
			"authorization_endpoint":                p.url + "/authorize",
			"token_endpoint":                        p.url + "/token",
			"userinfo_endpoint":                     p.url + "/userinfo",
			"jwks_uri":                              p.url + "/jwks",
			"id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.Handle("GET /jwks", keys.JWKS())
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { p.token(t, w, r) })
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer provider-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		writeTestJSON(w, p.info)
	})
	return p
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	back := url.Values{"state": {query.Get("state")}}
	if p.deny {
		back.Set("error", "access_denied")
	} else {
		code := rand.Text()
		p.mu.Lock()
		p.attempts[code] = query
		p.mu.Unlock()
		back.Set("code", code)
	}
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

// token exchanges a code once, and only with the verifier of its challenge.
func (p *provider) token(t *testing.T, w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	code := r.PostFormValue("code")
	p.mu.Lock()
	query, ok := p.attempts[code]
	delete(p.attempts, code)
	p.mu.Unlock()
	switch {
	case p.down:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case !ok, id != clientID, secret != clientSecret,
		query.Get("code_challenge_method") != "S256",
		oauth2.S256ChallengeFromVerifier(r.PostFormValue("code_verifier")) != query.Get("code_challenge"),
		r.PostFormValue("redirect_uri") != query.Get("redirect_uri"):
		w.WriteHeader(http.StatusBadRequest)
		writeTestJSON(w, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"nonce": query.Get("nonce")}
	maps.Copy(claims, p.claims)
	if p.nonce != "" {
		claims["nonce"] = p.nonce
	}
	key := p.key
	if p.otherKey {
		key = newProviderKey(t)
	}
	writeTestJSON(w, map[string]any{
		"token_type":   "Bearer",
		"access_token": "provider-token",
		"id_token":     p.sign(t, key, claims),
	})
}

// sign returns a token of the provider with these claims and those that every
// token has.
func (p *provider) sign(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	all := map[string]any{
		"iss": p.url, "sub": p.subject, "aud": p.audience, "jti": rand.Text(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		t.Error(err)
	}
	return oidctest.SignIDToken(key, keyID, oidc.ES256, string(payload))
}

func newProviderKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writeTestJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
