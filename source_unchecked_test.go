package jwtauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// recorder is a TokenVerifier that accepts every token.
type recorder struct{ tokens []string }

func (v *recorder) VerifyToken(_ context.Context, token string) (*jwtauth.Claims, error) {
	v.tokens = append(v.tokens, token)
	return &jwtauth.Claims{Subject: "ann"}, nil
}

// A token with a character that no token contains is refused for this reason,
// whatever verifies it, and no code of the application sees it.
func TestBearerCharacters(t *testing.T) {
	f := forgeES256(t)
	reported := 0
	report := func(context.Context, jwtauth.Verification) { reported++ }
	issuer := newIssuer(t, generate(t, jwtauth.HS256))
	reporting := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) { o.OnVerify = report })
	foreign := &recorder{}
	good := f.claims(goodClaims)
	for name, v := range map[string]jwtauth.TokenVerifier{
		"Verifier":               f.verifier(t),
		"Verifier with OnVerify": f.verifier(t, func(o *jwtauth.VerifierOptions) { o.OnVerify = report }),
		"Issuer":                 issuer,
		"Issuer with OnVerify":   reporting,
		"another TokenVerifier":  foreign,
	} {
		for _, header := range []string{
			"Bearer " + good + "!", "Bearer " + good[:20] + " " + good[20:], "Bearer \"" + good + "\"",
			"Bearer Bearer " + good, "Bearer a\u00e4.b.c", "Bearer =", "Bearer ", "Bearer\t" + good,
		} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", header)
			_, want := jwtauth.Bearer()(r)
			_, err := jwtauth.VerifyRequest(v)(r)
			if want == nil || err == nil || err.Error() != want.Error() {
				t.Errorf("%s: %q: error %v, want %v", name, header, err, want)
			}
			if p := jwtauth.ProblemOf(err); p.Status != http.StatusBadRequest || p.Code != "invalid_request" {
				t.Errorf("%s: %q: %d %s", name, header, p.Status, p.Code)
			}
		}
	}
	if reported != 0 || len(foreign.tokens) != 0 {
		t.Errorf("OnVerify was called %d times, the other verifier for %q", reported, foreign.tokens)
	}
}
