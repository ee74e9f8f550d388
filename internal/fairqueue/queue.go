// Package fairqueue shares a few slots for expensive jobs among clients, so
// that a flood of jobs from one network delays that network only.
//
// A plain semaphore serves jobs in order of arrival, so the client that sends
// most jobs gets most slots. Here the jobs wait in lines, one for each client,
// and the lines take turns (fair queueing as in RFC 970, applied to jobs
// instead of packets):
//
//   - Recognized devices have a lane of their own. While jobs wait in both
//     lanes, four of five slots go to recognized devices.
//   - In that lane, accounts take turns, and then the devices of an account.
//   - In the other lane, networks take turns, and then the clients of a
//     network.
//   - The jobs of one client are served in order of arrival.
//
// The decisions are made in schedule.go, which starts no goroutines and gets
// the time as an argument. Queue adds the lock, the waiting and the time limit.
package fairqueue

import (
	"context"
	"errors"
	"sync"
	"time"
)

var (
	// ErrFull is returned if all places are occupied and the client's network
	// and line are already among the longest, or if the job lost its place to
	// a smaller network or a shorter line.
	ErrFull = errors.New("fairqueue: full")

	// ErrTimeout is returned if no slot became free in time.
	ErrTimeout = errors.New("fairqueue: no slot in time")
)

// Client identifies the sender of a job. The zero Client is the client without
// a name.
type Client struct {
	// Name is the client within its network, such as an IPv6 /64.
	Name string

	// Network is the network of the client, such as an IPv6 /48. If it is
	// empty, the client is a network of its own.
	Network string

	// Device is a recognized device. If it is not empty, the job waits in the
	// lane of recognized devices. Each device has one place there, and each
	// account may use the lane three times at once and then once every 10
	// seconds. Beyond that, or if the lane is full, the job waits in the other
	// lane, in the line of Name.
	Device string

	// Account is the account of Device. If it is empty, the device is an
	// account of its own.
	Account string
}

// A Queue runs jobs, a fixed number at a time. It has no goroutine of its own,
// and stores no data about clients without jobs, except the accounts that have
// used the lane of recognized devices in the last 30 seconds. It is safe for
// concurrent use.
type Queue struct {
	maxWait time.Duration

	mu       sync.Mutex
	schedule *schedule
	stats    Stats
}

// Stats describes the state of a Queue and its history since New.
type Stats struct {
	Running int           // jobs that run
	Waiting int           // jobs that wait for a slot
	Started uint64        // jobs that got a slot
	Refused uint64        // jobs that ended with ErrFull or ErrTimeout
	Waited  time.Duration // total time that the started jobs have waited
}

// New returns a queue with the given number of slots, at least 1. Each of the
// two lanes has the given number of places for waiting jobs; without places, a
// job that finds no free slot is refused. A job waits for at most maxWait,
// which must be positive.
func New(slots, places int, maxWait time.Duration) *Queue {
	return &Queue{maxWait: maxWait, schedule: newSchedule(slots, places)}
}

// Do waits for a slot and runs job in the calling goroutine. If Do returns an
// error, which is ErrFull, ErrTimeout or ctx's own, job has not been run. A job
// that has started runs to its end, even if ctx ends.
func (q *Queue) Do(ctx context.Context, client Client, job func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	w := q.schedule.enter(client, time.Now())
	q.count(w)
	q.mu.Unlock()

	if w == nil {
		return ErrFull
	}
	if err := q.await(ctx, w); err != nil {
		return err
	}
	defer q.release(w.line) // deferred, so that a panic in job frees the slot
	job()
	return nil
}

// count counts a job that has just entered and does not wait.
func (q *Queue) count(w *waiter) {
	switch {
	case w == nil:
		q.stats.Refused++
	case w.decided == nil:
		q.stats.Started++
	}
}

// await waits until w has a slot. If it returns an error, w has neither a slot
// nor a place.
func (q *Queue) await(ctx context.Context, w *waiter) error {
	if w.decided == nil {
		return nil
	}
	start := time.Now()
	timer := time.NewTimer(q.maxWait)
	defer timer.Stop()
	select {
	case <-w.decided:
	case <-ctx.Done():
	case <-timer.C:
	}

	// A slot may be granted after the select has ended and before the lock is
	// acquired. So the verdict determines the result, not the case of the
	// select: a granted slot is either used or passed on.
	q.mu.Lock()
	defer q.mu.Unlock()
	ended := ctx.Err()
	switch w.verdict {
	case granted:
		if ended != nil {
			q.schedule.leaveSlot(w.line)
			return ended
		}
		q.stats.Started++
		q.stats.Waited += time.Since(start)
		return nil
	case refused:
		q.stats.Refused++
		return ErrFull
	}
	q.schedule.leavePlace(w)
	if ended != nil {
		return ended
	}
	q.stats.Refused++
	return ErrTimeout
}

func (q *Queue) release(line *node) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.schedule.leaveSlot(line)
}

// Stats returns the current figures.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.stats
	s.Running, s.Waiting = q.schedule.running(), q.schedule.waiting()
	return s
}
