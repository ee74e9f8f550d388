// Package rotation decides whether a refresh token is exchanged, repeated or
// refused.
//
// A session has a generation, and each refresh token belongs to one of them. A
// refresh normally begins the next generation. [Rules.Decide] tells that case
// from a repeated request, a lost response, a store that lost writes, and a
// stolen token. [Outage] holds the little that one instance must know about
// failures of the session store to make that decision.
//
// Everything here is a pure function over values: the package reads no clock,
// takes no lock and calls no store.
package rotation

import "time"

const (
	// ClockSkew is how far apart the clocks of two instances may be.
	ClockSkew = 10 * time.Second

	// RepeatGrace is how long after the window the current token is repeated
	// instead of rotated. It exceeds ClockSkew because a late response to a
	// retry carries the current token, and must not replace a newer one in the
	// browser.
	RepeatGrace = 30 * time.Second
)

// Step is the result of a decision. The zero Step is invalid.
type Step uint8

const (
	Rotate  Step = iota + 1 // begin the next generation
	Repeat                  // return the current generation again; its own token was presented
	Retry                   // return the current generation; the token before it was presented
	Adopt                   // move to the presented generation, which the store has lost
	Reuse                   // end the session: the token was copied
	Expired                 // refuse the token; the session is left alone
)

// String returns the name of the step.
func (s Step) String() string {
	switch s {
	case Rotate:
		return "rotate"
	case Repeat:
		return "repeat"
	case Retry:
		return "retry"
	case Adopt:
		return "adopt"
	case Reuse:
		return "reuse"
	case Expired:
		return "expired"
	}
	return "invalid step"
}

// Row is the part of a stored session that a decision depends on.
type Row struct {
	Generation int64     // 1 at login
	RotatedAt  time.Time // when Generation began
	ExpiresAt  time.Time // when the session ends if it is not refreshed
	EndsAt     time.Time // when the session ends in any case
}

// Token is a refresh token whose signature has been verified.
type Token struct {
	Generation int64
	ExpiresAt  time.Time
	ArrivedAt  time.Time // when the request that presents it arrived
}

// Rules are the durations that decisions depend on.
type Rules struct {
	// Window is how long after a rotation the previous token is still accepted.
	// If it is 0, every token is accepted exactly once.
	Window time.Duration

	// AccessTTL is the lifetime of an access token, after which a client
	// refreshes.
	AccessTTL time.Duration
}

// Decide returns the step for a token of the session row. The store has already
// refused the row if it has ended by now.
//
// With the row's generation g, the token's generation p and its time of
// arrival, the steps are
//
//	p > g                                         Adopt
//	p == g    g is 1, or Window is 0              Rotate
//	p == g    more than ClockSkew before start    Rotate
//	p == g    before start+Window+RepeatGrace     Repeat
//	p == g    later                               Rotate
//	p == g-1  before start+Window+ClockSkew       Retry
//	p == g-1  later, or Window is 0               Reuse
//	p < g-1                                       Reuse
//
// The start is the rotation, or the end of an outage that affected it. So
// presenting a token again extends no window.
func (r Rules) Decide(row Row, token Token, outage Outage, now time.Time) Step {
	// A token that was rotated just before it expired may be retried as late as
	// any other, and later still after an outage.
	if !token.ArrivedAt.Before(outage.WindowStart(token.ExpiresAt, now, r.Window).Add(r.Window + ClockSkew)) {
		return Expired
	}
	step := r.decide(row, token, outage.WindowStart(row.RotatedAt, now, r.Window))
	if step == Repeat && r.runsOut(row, token.ArrivedAt) {
		return r.decide(row, token, row.RotatedAt)
	}
	return step
}

// decide is Decide with the time from which the window counts.
func (r Rules) decide(row Row, token Token, start time.Time) Step {
	switch {
	case token.Generation > row.Generation:
		return Adopt
	case token.Generation == row.Generation:
		neverRotated := row.Generation == 1
		clockSetBack := start.Sub(token.ArrivedAt) > ClockSkew
		repeats := token.ArrivedAt.Before(start.Add(r.Window + RepeatGrace))
		if r.Window == 0 || neverRotated || clockSetBack || !repeats {
			return Rotate
		}
		return Repeat
	case token.Generation == row.Generation-1 && r.Window > 0 && token.ArrivedAt.Before(start.Add(r.Window+ClockSkew)):
		return Retry
	default:
		return Reuse
	}
}

// runsOut reports whether the session could end before its client refreshes
// again, a window late, after the next access token has expired. An outage must
// not delay the rotation that long. At the absolute end a rotation gains
// nothing.
//
// The price: if IdleTTL is little more than AccessTTL, this rotation makes a
// token from before the outage two generations old. If another tab still
// presents that token, the session ends.
func (r Rules) runsOut(row Row, arrived time.Time) bool {
	return row.ExpiresAt.Before(row.EndsAt) && row.ExpiresAt.Sub(arrived) < r.AccessTTL+r.Window+RepeatGrace
}
