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
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   "https://other.example.com",
		Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.VerifyToken(context.Background(), exampleToken(issuer, nil))
	fmt.Println(errors.Is(err, jwtauth.ErrIssuerMismatch), err)
	// Output: true jwtauth: token of another issuer: iss is not "https://other.example.com"
}

// An issuer that moves from HS256 to ES256 has both kinds of keys for a while.
func ExampleStaticKeys() {
	secret, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	public, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := jwtauth.StaticKeys(public.Public(), secret)
	if err != nil {
		log.Fatal(err)
	}
	for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.ES256} {
		found, err := keys.VerificationKeys(context.Background(), alg, "")
		fmt.Println(alg, len(found), err)
	}
	// Output:
	// HS256 1 <nil>
	// ES256 1 <nil>
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

// keyFolder looks up keys by their IDs, as a database or a vault would.
type keyFolder map[string]jwtauth.Key

func (f keyFolder) VerificationKeys(_ context.Context, _ jwtauth.Algorithm, kid string) ([]jwtauth.Key, error) {
	if f == nil {
		return nil, errors.New("the folder is not mounted")
	}
	if key, ok := f[kid]; ok {
		return []jwtauth.Key{key}, nil
	}
	return nil, nil
}

// Any type can provide keys. An error means that it cannot tell.
func ExampleKeySource() {
	key, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key.WithID("2026-07"), jwtauth.IssuerOptions{
		Issuer:   "https://auth.example.com",
		Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, source := range []jwtauth.KeySource{
		keyFolder{"2026-07": key.Public()},
		keyFolder{"2025-01": key.Public()},
		keyFolder(nil),
	} {
		verifier, err := jwtauth.NewVerifier(source, jwtauth.VerifierOptions{
			Issuer:   "https://auth.example.com",
			Audience: []string{"https://api.example.com"},
		})
		if err != nil {
			log.Fatal(err)
		}
		_, err = verifier.VerifyToken(context.Background(), exampleToken(issuer, nil))
		fmt.Println(err, errors.Is(err, jwtauth.ErrUnavailable))
	}
	// Output:
	// <nil> false
	// jwtauth: no key for the token: the KeySource has no EdDSA key for the kid in the header false
	// jwtauth: temporarily unavailable: key source: the folder is not mounted true
}
