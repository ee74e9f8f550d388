package dpop_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// Eight connections present one proof at the moment at which its time ends. It
// is accepted once, or not at all.
func TestWindowEndsDuringRequests(t *testing.T) {
	made := time.Unix(1_700_000_040, 0) // begins a period of nonces
	for _, nonceKey := range [][]byte{nil, nonceKey} {
		at := &clock{made}
		s := newService(t, dpop.Options{Now: at.now, NonceKey: nonceKey})
		end := made.Add(time.Minute)
		if nonceKey != nil {
			end = made.Add(2*time.Minute - 1)
		}
		c := newClient(t, jose.ES256)
		for after, want := range map[time.Duration]int64{-time.Millisecond: 1, 0: 1, 1: 0, time.Millisecond: 0} {
			at.Time = made
			c.now = at.now
			p := c.parts(http.MethodPost, origin+"/login", "")
			if nonceKey != nil {
				_, err := confirm(s, c.sign(p))
				p.claims["nonce"] = nonceOfError(t, err)
			}
			proof := c.sign(p)
			var accepted atomic.Int64
			for _, later := range []time.Duration{0, 1, time.Second, time.Minute} {
				at.Time = end.Add(after + later)
				var wait sync.WaitGroup
				for range 8 {
					wait.Go(func() {
						switch _, err := confirm(s, proof); {
						case err == nil:
							accepted.Add(1)
						case !errors.Is(err, dpop.ErrProofInvalid) && !errors.Is(err, dpop.ErrNonceNeeded):
							t.Error(err)
						}
					})
				}
				wait.Wait()
			}
			if n := accepted.Load(); n != want {
				t.Errorf("nonces %v: %v after the end: accepted %d times, want %d", nonceKey != nil, after, n, want)
			}
		}
	}
}

// The window includes its ends.
func TestWindowEnds(t *testing.T) {
	at := &clock{time.Unix(1_700_000_000, 0)}
	s := newService(t, dpop.Options{Now: at.now, Window: 30 * time.Second})
	c := newClient(t, jose.ES256)
	for late, ok := range map[time.Duration]bool{
		-30*time.Second - 1: false, -30 * time.Second: true, 0: true, 30 * time.Second: true, 30*time.Second + 1: false,
	} {
		c.now = func() time.Time { return at.Time }
		proof := c.proof(http.MethodPost, origin+"/login", "")
		at.Time = at.Add(late)
		if _, err := confirm(s, proof); (err == nil) != ok {
			t.Errorf("%v later: %v", late, err)
		}
		at.Time = time.Unix(1_700_000_000, 0)
	}
}

// A nonce is good until the end of the period after its own, to the nanosecond.
func TestNonceEnds(t *testing.T) {
	period := time.Minute
	begin := time.Unix(1_700_000_040, 0) // of a period
	at := &clock{begin}
	s := newService(t, dpop.Options{Now: at.now, Window: period, NonceKey: nonceKey})
	c := newClient(t, jose.ES256)
	nonceAt := func(when time.Time) string {
		at.Time = when
		_, err := confirm(s, c.proof(http.MethodPost, origin+"/login", ""))
		return nonceOfError(t, err)
	}
	first, last := nonceAt(begin), nonceAt(begin.Add(period-1))
	if first != last || nonceAt(begin.Add(period)) == first || nonceAt(begin.Add(-1)) == first {
		t.Error("the nonce does not change with the period")
	}
	for after, ok := range map[time.Duration]bool{-1: false, 0: true, period - 1: true, period: true, 2*period - 1: true, 2 * period: false} {
		at.Time = begin.Add(after)
		p := c.parts(http.MethodPost, origin+"/login", "")
		p.claims["nonce"] = first
		if _, err := confirm(s, c.sign(p)); (err == nil) != ok {
			t.Errorf("%v later: %v", after, err)
		}
	}
}

// A client that repeats a request at once with the nonce of the refusal
// succeeds, wherever the period of nonces ends.
func TestNonceChangesDuringRequests(t *testing.T) {
	const period = time.Second
	at := &clock{time.Unix(1_700_000_000, 0)}
	s := newService(t, dpop.Options{Now: at.now, Window: period, NonceKey: nonceKey})
	c := newClient(t, jose.ES256)
	var nonce any
	send := func() error {
		p := c.parts(http.MethodPost, origin+"/login", "")
		p.claims["nonce"] = nonce
		_, err := confirm(s, c.sign(p))
		return err
	}
	refusals := 0
	for range 100 {
		at.Time = at.Add(370 * time.Millisecond)
		err := send()
		if err == nil {
			continue
		}
		refusals++
		nonce = nonceOfError(t, err)
		at.Time = at.Add(period - 1)
		if err := send(); err != nil {
			t.Fatalf("%v: %v", at, err)
		}
	}
	if refusals == 0 {
		t.Error("no nonce has expired")
	}
}

// expiring is a shared store with a clock of its own, such as a server of
// Redis. It holds an id for the time from now to expiresAt.
type expiring struct {
	now   func() time.Time
	until map[string]time.Time
}

func (e *expiring) Add(_ context.Context, id string, now, expiresAt time.Time) (bool, error) {
	if until, ok := e.until[id]; ok && e.now().Before(until) {
		return false, nil
	}
	e.until[id] = e.now().Add(expiresAt.Sub(now))
	return true, nil
}

// The instance that accepts a proof has a fast clock, and another one has a
// slow clock, so that the proof is young for longer.
func TestReplayAtSlowInstance(t *testing.T) {
	for _, nonces := range []bool{false, true} {
		begin := time.Unix(1_700_000_040, 0)
		at := &clock{begin}
		store := &expiring{at.now, map[string]time.Time{}}
		instance := func(skew time.Duration) *service {
			opts := dpop.Options{Replay: store, Now: func() time.Time { return at.Add(skew) }}
			if nonces {
				opts.NonceKey = nonceKey
			}
			return newService(t, opts)
		}
		fast, slow := instance(5*time.Second), instance(-5*time.Second+1)
		c := newClient(t, jose.ES256)
		c.now = at.now
		p := c.parts(http.MethodPost, origin+"/login", "")
		if nonces {
			at.Time = at.Add(10 * time.Second) // both clocks are in one period
			_, err := confirm(slow, c.sign(p))
			p.claims["nonce"] = nonceOfError(t, err)
		}
		proof := c.sign(p)
		if _, err := confirm(fast, proof); err != nil {
			t.Fatal(err)
		}
		for range 4 * 60 {
			at.Time = at.Add(time.Second)
			if _, err := confirm(slow, proof); err == nil {
				t.Fatalf("nonces %v: accepted again, %v later", nonces, at.Sub(begin))
			}
		}
	}
}
