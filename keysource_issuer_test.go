package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// A key whose JWK names an issuer verifies tokens of this issuer only. In it,
// {tenantid} stands for the "tid" of the token.
func TestKeyIssuer(t *testing.T) {
	const anyTenant, consumer = "https://login.example/{tenantid}/v2.0", "https://login.example/consumer/v2.0"
	f := forgeES256(t)
	bound := func(issuer string) jwtauth.Key {
		text, err := f.key.MarshalJWK()
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		members["issuer"] = issuer
		if text, err = json.Marshal(members); err != nil {
			t.Fatal(err)
		}
		key, err := jwtauth.ParseKey("", text)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	for _, c := range []struct {
		name   string
		keys   []jwtauth.Key
		claims string
		want   error
	}{
		{"own tenant", []jwtauth.Key{bound(anyTenant)}, `"iss":"https://login.example/a/v2.0","tid":"a"`, nil},
		{"another tid", []jwtauth.Key{bound(anyTenant)}, `"iss":"https://login.example/a/v2.0","tid":"b"`, jwtauth.ErrIssuerMismatch},
		{"no tid", []jwtauth.Key{bound(anyTenant)}, `"iss":"https://login.example/a/v2.0"`, jwtauth.ErrIssuerMismatch},
		{"empty tid", []jwtauth.Key{bound(anyTenant)}, `"iss":"https://login.example//v2.0","tid":""`, jwtauth.ErrIssuerMismatch},
		{"tid of another type", []jwtauth.Key{bound(anyTenant)}, `"iss":"https://login.example/1/v2.0","tid":1`, jwtauth.ErrIssuerMismatch},
		{"tid in another case", []jwtauth.Key{bound(anyTenant)}, `"iss":"https://login.example/a/v2.0","Tid":"a"`, jwtauth.ErrIssuerMismatch},
		{"placeholder as iss", []jwtauth.Key{bound(anyTenant)}, `"iss":"` + anyTenant + `"`, jwtauth.ErrIssuerMismatch},
		{"fixed issuer", []jwtauth.Key{bound(consumer)}, `"iss":"` + consumer + `"`, nil},
		{"fixed issuer, another tenant", []jwtauth.Key{bound(consumer)}, `"iss":"https://login.example/a/v2.0","tid":"a"`, jwtauth.ErrIssuerMismatch},
		{"two issuers, the second", []jwtauth.Key{bound(consumer), bound(anyTenant)}, `"iss":"https://login.example/a/v2.0","tid":"a"`, nil},
		{"two issuers, neither", []jwtauth.Key{bound(consumer), bound("https://login.example")}, `"iss":"https://login.example/a/v2.0","tid":"a"`, jwtauth.ErrIssuerMismatch},
		{"not bound", []jwtauth.Key{f.key}, `"iss":"https://login.example/a/v2.0"`, nil},
	} {
		source := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) { return c.keys, nil })
		v := newVerifier(t, source, jwtauth.VerifierOptions{AnyIssuer: true, Check: accept, Audience: []string{"api"}, Now: options().Now})
		token := f.claims(`{"sub":"user-1","aud":"api","exp":1800000900,` + c.claims + `}`)
		for range 4 { // from the third time on from the cache
			if _, err := v.VerifyToken(t.Context(), token); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
	}
}
