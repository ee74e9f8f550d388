//go:build !race

package jwtauth_test

// Under the race detector pools drop entries at random, so allocations cannot
// be counted. make test runs these tests without it.

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// A request allocates its copy, its context and the claims.
func TestVerifyAllocations(t *testing.T) {
	for _, c := range []struct {
		name string
		f    forger
		most float64
	}{
		{"HS256, repeated", forgeHS256(t), 3},
		{"ES256, repeated", forgeES256(t), 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			handler := jwtauth.Verify(c.f.verifier(t))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			r := httptest.NewRequest("GET", "/", nil)
			withBearer(r, c.f.claims(withClaims()))
			w := httptest.NewRecorder()
			if got := testing.AllocsPerRun(200, func() { handler.ServeHTTP(w, r) }); got > c.most || w.Code != http.StatusOK {
				t.Errorf("%v allocations, want at most %v; status %d", got, c.most, w.Code)
			}
		})
	}
}
