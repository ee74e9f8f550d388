package jwtauth_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

func TestSetKeys(t *testing.T) {
	for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.ES256, jwtauth.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			first, second := generate(t, alg).WithID("first"), generate(t, alg).WithID("second")
			issuer := newIssuer(t, first)
			sign := func() string {
				t.Helper()
				token, err := issuer.Sign("user-1", nil)
				if err != nil {
					t.Fatal(err)
				}
				return token
			}
			verify := func(token string, want error) {
				t.Helper()
				for range 4 {
					_, err := issuer.VerifyToken(t.Context(), token)
					if want != nil {
						checkRefusal(t, err, want, token)
					} else if err != nil {
						t.Error(err)
					}
				}
			}
			old := sign()
			verify(old, nil)

			// After a fault the old keys are still used.
			for _, err := range []error{
				issuer.SetKeys(jwtauth.Key{}), issuer.SetKeys(second, jwtauth.Key{}), issuer.SetKeys(second, second),
			} {
				if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: SetKeys: ") {
					t.Errorf("got %v", err)
				}
			}
			checkFaults(t, issuer.SetKeys(jwtauth.Key{}, jwtauth.Key{}, first, first), []string{"SetKeys: signing: ", "SetKeys: accepted[0]: ", "SetKeys: accepted[2]: "})
			if header, _ := parts(t, sign()); header["kid"] != "first" {
				t.Errorf("signed with %v", header["kid"])
			}
			verify(old, nil)

			if err := issuer.SetKeys(second, first); err != nil {
				t.Fatal(err)
			}
			fresh := sign()
			if header, _ := parts(t, fresh); header["kid"] != "second" {
				t.Errorf("signed with %v", header["kid"])
			}
			verify(old, nil)
			verify(fresh, nil)

			if err := issuer.SetKeys(second); err != nil {
				t.Fatal(err)
			}
			verify(old, jwtauth.ErrKeyUnknown) // even if it is cached
			verify(fresh, nil)

			if err := issuer.SetKeys(first); err != nil {
				t.Fatal(err)
			}
			verify(old, nil)
			verify(fresh, jwtauth.ErrKeyUnknown)
		})
	}
}

func TestAcceptKeys(t *testing.T) {
	old := generate(t, jwtauth.HS256)
	token, err := newIssuer(t, old).Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	key := generate(t, jwtauth.EdDSA)
	issuer := newIssuer(t, key, func(o *jwtauth.IssuerOptions) { o.AcceptKeys = []jwtauth.Key{old} })
	if _, err := issuer.VerifyToken(t.Context(), token); err != nil {
		t.Errorf("a token of an accepted key: %v", err)
	}
	_, err = newIssuer(t, key).VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
}

// Keys are replaced while tokens are signed and verified. Each token verifies
// as long as its key is accepted, which holds for all keys until the last call.
func TestSetKeysConcurrently(t *testing.T) {
	for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			keys := make([]jwtauth.Key, 6)
			for i := range keys {
				keys[i] = generate(t, alg).WithID(fmt.Sprint("key-", i))
			}
			issuer := newIssuer(t, keys[0], func(o *jwtauth.IssuerOptions) { o.AcceptKeys = keys[1:] })
			stop := make(chan struct{})
			var rotation, requests sync.WaitGroup
			rotation.Go(func() {
				for n := 1; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					others := slices.Concat(keys[:n%len(keys)], keys[n%len(keys)+1:])
					if err := issuer.SetKeys(keys[n%len(keys)], others...); err != nil {
						t.Error(err)
						return
					}
				}
			})
			for g := range 8 {
				requests.Go(func() {
					subject := fmt.Sprint("user-", g)
					for range 50 {
						token, err := issuer.Sign(subject, nil)
						if err != nil {
							t.Error(err)
							return
						}
						claims, err := issuer.VerifyToken(t.Context(), token)
						if err != nil || claims.Subject != subject {
							t.Errorf("claims %+v, error %v", claims, err)
							return
						}
					}
				})
			}
			requests.Wait()
			close(stop)
			rotation.Wait()
			token, err := issuer.Sign("user-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := issuer.SetKeys(generate(t, alg).WithID("new")); err != nil {
				t.Fatal(err)
			}
			_, err = issuer.VerifyToken(t.Context(), token)
			checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
		})
	}
}

// Sessions go on when signing keys are replaced.
func TestSetKeysKeepsSessions(t *testing.T) {
	first, second := generate(t, jwtauth.HS256), generate(t, jwtauth.ES256)
	store := memstore.New()
	issuer := newIssuer(t, first, withSessions(store))
	token := loginTo(t, issuer).RefreshToken
	if err := issuer.SetKeys(second, first); err != nil {
		t.Fatal(err)
	}
	wantRefresh(t, "after SetKeys", issuer, token)
	wantRefresh(t, "at a new instance", newIssuer(t, second, withSessions(store), func(o *jwtauth.IssuerOptions) { o.AcceptKeys = []jwtauth.Key{first} }), token)
	byFirst, bySecond := token, loginTo(t, issuer).RefreshToken
	if err := issuer.SetKeys(second); err != nil {
		t.Fatal(err)
	}
	wantRefresh(t, "when the first key is gone", issuer, byFirst, jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
	wantRefresh(t, "of the second key", issuer, bySecond)

	// Refresh tokens with keys of their own do not depend on the signing key.
	issuer = newIssuer(t, first, withSessions(store), refreshKeys(generate(t, jwtauth.HS256)))
	token = loginTo(t, issuer).RefreshToken
	if err := issuer.SetKeys(second, generate(t, jwtauth.EdDSA).Public()); err != nil {
		t.Fatal(err)
	}
	wantRefresh(t, "with RefreshKeys", issuer, token)
}
