package keyfetch_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestFirstFetchIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jose.EdDSA)
		p.publishesSlowly(t, time.Second, key)
		s := p.source(t)
		wantRequests(t, p, 0) // a service can start while the provider is down
		var lookups sync.WaitGroup
		for i := range 100 {
			lookups.Go(func() {
				time.Sleep(time.Duration(i) * 9 * time.Millisecond)
				wantLookup(t, s, key, found)
			})
		}
		lookups.Wait()
		wantRequests(t, p, 1)
		wantAtOnce(t, s, key, found)
		wantRequests(t, p, 1)
		if r := p.lastReport(t); r.URL != keysURL || r.Keys != 1 || len(r.Skipped) != 0 || r.Err != nil {
			t.Errorf("reported %+v", r)
		}
	})
}

// Keys that are due are fetched while they are used. Keys that the provider has
// withdrawn are unknown afterwards.
func TestRefreshInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		kept, withdrawn, added := generate(t, jose.ES256), generate(t, jose.EdDSA), generate(t, jose.EdDSA)
		p.publishes(t, kept, withdrawn)
		s := p.source(t)
		wantAtOnce(t, s, kept, found)
		wantAtOnce(t, s, withdrawn, found)
		before, err := s.Lookup(t.Context(), jose.ES256, kept.ID())
		if err != nil || len(before) != 1 {
			t.Fatal(before, err)
		}

		p.publishesSlowly(t, 3*time.Second, added, kept)
		time.Sleep(45*time.Minute - 1)
		wantAtOnce(t, s, withdrawn, found)
		wantRequests(t, p, 1)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		for range 3 {
			wantAtOnce(t, s, withdrawn, found)
		}
		wantRequests(t, p, 2)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		wantAtOnce(t, s, withdrawn, unknown)
		wantAtOnce(t, s, added, found)
		wantRequests(t, p, 2) // the withdrawn key was looked up within the cooldown

		after, err := s.Lookup(t.Context(), jose.ES256, kept.ID())
		if err != nil || len(after) != 1 || after[0] != before[0] {
			t.Errorf("a key that stayed has another pointer: %v, %v", after, err)
		}
	})
}

// If keys have grown old without a look-up, the next one waits. It must not
// accept keys that may have been withdrawn long ago.
func TestOldKeysAreFetchedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		withdrawn, added := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
		p.publishes(t, withdrawn)
		s := p.source(t)
		wantAtOnce(t, s, withdrawn, found)
		p.publishes(t, added)
		time.Sleep(time.Hour)
		synctest.Wait()
		wantAtOnce(t, s, withdrawn, unknown)
		wantRequests(t, p, 2)
	})
}

// The age of keys counts from the start of their fetch.
func TestAgeCountsFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jose.EdDSA)
		p.publishesSlowly(t, 4*time.Second, key)
		s := p.source(t)
		wantLookup(t, s, key, found)
		p.replies(hang)
		time.Sleep(45*time.Minute - 4*time.Second - 1)
		synctest.Wait()
		wantAtOnce(t, s, key, found)
		wantRequests(t, p, 1)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantAtOnce(t, s, key, found)
		wantRequests(t, p, 2)
		time.Sleep(10 * time.Second)
	})
}

// An unknown key is fetched at once. After that, there is at most one fetch per
// cooldown.
func TestUnknownKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		first, second, third := generate(t, jose.EdDSA), generate(t, jose.EdDSA), generate(t, jose.ES256)
		p.publishes(t, first)
		s := p.source(t)
		wantAtOnce(t, s, first, found)
		time.Sleep(30 * time.Second)

		p.publishes(t, first, second)
		wantAtOnce(t, s, second, found)
		wantRequests(t, p, 2)

		p.publishes(t, first, second, third)
		time.Sleep(30*time.Second - 1)
		wantAtOnce(t, s, third, unknown)
		wantRequests(t, p, 2)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantAtOnce(t, s, third, found)
		wantRequests(t, p, 3)
		wantAtOnce(t, s, first, found)
		wantRequests(t, p, 3)
	})
}

// After an unknown key within the cooldown, the first look-up of any key after
// the cooldown starts a fetch.
func TestUnknownKeyIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		known, added := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
		p.publishes(t, known)
		s := p.source(t)
		wantAtOnce(t, s, known, found)
		p.publishes(t, known, added)
		wantAtOnce(t, s, added, unknown)
		time.Sleep(30*time.Second - 1)
		wantAtOnce(t, s, known, found)
		wantRequests(t, p, 1)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantAtOnce(t, s, known, found)
		wantRequests(t, p, 2)
		wantAtOnce(t, s, added, found)
		wantRequests(t, p, 2)
	})
}

// The same applies if the look-up waited for a fetch that another one had
// started: the provider may have published the key after it responded.
func TestUnknownKeyJoinsAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		known, added, other := generate(t, jose.EdDSA), generate(t, jose.EdDSA), generate(t, jose.EdDSA)
		p.publishes(t, known)
		s := p.source(t)
		wantAtOnce(t, s, known, found)
		time.Sleep(time.Minute)

		p.publishesSlowly(t, time.Second, known)
		go func() { wantLookup(t, s, other, unknown) }()
		time.Sleep(time.Second / 2)
		p.publishes(t, known, added)
		wantLookup(t, s, added, unknown)
		wantRequests(t, p, 2)
		time.Sleep(30 * time.Second)
		wantAtOnce(t, s, known, found)
		synctest.Wait()
		wantRequests(t, p, 3)
		wantAtOnce(t, s, added, found)
		wantRequests(t, p, 3)
	})
}

// A look-up that started the fetch does not cause another one.
func TestUnknownKeyIsFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, known := new(provider), generate(t, jose.EdDSA)
		p.publishes(t, known)
		s := p.source(t)
		wantAtOnce(t, s, generate(t, jose.EdDSA), unknown)
		time.Sleep(time.Minute)
		wantAtOnce(t, s, known, found)
		wantRequests(t, p, 1)
	})
}

// A key that no fetch can bring causes no fetch, not even the first.
func TestImpossibleKey(t *testing.T) {
	for _, loaded := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p, key := new(provider), generate(t, jose.EdDSA)
			p.publishes(t, key)
			s := p.source(t, func(c *config) { c.Algorithms = []jose.Algorithm{jose.EdDSA, jose.PS256} })
			before := 0
			if loaded {
				wantAtOnce(t, s, key, found)
				time.Sleep(time.Minute)
				before = 1
			}
			for _, c := range []struct {
				alg jose.Algorithm
				id  string
			}{
				{"none", ""}, {jose.HS256, ""}, {jose.HS256, "x"}, {"XX", "x"}, {"eddsa", "x"}, {"", ""},
				{jose.RS256, "x"}, {jose.ES256, ""}, {jose.EdDSA, strings.Repeat("k", 257)},
			} {
				for range 2 {
					if keys, err := s.Lookup(t.Context(), c.alg, c.id); keys != nil || err != nil {
						t.Errorf("%s %q: %v, %v", c.alg, c.id, keys, err)
					}
				}
			}
			wantRequests(t, p, before)
			if keys, err := s.Lookup(t.Context(), jose.EdDSA, strings.Repeat("k", 256)); keys != nil || err != nil {
				t.Error(keys, err)
			}
			wantRequests(t, p, before+1)
		})
	}
}

func TestContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		p.replies(hang)
		s := p.source(t)
		for _, call := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := s.Lookup(ctx, jose.EdDSA, "k"); return err },
			s.Ready,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			begun := time.Now()
			err := call(ctx)
			if took := time.Since(begun); took != 100*time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %v: %v", took, err)
			}
			cancel()
		}
		wantRequests(t, p, 1)
		time.Sleep(5 * time.Second)
	})
}

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jose.EdDSA)
		p.replies(text(http.StatusInternalServerError, "no"))
		s := p.source(t)
		if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "status 500") || !strings.Contains(err.Error(), keysURL) {
			t.Errorf("got %v", err)
		}
		p.publishes(t, key)
		if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "status 500") { // too soon for another fetch
			t.Errorf("got %v", err)
		}
		wantRequests(t, p, 1)
		time.Sleep(time.Second)
		if err := s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		wantRequests(t, p, 2)
		wantAtOnce(t, s, key, found)

		// Keys in use bridge an outage.
		p.replies(hang)
		time.Sleep(24*time.Hour - 1)
		if err := s.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		wantRequests(t, p, 2)
		time.Sleep(time.Nanosecond)
		begun := time.Now()
		if err := s.Ready(t.Context()); err == nil || time.Since(begun) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

func TestLookupDoesNotAllocate(t *testing.T) {
	p, key := new(provider), generate(t, jose.EdDSA)
	p.publishes(t, key)
	s := p.source(t)
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{key.ID(), ""} {
		if allocs := testing.AllocsPerRun(100, func() {
			if keys, err := s.Lookup(context.Background(), jose.EdDSA, id); err != nil || len(keys) != 1 {
				t.Error(keys, err)
			}
		}); allocs != 0 {
			t.Errorf("ID %q: %v allocations", id, allocs)
		}
	}
}
