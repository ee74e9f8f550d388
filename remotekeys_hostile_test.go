package jwtauth_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// The hostile requests, with keys from a provider. Requests with public keys
// end as they do with StaticKeys. Symmetric keys verify nothing.
func TestHostileRequestsRemoteKeys(t *testing.T) {
	t.Parallel()
	public, symmetric, passed := 0, 0, 0
	for _, c := range hostileCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			p := new(provider)
			texts, secret := make([]string, len(c.Keys)), false
			for i, text := range c.Keys {
				texts[i] = string(text)
				secret = secret || strings.Contains(texts[i], `"oct"`)
			}
			p.replies(responds(200, `{"keys":[`+strings.Join(texts, ",")+`]}`))
			keys, err := jwtauth.NewRemoteKeys(providerKeys, jwtauth.RemoteKeysOptions{Transport: p})
			if err != nil {
				t.Fatal(err)
			}
			opts := jwtauth.VerifierOptions{Issuer: c.Config.Issuer, Audience: []string{c.Config.Audience}, Leeway: time.Duration(c.Config.Leeway) * time.Second}
			if c.Config.Leeway == 0 {
				opts.Leeway = -1
			}
			if c.Config.Type != "" {
				opts.Types = []string{c.Config.Type}
			}
			if c.Config.Now != 0 {
				opts.Now = func() time.Time { return time.Unix(c.Config.Now, 0) }
			}
			handler := jwtauth.Verify(newVerifier(t, keys, opts))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			for range 2 {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, c.request())
				allowed := append([]int{c.ExpectStatus}, c.AltStatus...)
				switch {
				case secret || c.Category == "weak-key":
					if w.Code < 400 {
						t.Errorf("status %d", w.Code)
					}
					symmetric++
				case !slices.Contains(allowed, w.Code):
					t.Errorf("%s: status %d, want %v", c.Description, w.Code, allowed)
				default:
					public++
					if w.Code == 200 {
						passed++
					}
				}
			}
			if n := p.fetches(); n > 1 {
				t.Errorf("%d fetches", n)
			}
		})
	}
	if public < 100 || symmetric < 100 || passed < 20 {
		t.Errorf("%d requests with public keys, of which %d passed, and %d with other keys: this proves little", public, passed, symmetric)
	}
}
