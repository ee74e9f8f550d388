package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/seed-0a072700/jwtauth"
)

// An issuer changes its signing key in three steps, and a service that fetches
// the published keys rejects no token meanwhile. Issuer.SetKeys has the waiting
// times.
func Example_keyRotation() {
	generate := func(id string) jwtauth.Key {
		key, err := jwtauth.GenerateKey(jwtauth.ES256)
		if err != nil {
			log.Fatal(err)
		}
		return key.WithID(id)
	}
	old, next := generate("2026-06"), generate("2026-07")

	issuer, err := jwtauth.NewIssuer(old, jwtauth.IssuerOptions{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/jwks.json", issuer.JWKS())
	server := httptest.NewServer(mux)
	defer server.Close()

	// Another service verifies with the published keys.
	keys, err := jwtauth.NewRemoteKeys(server.URL+"/.well-known/jwks.json", jwtauth.RemoteKeysOptions{})
	if err != nil {
		log.Fatal(err)
	}
	api, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	sign := func() string {
		token, err := issuer.Sign("u-1", nil)
		if err != nil {
			log.Fatal(err)
		}
		return token
	}
	oldToken := sign()

	// Step 1: publish the next key beside the old one. Wait until every service
	// has fetched the set.
	if err := issuer.SetKeys(old, next); err != nil {
		log.Fatal(err)
	}
	_, err = api.VerifyToken(ctx, oldToken)
	fmt.Println("published, old token:", err)

	// Step 2: sign with the next key. Wait until the tokens of the old one have
	// expired.
	if err := issuer.SetKeys(next, old); err != nil {
		log.Fatal(err)
	}
	newToken := sign()
	_, err = api.VerifyToken(ctx, newToken)
	fmt.Println("signing, new token:", err)
	_, err = api.VerifyToken(ctx, oldToken)
	fmt.Println("signing, old token:", err)

	// Step 3: withdraw the old key.
	if err := issuer.SetKeys(next); err != nil {
		log.Fatal(err)
	}
	_, err = issuer.VerifyToken(ctx, newToken)
	fmt.Println("withdrawn, new token:", err)
	_, err = issuer.VerifyToken(ctx, oldToken)
	fmt.Println("withdrawn, old token:", err)
	// Output:
	// published, old token: <nil>
	// signing, new token: <nil>
	// signing, old token: <nil>
	// withdrawn, new token: <nil>
	// withdrawn, old token: jwtauth: no key for the token: no ES256 key has the ID in kid; use the IDs of the issuer (Key.WithID), and its present keys
}
