package jwtauth_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// fleet is a service of three instances that share a store, and another service that only verifies, with the
// keys that whichever instance it reaches publishes.
type fleet struct {
	issuers  []*jwtauth.Issuer
	consumer *jwtauth.Verifier
	doors    []http.Handler // each of them, behind Verify
}

func newFleet(t *testing.T, key jwtauth.Key, opts jwtauth.IssuerOptions) *fleet {
	t.Helper()
	opts.Issuer, opts.Audience, opts.Sessions = providerIssuer, []string{"api"}, memstore.New()
	f := new(fleet)
	p := new(provider)
	var published []http.Handler
	for range 3 {
		issuer := issuerWith(t, key, opts)
		f.issuers = append(f.issuers, issuer)
		published = append(published, issuer.JWKS())
	}
	var n atomic.Int64
	p.serves(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		published[n.Add(1)%3].ServeHTTP(w, r)
	}))
	_, f.consumer = p.remote(t, jwtauth.RemoteKeysOptions{})
	for _, v := range []jwtauth.TokenVerifier{f.issuers[0], f.issuers[1], f.issuers[2], f.consumer} {
		f.doors = append(f.doors, jwtauth.Verify(v)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	}
	return f
}

func (f *fleet) any() *jwtauth.Issuer { return f.issuers[rand.IntN(len(f.issuers))] }

// setKeys exchanges the keys of one instance after the other.
func (f *fleet) setKeys(t *testing.T, signing jwtauth.Key, accepted ...jwtauth.Key) {
	t.Helper()
	for _, issuer := range f.issuers {
		if err := issuer.SetKeys(signing, accepted...); err != nil {
			t.Error(err)
		}
		time.Sleep(100 * time.Second)
	}
}

func (f *fleet) status(door int, token string) int {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	f.doors[door].ServeHTTP(w, r)
	return w.Code
}

// client logs in once, and then uses its token everywhere, and refreshes it anywhere, until stop.
func (f *fleet) client(t *testing.T, name int, stop <-chan struct{}, requests, refreshes *atomic.Int64) {
	tokens, err := f.any().Login(t.Context(), fmt.Sprint("user-", name))
	if err != nil {
		t.Error(err)
		return
	}
	expires := time.Now().Add(time.Duration(tokens.ExpiresIn) * time.Second)
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(30+rand.IntN(60)) * time.Second):
		}
		if time.Until(expires) < 2*time.Minute {
			if tokens, err = f.any().Refresh(t.Context(), tokens.RefreshToken); err != nil {
				t.Errorf("logged out: %v", err)
				return
			}
			expires = time.Now().Add(time.Duration(tokens.ExpiresIn) * time.Second)
			refreshes.Add(1)
		}
		for door := range f.doors {
			if code := f.status(door, tokens.AccessToken); code != 200 {
				t.Errorf("service %d answers %d", door, code)
			}
			requests.Add(1)
		}
	}
}

// The keys of three instances are rotated as SetKeys says while clients use and refresh their tokens: nobody is refused, nobody
// is logged out, and afterwards nothing of the old key is good.
func TestRotation(t *testing.T) {
	for _, separate := range []bool{false, true} {
		t.Run(fmt.Sprintf("RefreshKeys=%v", separate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				old, next := generate(t, jwtauth.ES256), generate(t, jwtauth.EdDSA)
				const accessTTL, idleTTL = 10 * time.Minute, time.Hour
				opts := jwtauth.IssuerOptions{AccessTTL: accessTTL, IdleTTL: idleTTL}
				wait, many := idleTTL, 30 // refresh tokens that derive from the old key may live as long
				if separate {
					opts.RefreshKeys = []jwtauth.Key{generate(t, jwtauth.HS256)}
					wait, many = accessTTL+time.Minute, 60
				}
				f := newFleet(t, old, opts)
				stop := make(chan struct{})
				var clients sync.WaitGroup
				var requests, refreshes atomic.Int64
				for i := range many {
					clients.Go(func() { f.client(t, i, stop, &requests, &refreshes) })
				}
				time.Sleep(15 * time.Minute)
				stolen, err := f.issuers[0].Sign("user-0", nil, jwtauth.ExpiresIn(24*time.Hour))
				if err != nil {
					t.Fatal(err)
				}
				idle, err := f.issuers[0].Login(t.Context(), "idle")
				if err != nil {
					t.Fatal(err)
				}
				for door := range f.doors {
					if code := f.status(door, stolen); code != 200 {
						t.Errorf("service %d answers %d before the rotation", door, code)
					}
				}
				f.setKeys(t, old, next)      // 1: publish the next key,
				time.Sleep(5 * time.Minute)  // until nobody holds a set without it;
				f.setKeys(t, next, old)      // 2: sign with it,
				time.Sleep(wait)             // until nothing that the old one signed is in use;
				f.setKeys(t, next)           // 3: withdraw that.
				time.Sleep(10 * time.Minute) // and see it gone
				close(stop)
				clients.Wait()
				if requests.Load() < 10_000 || refreshes.Load() < 100 {
					t.Errorf("only %d requests and %d refreshes", requests.Load(), refreshes.Load())
				}
				for door := range f.doors {
					if code := f.status(door, stolen); code != 401 {
						t.Errorf("service %d answers %d to a token of the old key", door, code)
					}
				}
				_, err = f.any().Refresh(t.Context(), idle.RefreshToken)
				if separate && err != nil || !separate && !errors.Is(err, jwtauth.ErrTokenInvalid) {
					t.Errorf("an old refresh token: %v", err)
				}
			})
		})
	}
}

// A key that leaked is replaced at once, on all instances: from then on its tokens are good for nothing there,
// and other services learn of it with the first token of the new key.
func TestLeakedKey(t *testing.T) {
	for _, separate := range []bool{false, true} {
		t.Run(fmt.Sprintf("RefreshKeys=%v", separate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				leaked, fresh := generate(t, jwtauth.ES256), generate(t, jwtauth.ES256)
				var opts jwtauth.IssuerOptions
				if separate {
					opts.RefreshKeys = []jwtauth.Key{generate(t, jwtauth.HS256)}
				}
				f := newFleet(t, leaked, opts)
				tokens, err := f.any().Login(t.Context(), "user-1")
				if err != nil {
					t.Fatal(err)
				}
				for door := range f.doors {
					if code := f.status(door, tokens.AccessToken); code != 200 {
						t.Errorf("service %d answers %d before", door, code)
					}
				}
				time.Sleep(time.Minute)
				for _, issuer := range f.issuers {
					if err := issuer.SetKeys(fresh); err != nil {
						t.Fatal(err)
					}
				}
				for door := range f.issuers {
					if code := f.status(door, tokens.AccessToken); code != 401 {
						t.Errorf("instance %d answers %d after", door, code)
					}
				}
				renewed, err := f.any().Refresh(t.Context(), tokens.RefreshToken)
				if separate && err != nil || !separate && !errors.Is(err, jwtauth.ErrTokenInvalid) {
					t.Fatalf("refreshing: %v", err)
				}
				if !separate { // everyone logs in again
					if renewed, err = f.any().Login(t.Context(), "user-1"); err != nil {
						t.Fatal(err)
					}
				}
				if code := f.status(3, renewed.AccessToken); code != 200 {
					t.Errorf("the other service answers %d to a token of the new key", code)
				}
				if code := f.status(3, tokens.AccessToken); code != 401 {
					t.Errorf("the other service answers %d after it saw the new key", code)
				}
			})
		})
	}
}
