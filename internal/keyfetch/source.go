// Package keyfetch fetches key sets over HTTP and keeps them up to date.
//
// The package has four parts. All decisions whether to fetch, now or later, are
// a pure function in schedule.go. The clock by which keys age is in clock.go.
// Requests, discovery and key sets are read in client.go, discovery.go and
// set.go. The Source connects them, and holds the lock, the timer and the
// goroutine.
package keyfetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// Config configures a [Source]. OnFetch and Transport are optional. The caller
// validates the times: Cooldown ≤ MaxAge, and MaxAge ≤ MaxStale unless MaxStale
// is 0.
type Config[K comparable] struct {
	Location   Location
	Wrap       func(*jose.Key) K // returns a key as look-ups do
	Algorithms []jose.Algorithm  // that keys may be for; RSA keys without "alg" are for the first RSA algorithm

	MaxAge   time.Duration // the age at which keys are fetched again
	MaxStale time.Duration // how long keys are used while fetches fail; 0 means until they are to be fetched again
	Cooldown time.Duration // the least time between two fetches

	OnFetch   func(Report)      // called after each fetch, in its goroutine; must not panic
	Transport http.RoundTripper // if nil, a copy of http.DefaultTransport
}

// Report describes one fetch. Its errors are fit for a log: of a response, they
// quote only key IDs and other short printable text.
type Report struct {
	URL     string  // of the key set, without its query; the issuer if discovery failed
	Keys    int     // in the set; 0 if the fetch failed
	Skipped []error // the reason for each key of the set that cannot be used
	Err     error   // the reason why the fetch failed, or nil
}

// Source is a key set that is fetched when a look-up needs it. Make one with
// [New]. It is safe for concurrent use.
type Source[K comparable] struct {
	location Location
	client   client
	reader   setReader[K]
	policy   policy
	maxAge   time.Duration
	onFetch  func(Report)

	// quick is the set during the time in which a look-up that finds a key in
	// it has no other effect. Otherwise it is nil.
	quick atomic.Pointer[keyset.Set[K]]

	mu     sync.Mutex
	clock  agingClock
	state  state
	set    *keyset.Set[K] // nil before the first successful fetch
	flight *flight        // the running fetch, or nil
	err    error          // of the last fetch
	wake   *time.Timer    // clears quick
}

// New returns a Source. It does not fetch.
func New[K comparable](c Config[K]) *Source[K] {
	return &Source[K]{
		location: c.Location,
		client:   newClient(c.Transport, c.Location.insecure),
		reader:   newSetReader(c.Wrap, c.Algorithms),
		policy:   policy{cooldown: c.Cooldown, maxStale: c.MaxStale},
		maxAge:   c.MaxAge,
		onFetch:  c.OnFetch,
	}
}

// Lookup returns the keys for tokens whose header names alg and id, which may
// be empty. It returns no keys and no error if the key is unknown, and an error
// if the key may exist but the set cannot be fetched. It waits for a fetch only
// if it cannot decide without one, and no longer than ctx lasts. The caller
// must not change the slice.
func (s *Source[K]) Lookup(ctx context.Context, alg jose.Algorithm, id string) ([]K, error) {
	if set := s.quick.Load(); set != nil {
		if keys := set.Lookup(alg, id); len(keys) > 0 {
			return keys, nil
		}
	}
	return s.lookup(ctx, alg, id, nil)
}

// LookupAgain returns the keys that [Source.Lookup] would return now, without
// those of an earlier look-up, none of which made the signature of a token. The
// provider may have given another key the same ID. If the set has no other key,
// LookupAgain behaves as Lookup does for an unknown ID.
func (s *Source[K]) LookupAgain(ctx context.Context, alg jose.Algorithm, id string, earlier []K) ([]K, error) {
	return s.lookup(ctx, alg, id, earlier)
}

// lookup is the part of Lookup that may start a fetch or wait for one. It does
// not return the keys in except.
func (s *Source[K]) lookup(ctx context.Context, alg jose.Algorithm, id string, except []K) ([]K, error) {
	if len(id) > jose.MaxKeyID || !slices.Contains(s.reader.algorithms, alg) {
		return nil, nil // no fetch can bring such a key
	}
	s.mu.Lock()
	running := s.flight
	keys := without(s.set.Lookup(alg, id), except)
	kind := lookupMissed
	if len(keys) > 0 {
		kind = lookupFound
	}
	action := s.apply(event{kind: kind, now: s.clock.now()})
	flight, err := s.flight, s.err
	s.mu.Unlock()

	switch action {
	case proceed:
		return keys, nil
	case refuse:
		return nil, nil
	case unavailable:
		return nil, s.unavailable(err)
	case tooManyWaiting:
		return nil, s.unavailable(errTooManyWaiting)
	}
	err = flight.wait(ctx)

	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.now()
	if action == wait && s.flight == flight {
		s.apply(event{kind: waitCanceled, now: now})
	}
	usable := s.state.usable(now)
	keys = without(s.set.Lookup(alg, id), except)
	switch {
	case usable && len(keys) > 0:
		return keys, nil // possibly old keys, which are better than a failure
	case err != nil || !usable:
		return nil, s.unavailable(err)
	}
	if flight == running {
		s.apply(event{kind: joinMissed, now: now})
	}
	return nil, nil
}

// Algorithms returns the algorithms of the keys of the last fetch, or those
// that keys may be for if there was none.
func (s *Source[K]) Algorithms() []jose.Algorithm {
	s.mu.Lock()
	defer s.mu.Unlock()
	if algs := s.set.Algorithms(); algs != nil {
		return algs
	}
	return s.reader.algorithms
}

// without returns the elements of keys that are not in except. It changes
// neither of them.
func without[K comparable](keys, except []K) []K {
	if len(except) == 0 {
		return keys
	}
	var rest []K
	for _, key := range keys {
		if !slices.Contains(except, key) {
			rest = append(rest, key)
		}
	}
	return rest
}

// Ready returns nil if there is a set to use. Otherwise it fetches the set as
// [Source.Lookup] does, and returns an error if that fails.
func (s *Source[K]) Ready(ctx context.Context) error {
	s.mu.Lock()
	action := s.apply(event{kind: readyChecked, now: s.clock.now()})
	flight, err := s.flight, s.err
	s.mu.Unlock()
	switch action {
	case proceed:
		return nil
	case unavailable:
		return s.unavailable(err)
	}
	err = flight.wait(ctx)
	s.mu.Lock()
	usable := s.state.usable(s.clock.now())
	s.mu.Unlock()
	if usable {
		return nil
	}
	return s.unavailable(err)
}

var (
	errTooManyWaiting = errors.New("too many requests wait for a fetch")
	errOutdated       = errors.New("the fetched set is out of date already")
)

// unavailable returns the error for a look-up that cannot be decided because of
// err. A nil error means that the fetch succeeded, but the set has expired: the
// machine was suspended since the fetch started, or its clock was put forward.
func (s *Source[K]) unavailable(err error) error {
	if err == nil {
		err = errOutdated
	}
	return fmt.Errorf("keys of %s: %w", s.location, err)
}

// apply updates the state for an event and starts a fetch if necessary. It
// returns how the caller goes on. s.mu is held.
func (s *Source[K]) apply(e event) action {
	next, decision := s.policy.step(s.state, e)
	changed := next != s.state
	s.state = next
	if decision.start {
		s.start()
	}
	if changed || e.kind == lookupFound {
		s.rearm(e.now)
	}
	return decision.action
}

// maxQuiet is the longest time without a look-up that reads the clock. Timers
// do not count the time in which the machine is suspended.
const maxQuiet = time.Minute

// rearm sets quick for the time in which [state.quietUntil] allows it. s.mu is
// held.
//
// A timer ends that time, because reading the clock for each look-up would cost
// a tenth of verifying a remembered token. If an earlier timer fires late, the
// next look-up comes back here.
func (s *Source[K]) rearm(now time.Time) {
	quiet := min(s.state.quietUntil(now).Sub(now), maxQuiet)
	if s.set == nil || quiet <= 0 {
		s.quick.Store(nil)
		return
	}
	s.quick.Store(s.set)
	if s.wake == nil {
		s.wake = time.AfterFunc(quiet, func() { s.quick.Store(nil) })
	} else {
		s.wake.Reset(quiet)
	}
}
