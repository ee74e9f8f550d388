package fairqueue_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
)

// jobTime is how long a job takes in the tests that simulate time.
const jobTime = 250 * time.Millisecond

// recorder runs jobs in a bubble and records their results.
type recorder struct {
	t     *testing.T
	queue *fairqueue.Queue

	mu     sync.Mutex
	served []string         // in the order in which they started
	ended  map[string]error // the results of Do
	after  map[string]time.Duration
}

func newRecorder(t *testing.T, slots, places int, maxWait time.Duration) *recorder {
	return &recorder{
		t: t, queue: fairqueue.New(slots, places, maxWait),
		ended: map[string]error{}, after: map[string]time.Duration{},
	}
}

// parse returns the client of a job. Names of jobs have the form "client",
// "network:client" or "account@device", and may end with "/" and a number.
func parse(job string) fairqueue.Client {
	name, _, _ := strings.Cut(job, "/")
	if account, device, ok := strings.Cut(name, "@"); ok {
		return fairqueue.Client{Name: device, Account: account, Device: device}
	}
	if network, client, ok := strings.Cut(name, ":"); ok {
		return fairqueue.Client{Network: network, Name: client}
	}
	return fairqueue.Client{Name: name}
}

// send starts a job and returns when it runs, waits or has been refused.
func (r *recorder) send(ctx context.Context, name string) {
	r.t.Helper()
	start := time.Now()
	go func() {
		err := r.queue.Do(ctx, parse(name), func() {
			r.mu.Lock()
			r.served = append(r.served, name)
			r.mu.Unlock()
			time.Sleep(jobTime)
		})
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ended[name], r.after[name] = err, time.Since(start)
	}()
	synctest.Wait()
}

func (r *recorder) sendAll(names ...string) {
	r.t.Helper()
	for _, name := range names {
		r.send(r.t.Context(), name)
	}
}

func (r *recorder) wantServed(names ...string) {
	r.t.Helper()
	time.Sleep(time.Hour)
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.served, names) {
		r.t.Errorf("served %v, want %v", r.served, names)
	}
}

func (r *recorder) wantEnd(name string, want error, after time.Duration) {
	r.t.Helper()
	ended, d, err := r.end(name)
	if !ended || !errors.Is(err, want) || d != after {
		r.t.Errorf("%s: ended %v with %v after %v, want %v after %v", name, ended, err, d, want, after)
	}
}

func (r *recorder) end(name string) (ended bool, after time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err, ended = r.ended[name]
	return ended, r.after[name], err
}

func (r *recorder) ran(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.served, name)
}
