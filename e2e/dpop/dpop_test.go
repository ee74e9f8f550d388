// Package dpop_test tests DPoP (RFC 9449) with other implementations: a
// provider whose tokens are bound to a key, and a client that makes proofs.
package dpop_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
	"github.com/seed-0a072700/jwtauth/memstore"
)

const audience = "https://api.example"

// service starts a service that responds with the subject of the token.
func service(t *testing.T, verifier jwtauth.TokenVerifier, nonces bool) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	opts := dpop.Options{URL: "http://" + server.Listener.Addr().String()}
	if nonces {
		opts.NonceKey = []byte("a published test key of 32 bytes or more")
	}
	proofs, err := dpop.NewVerifier(opts)
	if err != nil {
		t.Fatal(err)
	}
	protect := jwtauth.Verify(verifier, proofs.VerifyOptions()...)
	server.Config.Handler = proofs.Nonces(protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Fprint(w, claims.Subject)
	})))
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

type result struct {
	Status          int
	Body, Challenge string
}

// newClient returns the thumbprint of a new key.
func newClient(t *testing.T, peer *node.Peer, name, alg string) string {
	t.Helper()
	return node.Get[struct{ Thumbprint string }](t, peer, "client", node.Object{"name": name, "alg": alg}).Thumbprint
}

func call(t *testing.T, peer *node.Peer, name, token, method, url string) result {
	t.Helper()
	return node.Get[result](t, peer, "call", node.Object{"name": name, "token": token, "method": method, "url": url})
}

// In TestProviderTokens oidc-provider issues tokens that are bound to the key
// of a client, and a service verifies them.
func TestProviderTokens(t *testing.T) {
	for _, nonces := range []bool{false, true} {
		t.Run(fmt.Sprintf("nonces=%v", nonces), func(t *testing.T) {
			peer := node.New(t, ".")
			issuer := node.Get[struct{ Issuer string }](t, peer, "provider", node.Object{"requireNonce": nonces}).Issuer
			keys, err := jwtauth.NewRemoteKeys(issuer+"/jwks", jwtauth.RemoteKeysOptions{})
			if err != nil {
				t.Fatal(err)
			}
			verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: issuer, Audience: []string{audience}})
			if err != nil {
				t.Fatal(err)
			}
			url := service(t, verifier, nonces)
			newClient(t, peer, "own", "ES256")
			newClient(t, peer, "thief", "ES256")
			tokens := node.Get[struct{ Token, Type string }](t, peer, "token", node.Object{"name": "own"})
			if !strings.EqualFold(tokens.Type, "DPoP") {
				t.Errorf("token_type %s", tokens.Type)
			}
			for range 3 {
				if got := call(t, peer, "own", tokens.Token, "POST", url+"/items?page=1"); got.Status != 200 || got.Body != "app" {
					t.Errorf("%+v", got)
				}
			}
			got := call(t, peer, "thief", tokens.Token, "GET", url+"/items")
			if got.Status != 401 || !strings.Contains(got.Challenge, `DPoP error="invalid_dpop_proof"`) {
				t.Errorf("with the key of another client: %+v", got)
			}
			bearer, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			if err != nil {
				t.Fatal(err)
			}
			bearer.Header.Set("Authorization", "Bearer "+tokens.Token)
			response, err := http.DefaultClient.Do(bearer)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != 401 {
				t.Errorf("as bearer token: %d", response.StatusCode)
			}
		})
	}
}

// In TestIssuerTokens oauth4webapi uses tokens of an Issuer.
func TestIssuerTokens(t *testing.T) {
	peer := node.New(t, ".")
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: memstore.New()})
	if err != nil {
		t.Fatal(err)
	}
	for _, nonces := range []bool{false, true} {
		url := service(t, issuer, nonces)
		for _, alg := range []string{"ES256", "Ed25519"} {
			name := fmt.Sprint(alg, nonces)
			thumbprint := newClient(t, peer, name, alg)
			tokens, err := issuer.Login(t.Context(), "ann", jwtauth.Confirmation("jkt", thumbprint))
			if err != nil {
				t.Fatal(err)
			}
			if got := call(t, peer, name, tokens.AccessToken, "GET", url+"/a%20b/c"); got.Status != 200 || got.Body != "ann" {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}
