package jwtauth_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
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

// tally is what became of the clients' requests.
type tally struct{ requests, refused, refreshes, loggedOut atomic.Int64 }

// client logs in once, and then refreshes its token on any instance, and uses it with any service,
// until stop. One client in ten refreshes only when it has to.
func (f *fleet) client(t *testing.T, name int, stop <-chan struct{}, n *tally) {
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
		case <-time.After(time.Duration(90+rand.IntN(60)) * time.Second):
		}
		if name%10 != 0 || time.Until(expires) < 3*time.Minute {
			n.refreshes.Add(1)
			if tokens, err = f.any().Refresh(t.Context(), tokens.RefreshToken); err != nil {
				n.loggedOut.Add(1)
				t.Errorf("logged out: %v", err)
				return
			}
			expires = time.Now().Add(time.Duration(tokens.ExpiresIn) * time.Second)
		}
		n.requests.Add(1)
		if door := rand.IntN(len(f.doors)); f.status(door, tokens.AccessToken) != 200 {
			n.refused.Add(1)
			t.Errorf("service %d refuses", door)
		}
	}
}

// answered returns how many of tokens each service answers with code.
func (f *fleet) answered(code int, tokens []string) []int {
	counts := make([]int, len(f.doors))
	for door := range f.doors {
		for _, token := range tokens {
			if f.status(door, token) == code {
				counts[door]++
			}
		}
	}
	return counts
}

// The keys of three instances are rotated as SetKeys says while clients use and refresh their tokens: nobody is refused, nobody
// is logged out, and afterwards nothing of the old key is good.
func TestRotation(t *testing.T) {
	for _, separate := range []bool{false, true} {
		t.Run(fmt.Sprintf("RefreshKeys=%v", separate), func(t *testing.T) {
			t.Parallel() // each takes seconds of signing and verifying
			synctest.Test(t, func(t *testing.T) {
				old, next := generate(t, jwtauth.ES256), generate(t, jwtauth.ES256)
				const accessTTL, idleTTL = 10 * time.Minute, time.Hour
				opts := jwtauth.IssuerOptions{AccessTTL: accessTTL, IdleTTL: idleTTL}
				wait, many := idleTTL, 220 // refresh tokens that derive from the old key may live as long
				if separate {
					opts.RefreshKeys = []jwtauth.Key{generate(t, jwtauth.HS256)}
					wait, many = accessTTL+time.Minute, 420
				}
				f := newFleet(t, old, opts)
				stop := make(chan struct{})
				var clients sync.WaitGroup
				var n tally
				for i := range many {
					clients.Go(func() { f.client(t, i, stop, &n) })
				}
				time.Sleep(15 * time.Minute)
				idle, err := f.issuers[0].Login(t.Context(), "idle")
				if err != nil {
					t.Fatal(err)
				}
				var stolen []string
				for i := range 1000 {
					token, err := f.any().Sign(fmt.Sprint("user-", i), nil, jwtauth.ExpiresIn(24*time.Hour))
					if err != nil {
						t.Fatal(err)
					}
					stolen = append(stolen, token)
				}
				all := []int{1000, 1000, 1000, 1000}
				f.setKeys(t, old, next)     // 1: publish the next key,
				time.Sleep(5 * time.Minute) // until nobody holds a set without it;
				f.setKeys(t, next, old)     // 2: sign with it,
				time.Sleep(wait)            // until nothing that the old one signed is in use;
				for range 2 {               // remembered tokens are no exception
					if got := f.answered(200, stolen); !slices.Equal(got, all) {
						t.Errorf("of the old key's tokens the services take %v before its withdrawal, want %v", got, all)
					}
				}
				f.setKeys(t, next)           // 3: withdraw that.
				time.Sleep(10 * time.Minute) // and see it gone
				close(stop)
				clients.Wait()
				gone := f.answered(401, stolen)
				if !slices.Equal(gone, all) {
					t.Errorf("of the old key's tokens the services refuse %v after its withdrawal, want %v", gone, all)
				}
				t.Logf("%d requests, %d refused; %d refreshes, %d logged out; of 1000 tokens of the old key the 4 services refuse %v",
					n.requests.Load(), n.refused.Load(), n.refreshes.Load(), n.loggedOut.Load(), gone)
				if n.requests.Load() < 10_000 || n.refreshes.Load() < 10_000 {
					t.Error("those are too few")
				}
				_, err = f.any().Refresh(t.Context(), idle.RefreshToken)
				if separate && err != nil || !separate && !errors.Is(err, jwtauth.ErrTokenInvalid) {
					t.Errorf("an old refresh token: %v", err)
				}
			})
		})
	}
}

// sharedCache stands before a handler and answers in its place for as long as JWKS allows, whatever the client asks for.
type sharedCache struct {
	origin http.Handler
	stored *httptest.ResponseRecorder
	at     time.Time
	oldest time.Duration // that it answered with
}

func (c *sharedCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.stored == nil || time.Since(c.at) >= 300*time.Second {
		c.stored, c.at = httptest.NewRecorder(), time.Now()
		c.origin.ServeHTTP(c.stored, r)
	}
	age := time.Since(c.at)
	c.oldest = max(c.oldest, age)
	maps.Copy(w.Header(), c.stored.Header())
	w.Header().Set("Age", fmt.Sprint(int(age.Seconds())))
	_, _ = w.Write(c.stored.Body.Bytes())
}

// Another service that has the keys through a shared cache may hold a set that is as old as the cache lets it grow, and then as
// old as it lets it grow itself. So with 10 minutes for the first step, as SetKeys has it, nobody is refused; 5 are not enough.
func TestRotationThroughSharedCache(t *testing.T) {
	for publish, refused := range map[time.Duration]bool{5 * time.Minute: true, 10 * time.Minute: false} {
		t.Run(fmt.Sprint(publish), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				old, next := generate(t, jwtauth.ES256), generate(t, jwtauth.ES256)
				issuer := issuerWith(t, old, jwtauth.IssuerOptions{Issuer: providerIssuer, Audience: []string{"api"}})
				cache := &sharedCache{origin: issuer.JWKS()}
				p := new(provider)
				p.serves(cache)
				_, v := p.remote(t, jwtauth.RemoteKeysOptions{})
				setKeys := func(signing jwtauth.Key, accepted ...jwtauth.Key) {
					if err := issuer.SetKeys(signing, accepted...); err != nil {
						t.Fatal(err)
					}
				}
				verify := func() error {
					token, err := issuer.Sign("user-1", nil)
					if err != nil {
						t.Fatal(err)
					}
					_, err = v.VerifyToken(t.Context(), token)
					synctest.Wait()
					return err
				}
				_, other := p.remote(t, jwtauth.RemoteKeysOptions{}) // has the cache filled just before
				oldToken := signed(t, old)
				wantVerifyAtOnce(t, other, oldToken, nil)
				setKeys(old, next)
				time.Sleep(299 * time.Second)
				for range int((publish - 299*time.Second) / time.Second) {
					if err := verify(); err != nil {
						t.Errorf("while the next key is published: %v", err)
					}
					time.Sleep(time.Second)
				}
				setKeys(next, old)
				errs := 0
				for range 600 {
					if err := verify(); err != nil {
						errs++
					}
					time.Sleep(time.Second)
				}
				t.Logf("%d of 600 tokens refused after %v; the oldest answer from the cache was %v", errs, publish, cache.oldest)
				if (errs > 0) != refused || cache.oldest < 4*time.Minute {
					t.Error("that is not what the documentation says")
				}
				setKeys(next)
				for range 600 {
					if err := verify(); err != nil {
						t.Errorf("after the withdrawal: %v", err)
					}
					time.Sleep(time.Second)
				}
				wantVerifyAtOnce(t, v, oldToken, jwtauth.ErrKeyUnknown)
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
				leaked, fresh := generate(t, jwtauth.ES256), generate(t, jwtauth.EdDSA)
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
