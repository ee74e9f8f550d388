package jwtauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Check runs for every accepted token, remembered or not, and for no other.
func TestCheck(t *testing.T) {
	var seen []string
	var result error
	check := func(_ context.Context, c *jwtauth.Claims) error {
		seen = append(seen, c.Subject)
		c.Subject = "changed"
		return result
	}
	for _, f := range []forger{forgeHS256(t), forgeEdDSA(t)} {
		v := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.Check = check })
		good := f.claims(goodClaims)
		for _, c := range []struct {
			name  string
			token string
			err   error
			want  error
			calls int
		}{
			{"first use", good, nil, nil, 1},
			{"repeated", good, nil, nil, 1},
			{"refused", good, errors.New("no tenant"), jwtauth.ErrTokenInvalid, 1},
			{"with a form of its own", good, jwtauth.ErrForbidden, jwtauth.ErrForbidden, 1},
			{"outage", good, jwtauth.ErrUnavailable, jwtauth.ErrUnavailable, 1},
			{"expired", f.claims(withClaims(`"exp":1`)), nil, jwtauth.ErrTokenExpired, 0},
			{"bad claims", f.claims(withClaims(`"aud":"other"`)), nil, jwtauth.ErrAudienceMismatch, 0},
			{"bad signature", good[:len(good)-4] + "AAAA", nil, jwtauth.ErrSignatureInvalid, 0},
		} {
			seen, result = nil, c.err
			claims, err := v.VerifyToken(t.Context(), c.token)
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
			if c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%s: %v does not wrap the error of Check", c.name, err)
			}
			if c.want == jwtauth.ErrForbidden && errors.Is(err, jwtauth.ErrTokenInvalid) {
				t.Errorf("%s: %v is a 401", c.name, err)
			}
			if len(seen) != c.calls || c.calls == 1 && seen[0] != "user-1" {
				t.Errorf("%s: Check saw %q, want %d calls", c.name, seen, c.calls)
			}
			if err == nil && claims.Subject != "changed" {
				t.Errorf("%s: the change by Check is lost", c.name)
			}
		}
	}
}

// An Issuer calls Check for access tokens, and not for refresh tokens.
func TestIssuerCheck(t *testing.T) {
	calls := 0
	issuer, err := jwtauth.NewIssuer(generate(t, jwtauth.HS256), jwtauth.IssuerOptions{
		Check: func(context.Context, *jwtauth.Claims) error { calls++; return errors.New("no") },
	})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("ada", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.VerifyToken(t.Context(), token); !errors.Is(err, jwtauth.ErrTokenInvalid) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// A token without a subject is accepted only with AnySubject.
func TestAnySubject(t *testing.T) {
	f := forgeHS256(t)
	for name, token := range map[string]string{
		"absent": f.claims(withoutClaim("sub")),
		"empty":  f.claims(withClaims(`"sub":""`)),
	} {
		checkRefusal(t, errOf(f.verifier(t).VerifyToken(t.Context(), token)), jwtauth.ErrClaimsInvalid, token)
		claims, err := f.verifier(t, anySubject).VerifyToken(t.Context(), token)
		if err != nil || claims.Subject != "" {
			t.Errorf("%s: %v, %v", name, claims, err)
		}
	}
	// A subject of another type stays an error.
	token := f.claims(withClaims(`"sub":7`))
	checkRefusal(t, errOf(f.verifier(t, anySubject).VerifyToken(t.Context(), token)), jwtauth.ErrClaimsInvalid, token)
}

func errOf(_ *jwtauth.Claims, err error) error { return err }

// bound are values of "cnf". An odd one fails closed.
var bound = []string{`{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`, `{}`, `null`, `7`, `"x"`}

// A bound token is refused by everything but a Verify with ProofOfPossession.
func TestConfirmation(t *testing.T) {
	for _, f := range []forger{forgeHS256(t), forgeEdDSA(t)} {
		for _, cnf := range bound {
			token := f.claims(withClaims(`"cnf":` + cnf))
			v := f.verifier(t)
			byIssuer, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://issuer.example": v})
			if err != nil {
				t.Fatal(err)
			}
			proofs := 0
			proof := jwtauth.ProofOfPossession(func(_ *http.Request, got string, c *jwtauth.Claims) error {
				if got != token || c.Subject != "user-1" {
					t.Errorf("the proof is checked for %q of %q", got, c.Subject)
				}
				proofs++
				return nil
			})
			for name, v := range map[string]jwtauth.TokenVerifier{"directly": v, "through ByIssuer": byIssuer} {
				checkRefusal(t, errOf(v.VerifyToken(t.Context(), token)), jwtauth.ErrTokenInvalid, token)
				if status := bearerStatus(jwtauth.Verify(v), token); status != 401 {
					t.Errorf("%s, %s: status %d without ProofOfPossession", name, cnf, status)
				}
				for range 4 { // from the third time on from the cache
					if status := bearerStatus(jwtauth.Verify(v, proof), token); status != 200 {
						t.Errorf("%s, %s: status %d with ProofOfPossession", name, cnf, status)
					}
				}
				// The proof was for this request only.
				checkRefusal(t, errOf(v.VerifyToken(t.Context(), token)), jwtauth.ErrTokenInvalid, token)
			}
			if proofs != 8 {
				t.Errorf("%s: %d proofs checked, want 8", cnf, proofs)
			}
		}
	}
}

// The proof is also checked for tokens that are not bound, and not for anonymous
// requests.
func TestProofOfPossession(t *testing.T) {
	f := forgeEdDSA(t)
	var result error
	calls := 0
	proof := jwtauth.ProofOfPossession(func(*http.Request, string, *jwtauth.Claims) error { calls++; return result })
	protect := jwtauth.Verify(f.verifier(t), proof, jwtauth.Optional())
	token := f.claims(goodClaims)
	for _, c := range []struct {
		token  string
		result error
		status int
		calls  int
	}{
		{token, nil, 200, 1},
		{token, errors.New("no proof"), 401, 1},
		{token, jwtauth.ErrForbidden, 403, 1},
		{token, jwtauth.ErrUnavailable, 503, 1},
		{"", errors.New("no proof"), 200, 0},
		{token + "x", nil, 401, 0},
	} {
		calls, result = 0, c.result
		if status := bearerStatus(protect, c.token); status != c.status || calls != c.calls {
			t.Errorf("%v: status %d after %d calls, want %d after %d", c.result, status, calls, c.status, c.calls)
		}
	}
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "check is nil") {
			t.Errorf("panic %q", p)
		}
	}()
	jwtauth.ProofOfPossession(nil)
}

// The proof of a request is for its own token. A Check that verifies another
// bound token with the same context must not accept it.
func TestProofOfPossessionInCheck(t *testing.T) {
	f := forgeES256(t)
	other := f.verifier(t)
	bound := f.claims(withClaims(`"cnf":{"jkt":"other"}`))
	var nested error
	v := f.verifier(t, func(o *jwtauth.VerifierOptions) {
		o.Check = func(ctx context.Context, _ *jwtauth.Claims) error {
			_, nested = other.VerifyToken(ctx, bound)
			return nil
		}
	})
	protect := jwtauth.Verify(v, jwtauth.ProofOfPossession(func(*http.Request, string, *jwtauth.Claims) error { return nil }))
	if status := bearerStatus(protect, f.claims(goodClaims)); status != 200 {
		t.Fatal(status)
	}
	if !errors.Is(nested, jwtauth.ErrTokenInvalid) {
		t.Errorf("a bound token, verified in Check: %v", nested)
	}
}

// bearerStatus returns the status of a request with a bearer token, or without one.
func bearerStatus(protect func(http.Handler) http.Handler, token string) int {
	r := httptest.NewRequest("GET", "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w.Code
}
