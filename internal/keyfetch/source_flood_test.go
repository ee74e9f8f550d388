package keyfetch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// 100,000 look-ups of unknown keys in 10 seconds, and more after that, cause at
// most one fetch per cooldown. A key that is published meanwhile is known after
// one cooldown at most.
func TestFloodOfUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const cooldown, latency = 30 * time.Second, 50 * time.Millisecond
		p := new(provider)
		known, added := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
		p.publishesSlowly(t, latency, known)
		s := p.source(t)
		wantLookup(t, s, known, found)
		time.Sleep(cooldown)

		begun := time.Now()
		end := begun.Add(100 * time.Second)
		var flood sync.WaitGroup
		var early atomic.Int64 // look-ups in the first 10 seconds
		for worker := range 21 {
			flood.Go(func() {
				for i := 0; time.Now().Before(end); i++ {
					keys, err := s.Lookup(context.Background(), jose.EdDSA, fmt.Sprintf("%d-%d", worker, i))
					if len(keys) != 0 || err != nil {
						t.Errorf("an unknown key: %v, %v", keys, err)
					}
					if time.Since(begun) < 10*time.Second {
						early.Add(1)
					}
					if i < 5000 {
						time.Sleep(2 * time.Millisecond)
					} else {
						time.Sleep(time.Second)
					}
				}
			})
		}
		time.Sleep(5 * time.Second)
		p.publishesSlowly(t, latency, known, added)
		published := time.Now()
		for {
			wantAtOnce(t, s, known, found)
			got, err := lookup(t.Context(), s, added)
			if got == found {
				break
			} else if got != unknown {
				t.Errorf("the new key is %s, %v", got, err)
			}
			time.Sleep(10 * time.Millisecond)
			if time.Since(published) > time.Minute {
				t.Fatal("the new key is not known after a minute")
			}
		}
		took := time.Since(published)
		if took > cooldown+latency+10*time.Millisecond {
			t.Errorf("the new key was known after %v", took)
		}
		flood.Wait()
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := 1; i < len(p.requests); i++ {
			if between := p.requests[i].Sub(p.requests[i-1]); between < cooldown {
				t.Errorf("requests %d and %d are only %v apart", i-1, i, between)
			}
		}
		t.Logf("%d unknown keys in 10 s: %d fetches in %v; a new key known after %v", early.Load(), len(p.requests), time.Since(p.requests[0]), took)
		if early.Load() < 100_000 || len(p.requests) < 4 || len(p.requests) > 5 {
			t.Error("the flood was too small, or the number of fetches is wrong")
		}
	})
}

// While a provider hangs, look-ups of unknown keys do not pile up, and known
// keys are found at once.
func TestHungProviderWithUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, known := new(provider), generate(t, jose.EdDSA)
		p.publishes(t, known)
		s := p.source(t)
		wantAtOnce(t, s, known, found)
		time.Sleep(time.Minute)
		p.replies(hang)
		wantWaiting(t, s, func() { wantAtOnce(t, s, known, found) })
	})
}

// The same limit applies before the first set, and after the last has expired.
func TestHungProviderWithoutKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jose.EdDSA)
		p.replies(hang)
		s := p.source(t)
		wantWaiting(t, s, func() {})
		p.publishes(t, key)
		time.Sleep(30 * time.Second)
		wantAtOnce(t, s, key, found)
		p.replies(hang)
		time.Sleep(24 * time.Hour)
		wantWaiting(t, s, func() {})
	})
}

// wantWaiting checks that of many look-ups that only a fetch can decide, 1,000
// wait for it, however many gave up before. The others fail at once. It calls
// meanwhile while they wait.
func wantWaiting(t *testing.T, s *source, meanwhile func()) {
	t.Helper()
	begun := time.Now()
	var canceled sync.WaitGroup
	for range 1000 {
		canceled.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := s.Lookup(ctx, jose.EdDSA, "unknown"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a look-up that gave up returned %v", err)
			}
		})
	}
	canceled.Wait()
	var waited, refused atomic.Int64
	var lookups sync.WaitGroup
	for range 3000 {
		lookups.Go(func() {
			_, err := s.Lookup(t.Context(), jose.EdDSA, "unknown")
			switch {
			case err == nil:
				t.Error("a look-up was decided without the provider")
			case time.Since(begun) > time.Second:
				waited.Add(1)
			case strings.Contains(err.Error(), "too many requests wait"):
				refused.Add(1)
			default:
				t.Errorf("a look-up that did not wait returned %v", err)
			}
		})
	}
	synctest.Wait()
	meanwhile()
	lookups.Wait()
	if waited.Load() != 1000 || refused.Load() != 2000 {
		t.Errorf("%d look-ups waited, %d did not; want 1000 and 2000", waited.Load(), refused.Load())
	}
}

// Look-ups that have an old key to fall back on may all wait. They do so once
// per outage.
func TestHungProviderWithOldKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jose.EdDSA)
		p.publishes(t, key)
		s := p.source(t)
		wantAtOnce(t, s, key, found)
		p.replies(hang)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		begun := time.Now()
		var lookups sync.WaitGroup
		for range 2000 {
			lookups.Go(func() { wantLookup(t, s, key, found) })
		}
		lookups.Wait()
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("waited for %v", took)
		}
		for range 100 {
			wantAtOnce(t, s, key, found)
			time.Sleep(7 * time.Second)
			synctest.Wait()
		}
	})
}
