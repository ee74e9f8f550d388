package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// examplePartner starts an issuer that publishes its keys, like an identity
// provider. It returns a token of the issuer.
func examplePartner() (issuerURL, token string, close func()) {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: server.URL, Audience: []string{"https://api.example"}})
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/.well-known/jwks.json", issuer.JWKS())
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL, server.URL+"/.well-known/jwks.json")
	})
	token, err = issuer.Sign("zoë", nil)
	if err != nil {
		log.Fatal(err)
	}
	return server.URL, token, server.Close
}

func ExampleNewRemoteKeysFromIssuer() {
	issuerURL, token, closeServer := examplePartner() // in production "https://login.example/"
	defer closeServer()

	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuerURL, jwtauth.RemoteKeysOptions{
		OnFetch: func(f jwtauth.KeyFetch) {
			if f.Err != nil {
				log.Printf("fetching keys of %s: %v", f.URL, f.Err)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   issuerURL,
		Audience: []string{"https://api.example"}, // the name of this service at the provider
	})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := verifier.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject)
	// Output: zoë
}

func ExampleNewRemoteKeys() {
	issuerURL, token, closeServer := examplePartner()
	defer closeServer()

	keys, err := jwtauth.NewRemoteKeys(issuerURL+"/.well-known/jwks.json", jwtauth.RemoteKeysOptions{
		Algorithms: []jwtauth.Algorithm{jwtauth.ES256}, // ignore other keys of the provider
		MaxAge:     10 * time.Minute,                   // how long a withdrawn key can still verify tokens
	})
	if err != nil {
		log.Fatal(err)
	}
	// Accept only access tokens that RFC 9068 defines, with scopes in the
	// claims of this provider.
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:      issuerURL,
		Audience:    []string{"https://api.example"},
		Types:       []string{"at+jwt"},
		ScopeClaims: []string{"scp", "roles"},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.VerifyToken(context.Background(), token)
	fmt.Println(err)
	// Output: jwtauth: token of another type: typ in the header is not one of ["at+jwt"]
}

func ExampleRemoteKeys_Ready() {
	keys, err := jwtauth.NewRemoteKeys("http://127.0.0.1:1/jwks.json", jwtauth.RemoteKeysOptions{})
	if err != nil {
		log.Fatal(err)
	}
	ready := func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := keys.Ready(ctx); err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
	w := httptest.NewRecorder()
	ready(w, httptest.NewRequest("GET", "/ready", nil)) // the provider is down
	fmt.Println(w.Code)
	// Output: 503
}

func ExampleByIssuer() {
	issuerURL, token, closeServer := examplePartner()
	defer closeServer()

	verifiers := make(map[string]jwtauth.TokenVerifier)
	for _, issuer := range []string{issuerURL, "https://partner.example"} {
		keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
		if err != nil {
			log.Fatal(err)
		}
		verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: issuer, Audience: []string{"https://api.example"}})
		if err != nil {
			log.Fatal(err)
		}
		verifiers[issuer] = verifier
	}
	verifier, err := jwtauth.ByIssuer(verifiers)
	if err != nil {
		log.Fatal(err)
	}
	hello := jwtauth.Verify(verifier)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Println("hello", claims.Subject)
	}))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	hello.ServeHTTP(httptest.NewRecorder(), r)
	// Output: hello zoë
}

func ExampleIssuer_JWKS() {
	key, err := jwtauth.ParseKey("", []byte(`{"kty":"OKP","crv":"Ed25519","kid":"2026-05",
		"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`)) // a published test key: RFC 8037, appendix A
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/jwks.json", issuer.JWKS())

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	fmt.Println(w.Header().Get("Cache-Control"))
	fmt.Println(w.Body)
	// Output: public, max-age=300
	// {"keys":[{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"2026-05","alg":"EdDSA","use":"sig"}]}
}

// The steps of a rotation. See SetKeys.
func ExampleIssuer_SetKeys_rotation() {
	old, _ := jwtauth.GenerateKey(jwtauth.EdDSA)
	next, _ := jwtauth.GenerateKey(jwtauth.EdDSA)
	issuer, err := jwtauth.NewIssuer(old, jwtauth.IssuerOptions{})
	if err != nil {
		log.Fatal(err)
	}
	token, _ := issuer.Sign("zoë", nil)
	for _, step := range []func() error{
		func() error { return issuer.SetKeys(old, next) }, // publish the next key, then wait 10 minutes
		func() error { return issuer.SetKeys(next, old) }, // sign with it, then wait until old tokens have expired
		func() error { return issuer.SetKeys(next) },      // withdraw the old one
	} {
		if err := step(); err != nil {
			log.Fatal(err)
		}
		_, err := issuer.VerifyToken(context.Background(), token)
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
	// jwtauth: token signature invalid: it was made with another key, or the token was changed
}

// A verifier calls VerificationKeys. A program can do so to show the keys in
// use.
func ExampleRemoteKeys_VerificationKeys() {
	issuerURL, _, closeServer := examplePartner()
	defer closeServer()

	remote, err := jwtauth.NewRemoteKeysFromIssuer(issuerURL, jwtauth.RemoteKeysOptions{})
	if err != nil {
		log.Fatal(err)
	}
	keys, err := remote.VerificationKeys(context.Background(), jwtauth.ES256, "")
	fmt.Println(len(keys), keys[0].Algorithm(), err)
	// Output: 1 ES256 <nil>
}

// With a tenant per customer, the issuers are in a database.
func ExampleByIssuerFunc() {
	issuerURL, token, closeServer := examplePartner()
	defer closeServer()

	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuerURL, jwtauth.RemoteKeysOptions{})
	if err != nil {
		log.Fatal(err)
	}
	tenant, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: issuerURL, Audience: []string{"https://api.example"}})
	if err != nil {
		log.Fatal(err)
	}
	tenants := map[string]*jwtauth.Verifier{issuerURL: tenant} // filled from the database, one Verifier each
	verifier := jwtauth.ByIssuerFunc(func(ctx context.Context, issuer string) (jwtauth.TokenVerifier, error) {
		v, ok := tenants[issuer]
		if !ok {
			return nil, jwtauth.ErrIssuerMismatch
		}
		return v, nil
	})
	claims, err := verifier.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject)
	// Output: zoë
}
