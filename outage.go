package jwtauth

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// outage remembers the store's last failures. A swap may have been carried out although its
// answer was lost; its client cannot come back before the store does, perhaps
// long after the window. So what was rotated during an outage counts from the end of it, and what was
// rotated so shortly before that its window was still open: perhaps by another instance, which saw the outage first.
type outage struct {
	down     atomic.Bool // spares the lock while all is well
	mu       sync.Mutex
	began    time.Time     // when the first call that failed was made
	last     time.Time     // when the last one failed
	returned time.Time     // when it first ended, to begin again since; zero before
	ended    time.Time     // when it last ended
	up       time.Duration // for how long, since began, the store answered between failures
	window   time.Duration
}

const (
	// maxSilence is how long after the last failure an outage ends where nobody asks: clients that retry may wait for
	// minutes, and a single failure must not last until the next request, perhaps for days.
	maxSilence = maxReuseWindow
	// maxRelapse is for how long after its first end an outage may begin again and be the same: a part of a
	// store that stays away, while the others answer, must not hold the windows open for as long.
	maxRelapse = 15 * time.Minute
	// minWait is how long a call must have waited for its failure to be the store's where the request's deadline has passed.
	minWait = time.Second
)

// judge notes how a call of the store ended that was made for a request with this context. A failure is the store's unless the
// client went away, or had left too little time. It returns err, which is of storeError or loadError.
func (o *outage) judge(ctx context.Context, err error, called time.Time, clock func() time.Time) error {
	switch {
	case errors.Is(err, ErrUnavailable):
		now := clock()
		if gone := ctx.Err(); gone == nil || !errors.Is(gone, context.Canceled) && now.Sub(called) >= minWait {
			o.fail(called, now)
		}
	case o.down.Load():
		o.recover(clock())
	}
	return err
}

func (o *outage) fail(called, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	same := o.down.Load() // without an answer it lasts as long as it will
	if !same && !o.began.IsZero() {
		// One that starts again before the last is over for everyone is the same; but a store that
		// fails now and then, for ever, must not hold the windows open for ever.
		o.up += max(0, now.Sub(o.ended))
		since := now.Sub(o.returned) // of the future where the clock was wrong then
		same = o.up < o.window+clockSkew && since < maxRelapse && since > -clockSkew
	}
	if !same {
		o.up, o.returned = 0, time.Time{}
	}
	if !same || called.Before(o.began) {
		o.began = called
	}
	o.last = now
	o.down.Store(true)
}

func (o *outage) recover(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.down.Load() {
		return
	}
	o.ended = earlier(now, o.last.Add(maxSilence))
	if o.returned.IsZero() {
		o.returned = o.ended
	}
	o.down.Store(false)
}

// countFrom returns from when on the windows of a rotation are counted. An end that
// is yet to come was noted while the clock was wrong.
func (o *outage) countFrom(rotated, now time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.began.IsZero() && o.began.Before(rotated.Add(o.window+clockSkew)) && rotated.Before(o.ended) && !o.ended.After(now.Add(clockSkew)) {
		return o.ended
	}
	return rotated
}
