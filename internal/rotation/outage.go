package rotation

import (
	"context"
	"errors"
	"time"
)

// Outage holds the knowledge of one instance about the last outage of its
// session store.
// The zero Outage means that no call has failed. Outages are compared with ==.
//
// If the store fails during a rotation, the rotation may have been stored
// although the response was lost. The client cannot come back before the store
// does, which may be long after the window. So the window of a rotation that
// the outage affected counts from the end of the outage. That includes
// rotations from shortly before, whose window was still open: another instance
// may have seen the outage first.
type Outage struct {
	down     bool          // the last call failed
	began    time.Time     // when the first failed call was made; zero if none has failed
	failed   time.Time     // when the last failed call returned
	returned time.Time     // when the outage first ended; zero before that
	ended    time.Time     // when the outage last ended; zero before that
	up       time.Duration // total time from an end of the outage to its next failure
}

const (
	// maxSilence is when an outage ends at the latest if the store is not
	// called. Clients may wait some minutes before they retry. But a single
	// failure must not count until the next request, which may be days later.
	maxSilence = 5 * time.Minute

	// maxRelapse is how long after its first end an outage may begin again and
	// still be the same one. Part of a store may stay away while the rest
	// responds, and must not hold the windows open as long as that.
	maxRelapse = 15 * time.Minute

	// minWait is how long a call must have waited for its failure to count if
	// the request's own deadline has passed.
	minWait = time.Second
)

// Call is a call of the session store that has returned.
type Call struct {
	Called, Returned time.Time

	// Failed says that the outcome is unknown. If the store responds that a
	// session does not exist, the call has not failed.
	Failed bool

	// ClientErr is the error of the context of the request that the call was
	// made for: nil while the client waits.
	ClientErr error
}

// abandoned reports whether a failed call does not count, because the client
// has gone away or its deadline left too little time.
func (c Call) abandoned() bool {
	if c.ClientErr == nil {
		return false
	}
	return errors.Is(c.ClientErr, context.Canceled) || c.Returned.Sub(c.Called) < minWait
}

// After returns the state after a call.
//
// Failures belong to one outage while no call succeeds between them, however
// far apart they are. If the store fails again after a success, that is the
// same outage if the store has responded for less than the window and ClockSkew
// in all, and if less than 15 minutes have passed since the outage first ended.
// Otherwise a new outage begins: a store that fails now and then must not hold
// the windows open forever.
func (o Outage) After(c Call, window time.Duration) Outage {
	switch {
	case c.Failed && c.abandoned():
		return o
	case c.Failed:
		return o.afterFailure(c, window)
	case o.down:
		return o.afterSuccess(c.Returned)
	}
	return o
}

func (o Outage) afterFailure(c Call, window time.Duration) Outage {
	same := o.down
	if !same && !o.began.IsZero() {
		o.up += max(0, c.Returned.Sub(o.ended))
		since := c.Returned.Sub(o.returned)
		clockWasAhead := since <= -ClockSkew
		same = o.up < window+ClockSkew && since < maxRelapse && !clockWasAhead
	}
	if !same {
		o.up, o.returned = 0, time.Time{}
	}
	if !same || c.Called.Before(o.began) {
		o.began = c.Called
	}
	o.failed = c.Returned
	o.down = true
	return o
}

func (o Outage) afterSuccess(returned time.Time) Outage {
	o.ended = o.failed.Add(maxSilence)
	if returned.Before(o.ended) {
		o.ended = returned
	}
	if o.returned.IsZero() {
		o.returned = o.ended
	}
	o.down = false
	return o
}

// WindowStart returns the time from which the window of a rotation counts: the
// end of the outage if that affected the rotation, otherwise the rotation
// itself. An end in the future is ignored, because it was noted while the clock
// was wrong.
func (o Outage) WindowStart(rotated, now time.Time, window time.Duration) time.Time {
	began := !o.began.IsZero() && o.began.Before(rotated.Add(window+ClockSkew))
	inFuture := o.ended.After(now.Add(ClockSkew))
	if began && rotated.Before(o.ended) && !inFuture {
		return o.ended
	}
	return rotated
}
