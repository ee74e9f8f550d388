package jwtauth_test

import (
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Claims that providers really issue: unusual values are accepted unless
// verification depends on them, and an error names the claim.
func TestVerifyInputs(t *testing.T) {
	f := forgeHS256(t)
	v := f.verifier(t, anyIssuer, anyAudience, func(o *jwtauth.VerifierOptions) {
		o.Now = func() time.Time { return time.Unix(1795717144+60, 0) }
	})
	for _, c := range []struct{ name, claims, want string }{
		{"auth_time in ISO 8601", `{"sub":"u","iat":1795717144,"exp":1795720744,"auth_time":"2026-11-26T18:52:01.180Z","scp":"openid"}`, ""},
		{"a fraction in exp", `{"sub":"u","iat":1795717144,"exp":1795720744.710636}`, ""},
		{"scope null", `{"sub":"u","iat":1795717144,"exp":1795720744,"scope":null}`, ""},
		{"sid a number", `{"sub":"u","iat":1795717144,"exp":1795720744,"sid":42}`, ""},
		{"aud twice", `{"sub":"u","aud":"a","aud":"b","iat":1795717144,"exp":1795720744}`, `"aud" is given twice`},
		{"exp in milliseconds", `{"sub":"u","iat":1795717144,"exp":1795720744000}`, "exp is out of range; it counts seconds since 1970, not milliseconds"},
		{"no exp", `{"sub":"u","iat":1795717144}`, "exp is missing; a token must expire"},
		{"exp a string", `{"sub":"u","iat":1795717144,"exp":"1795720744"}`, "exp is not a number but a string; it counts seconds since 1970, without quotes"},
		{"sub a number", `{"sub":1234,"iat":1795717144,"exp":1795720744}`, "sub is not a string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims, err := v.VerifyToken(t.Context(), f.claims(c.claims))
			if c.want != "" {
				if err == nil || err.Error() != "jwtauth: token claims invalid: "+c.want {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if claims.Subject != "u" || !claims.AuthTime.IsZero() || claims.SessionID != "" || claims.Scope != "" {
				t.Errorf("claims %+v", claims)
			}
		})
	}
}
