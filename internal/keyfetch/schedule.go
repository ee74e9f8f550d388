package keyfetch

import "time"

// policy holds the configured times that decisions depend on.
type policy struct {
	cooldown time.Duration // the least time between the starts of two fetches
	maxStale time.Duration // how long a set is used after its fetch started; 0 means until it is old
}

// state is all that decides whether to fetch. It is a value: [policy.step]
// returns the next state and leaves the given one as it is.
type state struct {
	// The times of the set in use: due ≤ old ≤ expires. They are zero before
	// the first successful fetch.
	due     time.Time // from here on a fetch starts in the background,
	old     time.Time // look-ups wait for it,
	expires time.Time // and the set is no longer used

	started   time.Time // when the last fetch started
	nextStart time.Time // no fetch starts earlier
	fetching  bool      // a fetch is running
	waiting   int       // look-ups that wait for it and have no key to fall back on
	wanted    bool      // a fetch is wanted before the set is due
	failed    bool      // the last fetch failed
	failures  int       // how many failed since the last successful one
}

// eventKind names something that happens to a [Source].
type eventKind int

const (
	lookupFound    eventKind = iota // a look-up found keys in the last set
	lookupMissed                    // a look-up found no keys
	readyChecked                    // Ready was called
	waitCanceled                    // the context of a waiting look-up ended before the fetch did
	joinMissed                      // a look-up waited for a fetch that was already running, and found no key in its set
	fetchFailed                     // the running fetch failed
	fetchSucceeded                  // the running fetch returned a set
)

// event is an eventKind and its circumstances.
type event struct {
	kind     eventKind
	now      time.Time
	lifetime time.Duration // of the set that fetchSucceeded
}

// action says how a look-up or a call of Ready goes on.
type action int

const (
	proceed        action = iota // use the keys that were found; for Ready, return nil
	waitOrUse                    // wait for the fetch, and use the keys that were found if it fails
	wait                         // wait for the fetch, and look again
	refuse                       // the key is unknown
	unavailable                  // the key may exist, but cannot be fetched now
	tooManyWaiting               // as unavailable, because maxWaiting look-ups already wait
)

// decision is the reaction to an event.
type decision struct {
	start bool // start a fetch
	action
}

// maxWaiting limits the look-ups that wait for a fetch without a key to fall
// back on. Anyone can cause them, and they would pile up while a provider
// hangs.
const maxWaiting = 1000

// step returns the state after e, and the decision.
func (p policy) step(s state, e event) (state, decision) {
	switch e.kind {
	case lookupFound:
		if s.usable(e.now) {
			return p.found(s, e.now)
		}
		return p.missed(s, e.now)
	case lookupMissed:
		return p.missed(s, e.now)
	case readyChecked:
		return p.ready(s, e.now)
	case waitCanceled:
		s.waiting--
	case joinMissed:
		// The provider may have published the key after it responded.
		s.wanted = true
	case fetchFailed:
		s = p.failure(s)
	case fetchSucceeded:
		s = p.success(s, e.lifetime)
	}
	return s, decision{}
}

// found decides about a look-up that found keys in a usable set.
func (p policy) found(s state, now time.Time) (state, decision) {
	start := s.mayStart(now)
	switch {
	case !now.Before(s.old) && !s.failed && (start || s.fetching):
		// The keys may have been withdrawn long ago, so this is worth a wait.
		// It is not after a failure: while the provider hangs, requests must
		// not all hang with it.
		if start {
			s = p.start(s, now)
		}
		return s, decision{start, waitOrUse}
	case start && (s.wanted || !now.Before(s.due)):
		return p.start(s, now), decision{start, proceed}
	default:
		return s, decision{false, proceed}
	}
}

// missed decides about a look-up that found no key that may be used.
func (p policy) missed(s state, now time.Time) (state, decision) {
	switch {
	case s.mayStart(now):
		s = p.start(s, now)
		s.waiting++
		return s, decision{true, wait}
	case s.fetching && s.waiting < maxWaiting:
		s.waiting++
		return s, decision{false, wait}
	case s.fetching:
		return s, decision{false, tooManyWaiting}
	}
	s.wanted = true
	if s.failed || !s.usable(now) {
		return s, decision{false, unavailable}
	}
	return s, decision{false, refuse}
}

// ready decides about a call of Ready, which is not one of the look-ups that
// anyone can cause.
func (p policy) ready(s state, now time.Time) (state, decision) {
	switch {
	case s.usable(now):
		return s, decision{false, proceed}
	case s.mayStart(now):
		return p.start(s, now), decision{true, wait}
	case s.fetching:
		return s, decision{false, wait}
	default:
		return s, decision{false, unavailable}
	}
}

func (p policy) start(s state, now time.Time) state {
	s.fetching, s.wanted = true, false
	s.started = now
	s.nextStart = now.Add(p.cooldown)
	return s
}

// A service may start a moment before its network does. Before the first
// successful fetch, failed fetches are therefore repeated after firstRetry,
// then after twice that time, and so on up to the cooldown.
const (
	firstRetry = time.Second
	maxDoubled = 10 // 2^10 s exceeds every cooldown
)

func (p policy) failure(s state) state {
	s.fetching, s.waiting = false, 0
	s.failed, s.wanted = true, true
	if s.expires.IsZero() {
		retry := firstRetry << min(s.failures, maxDoubled)
		s.nextStart = s.started.Add(min(p.cooldown, retry))
	}
	s.failures++
	return s
}

// success counts the age of the set from the start of its fetch: that is the
// latest time at which the provider is known to have published it.
func (p policy) success(s state, lifetime time.Duration) state {
	s.fetching, s.waiting = false, 0
	s.failed, s.failures = false, 0
	s.due = s.started.Add(lifetime / 4 * 3)
	s.old = s.started.Add(lifetime)
	s.expires = s.started.Add(max(lifetime, p.maxStale))
	return s
}

// usable reports whether the set may be used.
func (s state) usable(now time.Time) bool { return now.Before(s.expires) }

func (s state) mayStart(now time.Time) bool {
	return !s.fetching && !now.Before(s.nextStart)
}

// quietUntil returns the end of the time in which a [lookupFound] leads to
// proceed and does not change the state. If that time is over, the result is
// not after now.
func (s state) quietUntil(now time.Time) time.Time {
	until := s.expires
	if !s.failed {
		until = earlier(until, s.old)
	}
	if s.fetching {
		return until
	}
	start := s.due
	if s.wanted {
		start = now
	}
	if start.Before(s.nextStart) {
		start = s.nextStart
	}
	return earlier(until, start)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
