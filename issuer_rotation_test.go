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

// fleet is a service of three instances that share a store, and a second
// service that only verifies. The second one fetches its keys from any of the
// instances.
type fleet struct {
	issuers   []*jwtauth.Issuer
	consumer  *jwtauth.Verifier
	protected []http.Handler // a handler behind Verify for each of them
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
		f.protected = append(f.protected, jwtauth.Verify(v)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	}
	return f
}

func (f *fleet) any() *jwtauth.Issuer { return f.issuers[rand.IntN(len(f.issuers))] }

// setKeys calls SetKeys of one instance after the other.
func (f *fleet) setKeys(t *testing.T, signing jwtauth.Key, accepted ...jwtauth.Key) {
	t.Helper()
	for _, issuer := range f.issuers {
		if err := issuer.SetKeys(signing, accepted...); err != nil {
			t.Error(err)
		}
		time.Sleep(100 * time.Second)
	}
}

func (f *fleet) status(service int, token string) int {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	f.protected[service].ServeHTTP(w, r)
	return w.Code
}

// tally counts the requests of all clients.
type tally struct{ requests, rejected, refreshes, loggedOut atomic.Int64 }

// client logs in once. Until stop, it refreshes its token on any instance and
// uses it with any service. One client in ten refreshes only when it must.
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
		if service := rand.IntN(len(f.protected)); f.status(service, tokens.AccessToken) != 200 {
			n.rejected.Add(1)
			t.Errorf("service %d rejects the token", service)
		}
	}
}

// count returns how many of the tokens get a status, for each service.
func (f *fleet) count(code int, tokens []string) []int {
	counts := make([]int, len(f.protected))
	for service := range f.protected {
		for _, token := range tokens {
			if f.status(service, token) == code {
				counts[service]++
			}
		}
	}
	return counts
}

// The keys of three instances are rotated in the steps of SetKeys, while
// clients use and refresh their tokens. No token is rejected and no client is
// logged out. Afterwards, all tokens of the old key are rejected.
func TestRotation(t *testing.T) {
	t.Parallel()
	for _, separate := range []bool{false, true} {
		t.Run(fmt.Sprintf("RefreshKeys=%v", separate), func(t *testing.T) {
			t.Parallel() // each takes seconds of signing and verifying
			synctest.Test(t, func(t *testing.T) {
				old, next := generate(t, jwtauth.ES256), generate(t, jwtauth.ES256)
				const accessTTL, idleTTL = 10 * time.Minute, time.Hour
				opts := jwtauth.IssuerOptions{AccessTTL: accessTTL, IdleTTL: idleTTL}
				wait, many := idleTTL, 220 // refresh tokens are signed with a key derived from the old one
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
				f.setKeys(t, old, next) // 1: publish
				time.Sleep(5 * time.Minute)
				f.setKeys(t, next, old) // 2: sign
				time.Sleep(wait)
				for range 4 { // from the third time on, tokens are remembered
					if got := f.count(200, stolen); !slices.Equal(got, all) {
						t.Errorf("the services accept %v tokens of the old key before its withdrawal, want %v", got, all)
					}
				}
				f.setKeys(t, next) // 3: withdraw
				time.Sleep(10 * time.Minute)
				close(stop)
				clients.Wait()
				gone := f.count(401, stolen)
				if !slices.Equal(gone, all) {
					t.Errorf("the services reject %v tokens of the old key after its withdrawal, want %v", gone, all)
				}
				t.Logf("%d requests, %d rejected; %d refreshes, %d logged out; the 4 services reject %v of 1000 tokens of the old key",
					n.requests.Load(), n.rejected.Load(), n.refreshes.Load(), n.loggedOut.Load(), gone)
				if n.requests.Load() < 10_000 || n.refreshes.Load() < 10_000 {
					t.Error("too few requests")
				}
				_, err = f.any().Refresh(t.Context(), idle.RefreshToken)
				if separate && err != nil || !separate && !errors.Is(err, jwtauth.ErrTokenInvalid) {
					t.Errorf("an old refresh token: %v", err)
				}
			})
		})
	}
}

// sharedCache is a cache in front of a handler. It uses each response for as
// long as JWKS allows, even if the client asks for a new one.
type sharedCache struct {
	origin http.Handler
	stored *httptest.ResponseRecorder
	at     time.Time
	oldest time.Duration // age of a response from the cache
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

// Behind a shared cache, a service may hold a set for the lifetime of the
// response in the cache, and then for the same time in its own memory. The
// first step of a rotation must therefore take 10 minutes. 5 minutes are not
// enough.
func TestRotationThroughSharedCache(t *testing.T) {
	t.Parallel()
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
				_, other := p.remote(t, jwtauth.RemoteKeysOptions{}) // fills the cache just before SetKeys
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
				t.Logf("%d of 600 tokens rejected after %v; the oldest response from the cache was %v", errs, publish, cache.oldest)
				if (errs > 0) != refused || cache.oldest < 4*time.Minute {
					t.Error("the documentation of SetKeys is wrong")
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

// A leaked key is replaced on all instances at once. They reject its tokens
// from then on. Other services reject them after the first token of the new
// key.
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
				for service := range f.protected {
					if code := f.status(service, tokens.AccessToken); code != 200 {
						t.Errorf("service %d responds with %d before", service, code)
					}
				}
				time.Sleep(time.Minute)
				for _, issuer := range f.issuers {
					if err := issuer.SetKeys(fresh); err != nil {
						t.Fatal(err)
					}
				}
				for service := range f.issuers {
					if code := f.status(service, tokens.AccessToken); code != 401 {
						t.Errorf("instance %d responds with %d after", service, code)
					}
				}
				renewed, err := f.any().Refresh(t.Context(), tokens.RefreshToken)
				if separate && err != nil || !separate && !errors.Is(err, jwtauth.ErrTokenInvalid) {
					t.Fatalf("refreshing: %v", err)
				}
				if !separate { // all users log in again
					if renewed, err = f.any().Login(t.Context(), "user-1"); err != nil {
						t.Fatal(err)
					}
				}
				if code := f.status(3, renewed.AccessToken); code != 200 {
					t.Errorf("the other service responds with %d to a token of the new key", code)
				}
				if code := f.status(3, tokens.AccessToken); code != 401 {
					t.Errorf("the other service responds with %d after it fetched the new key", code)
				}
			})
		})
	}
}
