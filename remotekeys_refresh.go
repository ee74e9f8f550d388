package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"log"
	"runtime/debug"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// fetchState is what the decision whether to fetch is made of.
type fetchState struct {
	// Of the set in use; zero before the first good fetch.
	due     time.Time // from when on it is fetched anew in the background,
	old     time.Time // waited for,
	expires time.Time // and not used any more

	next     time.Time // no fetch starts before
	busy     bool      // one is under way
	failed   bool      // the last one
	wanted   bool      // one is wanted before the set is due
	failures int       // since there was a good one
}

func (s *fetchState) usable(now time.Time) bool { return now.Before(s.expires) }

// fetchDecision says what to do about one look-up.
type fetchDecision struct {
	use   bool // what was found, after waiting where that is said, too
	start bool // a fetch
	wait  bool // for the fetch that is under way or started now
}

// decide decides about a look-up that found a key in the set, or did not.
func (s *fetchState) decide(now time.Time, found bool) fetchDecision {
	may := !s.busy && !now.Before(s.next)
	switch {
	case !found || !s.usable(now):
		return fetchDecision{start: may, wait: may || s.busy}
	case !now.Before(s.old) && !s.failed:
		// Once: while the provider hangs, requests must not all hang with it.
		return fetchDecision{use: true, start: may, wait: may || s.busy}
	default:
		return fetchDecision{use: true, start: may && (s.wanted || !now.Before(s.due))}
	}
}

// quietUntil is until when decide has nothing to say about a key that was found but to use it. It is in
// the past where it has something to say now.
func (s *fetchState) quietUntil(now time.Time) time.Time {
	until := s.expires
	if !s.failed && s.old.Before(until) {
		until = s.old
	}
	if s.busy {
		return until
	}
	start := s.due
	if s.wanted {
		start = now
	}
	if start.Before(s.next) {
		start = s.next
	}
	if start.Before(until) {
		until = start
	}
	return until
}

func (s *fetchState) begin(now time.Time, cooldown time.Duration) {
	s.busy, s.wanted = true, false
	s.next = now.Add(cooldown)
}

// firstRetry is how long after the first fetch the second one may start, if there never was a good one: a service that
// starts a moment before its network does should not wait for the whole Cooldown.
const firstRetry = time.Second

func (s *fetchState) fail(started time.Time, cooldown time.Duration) {
	s.busy, s.failed, s.wanted = false, true, true
	if s.expires.IsZero() && s.failures < 10 {
		s.next = started.Add(min(cooldown, firstRetry<<s.failures))
	}
	s.failures++
}

// succeed takes the times of a set from when its fetch started, since that is the latest time that
// it is known to have been the provider's.
func (s *fetchState) succeed(started time.Time, life, maxStale time.Duration) {
	s.busy, s.failed, s.failures = false, false, 0
	s.due = started.Add(life / 4 * 3)
	s.old = started.Add(life)
	s.expires = started.Add(max(life, maxStale))
}

// flight is one fetch, which all who need it share.
type flight struct {
	done    chan struct{}
	err     error // once done is closed
	waiting int   // how many wait for it without keys to fall back on
}

// wait returns how the fetch ended, or the context's error.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// maxWaiting is how many requests may wait for a fetch that have no key in use to be judged by: anyone can send
// those, and with a provider that hangs they would pile up.
const maxWaiting = 1000

var (
	errTooManyWait = errors.New("too many requests wait for a fetch")
	// Where the machine slept, or its clock was put forward, between the start of the fetch and now.
	errOutdated = errors.New("what was fetched is out of date already")
)

// decide is VerificationKeys where a look-up may not be all there is to do.
func (r *RemoteKeys) decide(ctx context.Context, alg Algorithm, kid string) ([]Key, error) {
	if len(kid) > jose.MaxKeyID || !slices.Contains(r.algorithms, alg) {
		return nil, nil // whatever is fetched
	}
	r.mu.Lock()
	now := r.clock.now()
	keys := r.lookup(now, alg, kid)
	d := r.state.decide(now, len(keys) > 0)
	if d.start {
		r.start(now)
	}
	flight := r.flight
	switch {
	case !d.wait && d.use:
		r.rearm(now)
		r.mu.Unlock()
		return keys, nil
	case !d.wait:
		err := r.err
		r.want(now)
		r.mu.Unlock()
		if err != nil {
			return nil, r.unavailable(err)
		}
		return nil, nil
	case !d.use:
		if flight.waiting >= maxWaiting {
			r.mu.Unlock()
			return nil, r.unavailable(errTooManyWait)
		}
		flight.waiting++
	}
	r.mu.Unlock()

	err := flight.wait(ctx)
	r.mu.Lock()
	if !d.use {
		flight.waiting--
	}
	now = r.clock.now()
	keys = r.lookup(now, alg, kid)
	switch {
	case len(keys) > 0:
		err = nil // what there was before is still better than nothing
	case err != nil:
	case !r.state.usable(now):
		err = errOutdated // and the next request has them fetched again
	case !d.start:
		r.want(now) // the key may have been published after the provider was asked
	}
	r.mu.Unlock()
	if err != nil {
		return nil, r.unavailable(err)
	}
	return keys, nil
}

// want has the next request after the Cooldown fetch. r.mu is held.
func (r *RemoteKeys) want(now time.Time) {
	if !r.state.wanted {
		r.state.wanted = true
		r.rearm(now)
	}
}

// lookup returns what the set has, if it may still be used. r.mu is held.
func (r *RemoteKeys) lookup(now time.Time, alg Algorithm, kid string) []Key {
	if !r.state.usable(now) {
		return nil
	}
	return r.set.Lookup(jose.Algorithm(alg), kid)
}

// maxQuiet is after how long a look-up reads the clock at the latest: timers do not count the time in which the
// machine is suspended.
const maxQuiet = time.Minute

// rearm makes look-ups quick until there is something to decide again. r.mu is held.
func (r *RemoteKeys) rearm(now time.Time) {
	quiet := r.state.quietUntil(now).Sub(now)
	if r.set == nil || quiet <= 0 {
		r.quick.Store(nil)
		return
	}
	r.quick.Store(r.set)
	quiet = min(quiet, maxQuiet)
	// A timer, since reading the clock would cost a tenth of verifying a token that was seen before. If an earlier
	// one goes off late, the next look-up finds nothing to do and comes back here.
	if r.wake == nil {
		r.wake = time.AfterFunc(quiet, func() { r.quick.Store(nil) })
	} else {
		r.wake.Reset(quiet)
	}
}

// start starts a fetch. r.mu is held.
func (r *RemoteKeys) start(now time.Time) {
	r.flight = &flight{done: make(chan struct{})}
	r.state.begin(now, r.cooldown)
	r.rearm(now)
	go r.run(r.flight, r.set, now)
}

// run fetches, puts what it got into force, lets those go on who wait, and reports.
func (r *RemoteKeys) run(f *flight, last *keyset.Set[Key], started time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	got := fetched{url: r.from.name()}
	err := errors.New("the transport ended the goroutine")
	// Deferred: a transport of the caller's that panics must neither end the program nor leave others waiting.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the fetch panicked: %w", brief(p))
		}
		r.finish(f, started, got, err)
	}()
	got, err = r.fetch(ctx, last)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("no answer within %v", fetchTimeout)
	}
}

func (r *RemoteKeys) finish(f *flight, started time.Time, got fetched, err error) {
	r.mu.Lock()
	r.flight, r.err, f.err = nil, err, err
	if err != nil {
		r.state.fail(started, r.cooldown)
	} else {
		r.set = got.set
		r.state.succeed(started, got.life(r.maxAge), r.maxStale)
	}
	r.rearm(r.clock.now())
	close(f.done)
	r.mu.Unlock()

	if r.onFetch == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil { // as net/http does with a handler's
			log.Printf("jwtauth: panic in RemoteKeysOptions.OnFetch: %v\n%s", p, debug.Stack())
		}
	}()
	r.onFetch(KeyFetch{URL: got.url, Keys: got.set.Len(), Skipped: got.skipped, Err: err})
}

// agingClock tells the time since some moment, and never goes back: the monotonic clock, moved on by what the
// wall clock got ahead of it. So keys age also while the machine is suspended, which the monotonic clock does not count.
//
// What the wall clock is set back by and then forward again counts for nothing, else a clock that steps to and fro would
// use up every Cooldown and MaxStale. The price: of a suspension after it was rightly set back only that counts by which the
// wall clock is then further ahead than it ever was.
type agingClock struct {
	first, wall time.Time     // the two clocks, when asked first
	highest     time.Duration // that the wall clock was ahead since
	ahead       time.Duration // what of that counts
}

// leastJump is what the wall clock must have got ahead by; less is how far apart two readings may be.
const leastJump = time.Second

func (c *agingClock) now() time.Time {
	now := time.Now()
	wall := now.Round(0)
	if c.first.IsZero() {
		c.first, c.wall = now, wall
	}
	if jump := wall.Sub(c.wall) - now.Sub(c.first) - c.highest; jump > 0 {
		c.highest += jump
		if jump >= leastJump {
			c.ahead += jump
		}
	}
	return now.Add(c.ahead)
}
