package jwtauth_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/seed-0a072700/jwtauth"
)

// newAPI returns a service that accepts the tokens of an identity provider.
func newAPI(provider string) (http.Handler, error) {
	keys, err := jwtauth.NewRemoteKeysFromIssuer(provider, jwtauth.RemoteKeysOptions{
		OnFetch: func(f jwtauth.KeyFetch) {
			if f.Err != nil {
				log.Printf("fetching the keys of %s: %v", f.URL, f.Err)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      provider,
		Audience:    []string{"https://api.example.com"}, // the name of this service at the provider
		ScopeClaims: []string{"scp", "roles"},            // if the provider does not use "scope"
	})
	if err != nil {
		return nil, err
	}
	protect := jwtauth.Verify(verifier, jwtauth.Realm("api"))

	mux := http.NewServeMux()
	mux.Handle("GET /orders", protect(jwtauth.RequireScope("orders:read")(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			claims, _ := jwtauth.FromContext(r.Context())
			fmt.Fprint(w, "the orders of ", claims.Subject)
		}))))
	return mux, nil
}

// A service verifies the tokens of an identity provider. It finds the
// provider's keys by discovery, and holds no signing key.
func Example_provider() {
	// The provider, which is usually somebody else's: an Issuer that publishes
	// its keys.
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	provider, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: server.URL})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("GET /jwks", provider.JWKS())
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL, server.URL+"/jwks")
	})

	api, err := newAPI(server.URL)
	if err != nil {
		log.Fatal(err)
	}
	get := func(claims any, audience string) {
		token, err := provider.Sign("u-1", claims, jwtauth.ForAudience(audience))
		if err != nil {
			log.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		body, err := io.ReadAll(w.Body)
		if err != nil {
			log.Fatal(err)
		}
		if w.Code == http.StatusOK {
			fmt.Println(w.Code, string(body))
		} else {
			fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	get(map[string]any{"scp": []string{"orders:read"}}, "https://api.example.com")
	get(nil, "https://api.example.com")
	get(map[string]any{"scp": []string{"orders:read"}}, "https://other.example.com")
	// Output:
	// 200 the orders of u-1
	// 403 Bearer realm="api", error="insufficient_scope", scope="orders:read"
	// 401 Bearer realm="api", error="invalid_token", error_description="Invalid token", scope="orders:read"
}
