// Package fairqueue shares a few slots for dear work among clients, so that
// one client's flood costs that client and nobody else.
//
// A plain semaphore serves in order of arrival: whoever sends most owns the
// queue. Here each client has a line of its own and the lines take turns (fair
// queueing as in Nagle, RFC 970, applied to jobs instead of packets). What is
// fair is decided in lines.go, without goroutines and clocks; this file adds
// the lock, the waiting and the time limit.
package fairqueue

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrFull: the client's line is already among the longest of a full queue,
	// or was cut when somebody with a shorter one came.
	ErrFull = errors.New("fairqueue: full")

	// ErrTimeout: no slot became free in time.
	ErrTimeout = errors.New("fairqueue: no slot in time")
)

// A Queue runs jobs, a fixed number at a time. It keeps no goroutine of its
// own and remembers nothing about a client that has no job in it. Its methods
// may be called concurrently.
type Queue struct {
	maxWait time.Duration

	mu    sync.Mutex
	lines *lines
}

// New returns a queue with the given number of slots (at least one) and places
// for waiting jobs (none: who finds no free slot is refused). maxWait limits
// how long a job waits for its slot; it must be positive.
func New(slots, places int, maxWait time.Duration) *Queue {
	return &Queue{maxWait: maxWait, lines: newLines(slots, places)}
}

// Do runs job in the calling goroutine as soon as it is client's turn. When it
// returns an error, job has not been run: ErrFull, ErrTimeout or ctx's own.
// A job that has begun runs to its end, whatever becomes of ctx.
func (q *Queue) Do(ctx context.Context, client string, job func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	w := q.lines.enter(client)
	q.mu.Unlock()

	if w == nil {
		return ErrFull
	}
	if err := q.await(ctx, w); err != nil {
		return err
	}
	defer q.release(w.line) // deferred: a job that panics must not keep its slot
	job()
	return nil
}

// await returns nil when w holds a slot, and otherwise an error, w then having
// neither a slot nor a place.
func (q *Queue) await(ctx context.Context, w *waiter) error {
	if w.decided == nil {
		return nil
	}
	timer := time.NewTimer(q.maxWait)
	defer timer.Stop()
	select {
	case <-w.decided:
	case <-ctx.Done():
	case <-timer.C:
	}

	// A slot may be granted between the moment the select above gives up and
	// the moment the lock is ours. So what happened is read from the verdict
	// alone, never from the case that fired: a grant is either used or handed on.
	q.mu.Lock()
	defer q.mu.Unlock()
	gone := ctx.Err()
	switch w.verdict {
	case granted:
		if gone != nil {
			q.lines.leaveSlot(w.line) // nobody is left to hear the answer
			return gone
		}
		return nil
	case refused:
		return ErrFull
	}
	q.lines.leavePlace(w)
	if gone != nil {
		return gone
	}
	return ErrTimeout
}

func (q *Queue) release(l *line) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lines.leaveSlot(l)
}
