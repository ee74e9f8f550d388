package jwtauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Times are checked at every request, to the fraction of a second, with the
// cache and without.
func TestVerifyAsTimePasses(t *testing.T) {
	steps := []struct {
		at   float64
		want error
	}{
		{now + 0.4, jwtauth.ErrTokenNotYetValid},
		{now + 0.5, nil},
		{now + 10.2, nil},
		{now + 10.25, jwtauth.ErrTokenExpired},
		{now + 10.2, nil}, // a clock may be set back
		{now, jwtauth.ErrTokenNotYetValid},
		{now + 1, nil},
		{now + 900, jwtauth.ErrTokenExpired},
	}
	const payload = `{"iss":"https://issuer.example","sub":"user-1","aud":"api","nbf":1800000000.5,"exp":1800000010.25}`
	eachForger(t, func(t *testing.T, f forger) {
		clock := newClock(time.Time{})
		withClock := func(o *jwtauth.VerifierOptions) { o.Now = clock.Now }
		token := f.claims(payload)
		for _, v := range []*jwtauth.Verifier{f.verifier(t, withClock), f.verifier(t, withClock, noCache)} {
			for _, step := range steps {
				clock.Set(time.Unix(now, 0).Add(time.Duration((step.at - now) * float64(time.Second))))
				_, err := v.VerifyToken(t.Context(), token)
				if step.want == nil && err != nil {
					t.Errorf("at %+.2f s: %v", step.at-now, err)
				}
				if step.want != nil {
					checkRefusal(t, err, step.want, token)
				}
			}
		}
	})
}

func TestVerifyMaxAgeAsTimePasses(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		clock := newClock(time.Unix(now, 0))
		v := f.verifier(t, maxAge(time.Minute), func(o *jwtauth.VerifierOptions) { o.Now = clock.Now })
		token := f.claims(withClaims(`"iat":1799999999.5`))
		for range 3 {
			if _, err := v.VerifyToken(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		clock.Set(time.Unix(now+59, 500e6-1))
		if _, err := v.VerifyToken(t.Context(), token); err != nil {
			t.Error(err)
		}
		clock.Set(time.Unix(now+59, 500e6))
		_, err := v.VerifyToken(t.Context(), token)
		checkRefusal(t, err, jwtauth.ErrTokenTooOld, token)
	})
}

// Claims belong to the caller. A change to them, in the first request or a
// later one, does not show in the claims of another request.
func TestVerifyClaimsAreFresh(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		for _, audience := range []string{`"api"`, `["api"]`, `["web","api","app"]`} {
			v := f.verifier(t)
			token := f.claims(withClaims(`"aud":`+audience, `"scope":"read"`))
			var want string
			for request := range 5 {
				claims, err := v.VerifyToken(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				got := fmt.Sprintf("%q %q %q %v", claims.Subject, claims.Audience, claims.Scope, claims.ExpiresAt)
				if request == 0 {
					want = got
				}
				if got != want {
					t.Errorf("aud %s, request %d: %s, want %s", audience, request, got, want)
				}
				for i := range claims.Audience {
					claims.Audience[i] = "evil"
				}
				claims.Audience = append(claims.Audience[:0], "worse")
				claims.Subject, claims.Scope, claims.ExpiresAt = "admin", "all", time.Time{}
				if err := claims.UnmarshalJSON([]byte(`{"sub":"admin","aud":"evil"}`)); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Appending to one audience does not change another.
func TestVerifyAudienceHasNoRoom(t *testing.T) {
	f := forgeEdDSA(t)
	v := f.verifier(t)
	token := f.claims(withClaims(`"aud":["web","api","app"]`))
	for range 4 {
		a, err := v.VerifyToken(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		b, err := v.VerifyToken(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		a.Audience, b.Audience = append(a.Audience, "a"), append(b.Audience, "b")
		if a.Audience[3] != "a" || b.Audience[3] != "b" {
			t.Errorf("the audiences share memory: %q, %q", a.Audience, b.Audience)
		}
	}
}

// Thirty-two goroutines, each with its own subject, use one middleware, and no
// goroutine sees the claims of another. A cache of eight entries is too small
// for all of them, so they also evict each other's entries.
func TestVerifyConcurrently(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		for _, size := range []int{0, 8, -1} {
			t.Run(fmt.Sprintf("cache=%d", size), func(t *testing.T) {
				t.Parallel()
				v := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.CacheSize = size })
				var served atomic.Int64
				handler := jwtauth.Verify(v)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					want := r.Header.Get("Want")
					claims, ok := jwtauth.FromContext(r.Context())
					if !ok || claims.Subject != want || len(claims.Audience) != 2 || claims.Audience[1] != want || claims.Scope != want {
						t.Errorf("%s sees %+v", want, claims)
						return
					}
					own, err := jwtauth.ClaimsAs[struct{ Name string }](r.Context())
					if err != nil || own.Name != want {
						t.Errorf("%s sees %+v, %v", want, own, err)
					}
					claims.Audience[1], claims.Subject = "changed", "changed"
					served.Add(1)
				}))
				const goroutines, rounds = 32, 20
				var wg sync.WaitGroup
				for g := range goroutines {
					subject := fmt.Sprintf("user-%d", g)
					token := f.claims(withClaims(`"sub":"`+subject+`"`, `"aud":["api","`+subject+`"]`, `"scope":"`+subject+`"`, `"name":"`+subject+`"`))
					bad := token[:len(token)-6] + "AAAAAA"
					wg.Go(func() {
						for range rounds {
							r := httptest.NewRequest("GET", "/", nil)
							r.Header.Set("Authorization", "Bearer "+token)
							r.Header.Set("Want", subject)
							handler.ServeHTTP(httptest.NewRecorder(), r)
						}
						r := httptest.NewRequest("GET", "/", nil)
						r.Header.Set("Authorization", "Bearer "+bad)
						w := httptest.NewRecorder()
						if handler.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
							t.Errorf("a bad signature leads to status %d", w.Code)
						}
					})
				}
				wg.Wait()
				if served.Load() != goroutines*rounds {
					t.Errorf("%d requests served, want %d", served.Load(), goroutines*rounds)
				}
			})
		}
	})
}

// The result does not depend on earlier tokens with the same header.
func TestVerifyHeaderSeenBefore(t *testing.T) {
	eachForger(t, func(t *testing.T, f forger) {
		v := f.verifier(t)
		good := f.claims(goodClaims)
		if _, err := v.VerifyToken(t.Context(), good); err != nil {
			t.Fatal(err)
		}
		// The header is known now, and the rest is still checked.
		header, _, _ := strings.Cut(good, ".")
		for name, c := range map[string]struct {
			token string
			want  error
		}{
			"signature":  {header + "." + b64(goodClaims) + "." + b64(strings.Repeat("x", 32)), jwtauth.ErrSignatureInvalid},
			"other key":  {sameKind(t, f).segments(header, b64(goodClaims)), jwtauth.ErrSignatureInvalid},
			"expired":    {f.segments(header, b64(withClaims(`"exp":1`))), jwtauth.ErrTokenExpired},
			"issuer":     {f.segments(header, b64(withClaims(`"iss":"x"`))), jwtauth.ErrIssuerMismatch},
			"no payload": {f.segments(header, ""), jwtauth.ErrClaimsInvalid},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := v.VerifyToken(t.Context(), c.token)
				checkRefusal(t, err, c.want, c.token)
			})
		}
	})
}
