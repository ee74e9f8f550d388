package fairqueue_test

import (
	"context"
	"errors"
	"runtime"
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

// recorder runs jobs in a bubble and writes down what becomes of them.
type recorder struct {
	t     *testing.T
	queue *fairqueue.Queue

	mu     sync.Mutex
	served []string         // in the order in which they began
	ended  map[string]error // how Do returned
	after  map[string]time.Duration
}

func newRecorder(t *testing.T, slots, places int, maxWait time.Duration) *recorder {
	return &recorder{
		t: t, queue: fairqueue.New(slots, places, maxWait),
		ended: map[string]error{}, after: map[string]time.Duration{},
	}
}

// send starts a job named "client" or "client/anything" and returns when it
// runs, waits or has been refused.
func (r *recorder) send(ctx context.Context, name string) {
	r.t.Helper()
	client, _, _ := strings.Cut(name, "/")
	start := time.Now()
	go func() {
		err := r.queue.Do(ctx, client, func() {
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

func TestOrder(t *testing.T) {
	tests := []struct {
		name  string
		slots int
		send  []string
		want  []string
	}{
		{
			name: "one client: in order of arrival", slots: 1,
			send: []string{"a/1", "a/2", "a/3"},
			want: []string{"a/1", "a/2", "a/3"},
		},
		{
			name: "clients take turns", slots: 1,
			send: []string{"x", "a/1", "a/2", "a/3", "b/1", "b/2", "c/1"},
			want: []string{"x", "a/1", "b/1", "c/1", "a/2", "b/2", "a/3"},
		},
		{
			name: "a running job is a turn", slots: 1,
			send: []string{"a/1", "a/2", "b/1"},
			want: []string{"a/1", "b/1", "a/2"},
		},
		{
			name: "also where it is not the one that just ended", slots: 2,
			send: []string{"a/1", "x", "a/2", "a/3", "b/1", "b/2"},
			want: []string{"a/1", "x", "b/1", "a/2", "b/2", "a/3"},
		},
		{
			name: "who holds all slots gets none while another waits", slots: 3,
			send: []string{"a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "b/1", "b/2", "c/1"},
			want: []string{"a/1", "a/2", "a/3", "b/1", "c/1", "a/4", "b/2", "a/5", "a/6"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRecorder(t, tt.slots, 100, time.Hour)
				for _, name := range tt.send {
					r.sendAll(name)
					time.Sleep(time.Millisecond) // so that no two jobs end at the same time
				}
				r.wantServed(tt.want...)
			})
		})
	}
}

func TestFull(t *testing.T) {
	tests := []struct {
		name          string
		slots, places int
		send          []string
		refused       string
		served        []string
	}{
		{
			name: "the newest of the longest line goes", slots: 1, places: 3,
			send:    []string{"x", "a/1", "a/2", "a/3", "b/1"},
			refused: "a/3",
			served:  []string{"x", "a/1", "b/1", "a/2"},
		},
		{
			name: "the new one, when its own line is the longest", slots: 1, places: 3,
			send:    []string{"x", "b/1", "a/1", "a/2", "a/3"},
			refused: "a/3",
			served:  []string{"x", "b/1", "a/1", "a/2"},
		},
		{
			name: "the new one, when its own line would be as long", slots: 1, places: 3,
			send:    []string{"x", "a/1", "a/2", "b/1", "b/2"},
			refused: "b/2",
			served:  []string{"x", "a/1", "b/1", "a/2"},
		},
		{
			name: "newcomers do not push out who waits alone", slots: 1, places: 3,
			send:    []string{"x", "a", "b", "c", "d"},
			refused: "d",
			served:  []string{"x", "a", "b", "c"},
		},
		{
			name: "running jobs count", slots: 1, places: 1,
			send:    []string{"a/1", "a/2", "b/1"},
			refused: "a/2",
			served:  []string{"a/1", "b/1"},
		},
		{
			name: "running jobs count for the new one too", slots: 1, places: 2,
			send:    []string{"a/1", "b/1", "b/2", "a/2"},
			refused: "a/2",
			served:  []string{"a/1", "b/1", "b/2"},
		},
		{
			name: "of two long lines, the one with more waiting", slots: 1, places: 3,
			send:    []string{"a/1", "a/2", "b/1", "b/2", "c/1"},
			refused: "b/2",
			served:  []string{"a/1", "b/1", "c/1", "a/2"},
		},
		{
			name: "of two equal ones, the one whose turn is later", slots: 1, places: 4,
			send:    []string{"x", "a/1", "b/1", "b/2", "a/2", "c/1"},
			refused: "b/2",
			served:  []string{"x", "a/1", "b/1", "c/1", "a/2"},
		},
		{
			name: "no places", slots: 1, places: 0,
			send:    []string{"a", "b"},
			refused: "b",
			served:  []string{"a"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRecorder(t, tt.slots, tt.places, time.Hour)
				r.sendAll(tt.send...)
				r.wantEnd(tt.refused, fairqueue.ErrFull, 0)
				r.wantServed(tt.served...)
			})
		})
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maxWait = jobTime / 2
		r := newRecorder(t, 1, 1, maxWait)
		r.sendAll("a", "b")
		time.Sleep(maxWait)
		synctest.Wait()
		r.wantEnd("b", fairqueue.ErrTimeout, maxWait)
		time.Sleep(jobTime / 4)
		r.sendAll("c") // in the only place, which b has left
		r.wantServed("a", "c")
	})
}

func TestContext(t *testing.T) {
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		q := fairqueue.New(1, 1, time.Second)
		err := q.Do(ctx, "a", func() { t.Error("the job was run") })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
	t.Run("ends in the queue", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRecorder(t, 1, 3, time.Hour)
			ctx, cancel := context.WithCancel(t.Context())
			r.sendAll("x", "a/1")
			r.send(ctx, "a/2")
			r.sendAll("a/3")
			time.Sleep(time.Millisecond)
			cancel()
			synctest.Wait()
			r.wantEnd("a/2", context.Canceled, time.Millisecond)
			r.sendAll("a/4") // in the place that a/2 has left
			r.wantServed("x", "a/1", "a/3", "a/4")
		})
	})
	t.Run("ends while the job runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRecorder(t, 1, 1, time.Hour)
			ctx, cancel := context.WithCancel(t.Context())
			r.send(ctx, "a")
			cancel()
			r.wantServed("a")
			r.wantEnd("a", nil, jobTime)
		})
	})
}

func TestJobThatDoesNotReturn(t *testing.T) {
	q := fairqueue.New(1, 0, time.Second)
	for name, job := range map[string]func(){
		"panic":  func() { panic("in the job") },
		"Goexit": runtime.Goexit,
	} {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() { _ = recover() }()
			_ = q.Do(t.Context(), "a", job)
		}()
		wg.Wait()
		if err := q.Do(t.Context(), "b", func() {}); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}
