package jwtauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Errors that recognize a text contain no part of it, wherever a value is.
func TestDamageTextsHoldNoValue(t *testing.T) {
	const value = "s3cr3tvalue"
	f := forgeES256(t)
	byIssuer, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://issuer.example": f.verifier(t)})
	if err != nil {
		t.Fatal(err)
	}
	input := b64(`{"alg":"ES256"}`) + "." + b64(goodClaims) + "."
	texts := []string{
		value, `"` + value + `"`, "Bearer " + value + ".b.c", value + "=" + value, "$" + value, "<" + value + ">", "{{" + value + "}}",
		`{"access_token":"` + value + `"}`, "https://" + value, "v4.public." + value, value + "%2E", value + "," + value, "[object " + value + "]",
		"b'" + value + "'", value + "...", value + "." + value, value + ".b.c.d", b64(value) + ".b.c", b64(`{"`+value) + ".b.c",
		f.token(`{"alg":"`+value+`"}`, goodClaims), f.token(`{"alg":"#`+value+`"}`, goodClaims), f.token(`{"alg":"ALG","typ":"`+value+`"}`, goodClaims),
		f.token(`{"alg":"ALG","kid":"`+value+`\ud800"}`, goodClaims), input + value, input + value + "!", input + b64(value),
		f.claims(`{"a":"` + value), f.claims(`{'a':'` + value + `'}`), f.claims(`{"a":` + value + `}`), f.claims(value),
		f.claims(withClaims(`"exp":"` + value + `"`)), f.claims(withClaims(`"iss":"https://issuer.example/` + value + `"`)),
		f.claims(withClaims(`"aud":"` + value + ` api"`)), f.claims(withClaims(`"aud":["` + value + `"]`)), f.claims(withClaims(`"sub":["` + value + `"]`)),
	}
	for _, text := range texts {
		for _, v := range []jwtauth.TokenVerifier{f.verifier(t), byIssuer} {
			_, err := v.VerifyToken(t.Context(), text)
			if !errors.Is(err, jwtauth.ErrTokenInvalid) || strings.Contains(err.Error(), value) {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
}

// A Check cannot lend the proof of its request to another bound token, neither
// through ByIssuer nor with a context that it keeps.
func TestProofOfPossessionIsNotLent(t *testing.T) {
	f := forgeES256(t)
	other := f.verifier(t)
	byIssuer, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://issuer.example": other})
	if err != nil {
		t.Fatal(err)
	}
	bound := f.claims(withClaims(`"cnf":{"jkt":"other"}`))
	var kept context.Context
	attempts := map[string]func(ctx context.Context) error{
		"directly":          func(ctx context.Context) error { return errOf(other.VerifyToken(ctx, bound)) },
		"through ByIssuer":  func(ctx context.Context) error { return errOf(byIssuer.VerifyToken(ctx, bound)) },
		"without a cancel":  func(ctx context.Context) error { return errOf(other.VerifyToken(context.WithoutCancel(ctx), bound)) },
		"with a kept value": func(ctx context.Context) error { kept = ctx; return jwtauth.ErrTokenInvalid },
	}
	for name, attempt := range attempts {
		var got error
		v := f.verifier(t, func(o *jwtauth.VerifierOptions) {
			o.Check = func(ctx context.Context, _ *jwtauth.Claims) error { got = attempt(ctx); return nil }
		})
		protect := jwtauth.Verify(v, jwtauth.ProofOfPossession(func(*http.Request, string, *jwtauth.Claims) error { return nil }))
		token := f.claims(withClaims(`"cnf":{"jkt":"own"}`))
		for range 4 { // from the third time on from the cache
			if status := bearerStatus(protect, token); status != 200 || !errors.Is(got, jwtauth.ErrTokenInvalid) {
				t.Errorf("%s: status %d, the other token: %v", name, status, got)
			}
		}
	}
	if _, err := other.VerifyToken(kept, bound); !errors.Is(err, jwtauth.ErrTokenInvalid) {
		t.Errorf("with the context of an earlier request: %v", err)
	}
}
