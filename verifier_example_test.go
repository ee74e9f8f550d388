package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/seed-0a072700/jwtauth"
)

// A service that only verifies tokens holds public keys.
func ExampleNewVerifier() {
	signing, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(signing, jwtauth.IssuerOptions{
		Issuer:   "https://auth.example.com",
		Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}

	keys, err := jwtauth.StaticKeys(signing.Public())
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   "https://auth.example.com",
		Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil))
	show(jwtauth.Verify(verifier)(hello), r)
	// Output: 200 Hello user-1
}

func ExampleVerifier_VerifyToken() {
	key, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: "https://auth.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: "https://other.example.com", AnyAudience: true})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.VerifyToken(context.Background(), exampleToken(issuer, nil))
	fmt.Println(errors.Is(err, jwtauth.ErrIssuerMismatch), err)
	// Output: true jwtauth: token of another issuer
}

func ExampleStaticKeys() {
	secret, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	public, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	_, err = jwtauth.StaticKeys(public, secret)
	fmt.Println(err)
	// Output: jwtauth: StaticKeys: keys: contains symmetric and public keys: make a verifier for each kind
}

// Any type can verify tokens, such as this fake for tests.
func ExampleTokenVerifier() {
	fake := fakeVerifier{"token-of-ann": {Subject: "ann"}}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer token-of-ann")
	show(jwtauth.Verify(fake)(hello), r)
	// Output: 200 Hello ann
}

type fakeVerifier map[string]*jwtauth.Claims

func (f fakeVerifier) VerifyToken(_ context.Context, token string) (*jwtauth.Claims, error) {
	if claims := f[token]; claims != nil {
		return claims, nil
	}
	return nil, jwtauth.ErrTokenInvalid
}
