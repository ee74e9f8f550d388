package oidc_test

import (
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

// jose verifies our tokens with the keys of our JWKS endpoint during a
// rotation, from each algorithm to the next.
func TestJoseVerifiesOurTokens(t *testing.T) {
	p := node.New(t, ".")
	var keys []jwtauth.Key
	for _, alg := range []jwtauth.Algorithm{jwtauth.ES256, jwtauth.EdDSA, jwtauth.RS256, jwtauth.PS256, jwtauth.ES256} {
		key, err := jwtauth.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	const name = "https://issuer.example"
	issuer, err := jwtauth.NewIssuer(keys[0], jwtauth.IssuerOptions{Issuer: name, Audience: []string{audience}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(issuer.JWKS())
	defer server.Close()

	sign := func() string {
		token, err := issuer.Sign("user-1", nil, jwtauth.ExpiresIn(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	setKeys := func(signing jwtauth.Key, accepted ...jwtauth.Key) {
		t.Helper()
		if err := issuer.SetKeys(signing, accepted...); err != nil {
			t.Fatal(err)
		}
	}
	type verified struct{ Subject, Kid string }
	verify := func(token string, key jwtauth.Key) {
		t.Helper()
		want := verified{"user-1", key.ID()}
		if got := node.Get[verified](t, p, "verify", node.Object{"url": server.URL, "token": token, "issuer": name}); got != want {
			t.Errorf("jose reads %+v, want %+v", got, want)
		}
	}
	refuse := func(token, code string) {
		t.Helper()
		var refused *node.Refusal
		err := p.Call(t, "verify", node.Object{"url": server.URL, "token": token, "issuer": name}, new(verified))
		if !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("jose says %v, want %s", err, code)
		}
	}
	for i, next := range keys[1:] {
		current := keys[i]
		old := sign()
		verify(old, current)
		setKeys(current, next)
		verify(old, current)
		setKeys(next, current)
		verify(old, current)
		token := sign()
		verify(token, next) // jose fetches the set again for an unknown kid
		setKeys(next)
		verify(token, next)
		node.Get[bool](t, p, "reload", node.Object{"url": server.URL})
		refuse(old, "ERR_JWKS_NO_MATCHING_KEY")
		verify(token, next)
	}
	stranger, err := jwtauth.NewIssuer(keys[0].WithID(keys[len(keys)-1].ID()), jwtauth.IssuerOptions{Issuer: name, Audience: []string{audience}})
	if err != nil {
		t.Fatal(err)
	}
	token, err := stranger.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	refuse(token, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED")

	// An issuer with a secret publishes an empty set.
	secret, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	last := sign()
	setKeys(secret)
	node.Get[bool](t, p, "reload", node.Object{"url": server.URL})
	refuse(last, "ERR_JWKS_NO_MATCHING_KEY")
}
