package jwtauth_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// ValidFor is the time until the verifier refuses the token: one nanosecond
// before it the token is accepted, and then no more.
func TestValidFor(t *testing.T) {
	for _, test := range []struct {
		name        string
		leeway      time.Duration
		maxAge      time.Duration
		verifyAfter time.Duration
		want        time.Duration
	}{
		{"no leeway", -1, 0, 0, 10 * time.Minute},
		{"default leeway", 0, 0, 0, 10*time.Minute + 30*time.Second},
		{"later", time.Minute, 0, 4 * time.Minute, 7 * time.Minute},
		{"within the leeway", time.Minute, 0, 10*time.Minute + 20*time.Second, 40 * time.Second},
		{"MaxAge before exp", -1, 3 * time.Minute, time.Minute, 2 * time.Minute},
		{"MaxAge and leeway", time.Minute, 3 * time.Minute, time.Minute, 3 * time.Minute},
		{"MaxAge after exp", -1, time.Hour, time.Minute, 9 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			key, err := jwtauth.GenerateKey(jwtauth.HS256)
			if err != nil {
				t.Fatal(err)
			}
			clock := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
			now := func() time.Time { return clock }
			issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: "https://a.example", Audience: []string{"api"}, AccessTTL: 10 * time.Minute, Now: now})
			if err != nil {
				t.Fatal(err)
			}
			keys, err := jwtauth.StaticKeys(key)
			if err != nil {
				t.Fatal(err)
			}
			verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
				Issuer: "https://a.example", Audience: []string{"api"}, Leeway: test.leeway, MaxAge: test.maxAge, Now: now,
			})
			if err != nil {
				t.Fatal(err)
			}
			token, err := issuer.Sign("ann", nil)
			if err != nil {
				t.Fatal(err)
			}
			clock = clock.Add(test.verifyAfter)
			var claims *jwtauth.Claims
			for range 3 { // the third result is remembered
				if claims, err = verifier.VerifyToken(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				if got := claims.ValidFor(); got != test.want {
					t.Errorf("%v, want %v", got, test.want)
				}
			}
			clock = clock.Add(test.want - 1)
			if _, err := verifier.VerifyToken(t.Context(), token); err != nil {
				t.Errorf("before the end: %v", err)
			}
			clock = clock.Add(1)
			if _, err := verifier.VerifyToken(t.Context(), token); err == nil {
				t.Error("accepted at the end")
			}
		})
	}
}

func TestValidForLiteral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			claims jwtauth.Claims
			want   time.Duration
		}{
			{jwtauth.Claims{Subject: "ann"}, 0},
			{jwtauth.Claims{ExpiresAt: time.Now().Add(time.Minute)}, time.Minute},
			{jwtauth.Claims{ExpiresAt: time.Now().Add(-time.Minute)}, -time.Minute},
		} {
			if got := test.claims.ValidFor(); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		}
	})
}
