package fairqueue_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
)

// jobTime is how long a job takes in the tests that simulate time.
const jobTime = 250 * time.Millisecond

// bench runs jobs in a bubble and writes down what becomes of them.
type bench struct {
	t     *testing.T
	queue *fairqueue.Queue

	mu     sync.Mutex
	served []string         // in the order in which they began
	ended  map[string]error // how Do returned
	after  map[string]time.Duration
}

func newBench(t *testing.T, slots, places int, maxWait time.Duration) *bench {
	return &bench{
		t: t, queue: fairqueue.New(slots, places, maxWait),
		ended: map[string]error{}, after: map[string]time.Duration{},
	}
}

// send starts a job named "client" or "client/anything" and returns when it
// runs, waits or has been refused.
func (b *bench) send(ctx context.Context, name string) {
	b.t.Helper()
	client, _, _ := strings.Cut(name, "/")
	start := time.Now()
	go func() {
		err := b.queue.Do(ctx, client, func() {
			b.mu.Lock()
			b.served = append(b.served, name)
			b.mu.Unlock()
			time.Sleep(jobTime)
		})
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ended[name], b.after[name] = err, time.Since(start)
	}()
	synctest.Wait()
}

func (b *bench) sendAll(names ...string) {
	b.t.Helper()
	for _, name := range names {
		b.send(b.t.Context(), name)
	}
}

func (b *bench) wantServed(names ...string) {
	b.t.Helper()
	time.Sleep(time.Hour)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.served, names) {
		b.t.Errorf("served %v, want %v", b.served, names)
	}
}

func (b *bench) wantEnd(name string, want error, after time.Duration) {
	b.t.Helper()
	ended, err, d := b.end(name)
	if !ended || !errors.Is(err, want) || d != after {
		b.t.Errorf("%s: ended %v with %v after %v, want %v after %v", name, ended, err, d, want, after)
	}
}

func (b *bench) end(name string) (ended bool, err error, after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	err, ended = b.ended[name]
	return ended, err, b.after[name]
}

func (b *bench) ran(name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.served, name)
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
				b := newBench(t, tt.slots, 100, time.Hour)
				for _, name := range tt.send {
					b.sendAll(name)
					time.Sleep(time.Millisecond) // so that no two jobs end at the same time
				}
				b.wantServed(tt.want...)
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
				b := newBench(t, tt.slots, tt.places, time.Hour)
				b.sendAll(tt.send...)
				b.wantEnd(tt.refused, fairqueue.ErrFull, 0)
				b.wantServed(tt.served...)
			})
		})
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const maxWait = jobTime / 2
		b := newBench(t, 1, 1, maxWait)
		b.sendAll("a", "b")
		time.Sleep(maxWait)
		synctest.Wait()
		b.wantEnd("b", fairqueue.ErrTimeout, maxWait)
		time.Sleep(jobTime / 4)
		b.sendAll("c") // in the only place, which b has left
		b.wantServed("a", "c")
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
			b := newBench(t, 1, 3, time.Hour)
			ctx, cancel := context.WithCancel(t.Context())
			b.sendAll("x", "a/1")
			b.send(ctx, "a/2")
			b.sendAll("a/3")
			time.Sleep(time.Millisecond)
			cancel()
			synctest.Wait()
			b.wantEnd("a/2", context.Canceled, time.Millisecond)
			b.sendAll("a/4") // in the place that a/2 has left
			b.wantServed("x", "a/1", "a/3", "a/4")
		})
	})
	t.Run("ends while the job runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, 1, 1, time.Hour)
			ctx, cancel := context.WithCancel(t.Context())
			b.send(ctx, "a")
			cancel()
			b.wantServed("a")
			b.wantEnd("a", nil, jobTime)
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

// TestSameMoment lets the slot become free at the very time at which the waiter
// gives up. Either may win; then there is no third outcome and nothing is lost.
func TestSameMoment(t *testing.T) {
	outcomes := map[string]int{}
	for i := range 300 {
		synctest.Test(t, func(t *testing.T) {
			maxWait, ctx, want := jobTime, t.Context(), fairqueue.ErrTimeout
			if i%2 == 1 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, jobTime)
				defer cancel()
				maxWait, want = time.Hour, context.DeadlineExceeded
			}
			b := newBench(t, 1, 2, maxWait)
			b.sendAll("a")
			b.send(ctx, "b")
			time.Sleep(2 * jobTime)
			synctest.Wait()
			ran := b.ran("b")
			switch _, err, _ := b.end("b"); {
			case ran && err == nil, !ran && errors.Is(err, want):
			default:
				t.Errorf("ran %v, but ended with %v", ran, err)
			}
			outcomes[fmt.Sprintf("%v, ran %v", want, ran)]++
			b.sendAll("c")
			if !b.ran("c") {
				t.Error("the slot is lost")
			}
			time.Sleep(jobTime)
		})
	}
	t.Log(outcomes)
}

func TestContention(t *testing.T) {
	const slots, callers, calls = 3, 24, 200
	q := fairqueue.New(slots, 8, 100*time.Microsecond)
	var running, most, ran atomic.Int64
	var ends sync.Map // error -> struct{}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			client := string(rune('a' + i%5))
			for n := range calls {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%4+1)*40*time.Microsecond)
				err := q.Do(ctx, client, func() {
					now := running.Add(1)
					for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
					}
					time.Sleep(time.Duration(n%3) * 30 * time.Microsecond)
					running.Add(-1)
					ran.Add(1)
				})
				cancel()
				ends.Store(err, true)
			}
		})
	}
	wg.Wait()
	if most.Load() != slots {
		t.Errorf("up to %d jobs at a time, want %d", most.Load(), slots)
	}
	for _, end := range []error{nil, fairqueue.ErrFull, fairqueue.ErrTimeout, context.DeadlineExceeded} {
		if _, seen := ends.Load(end); !seen {
			t.Logf("no call ended with %v", end)
		}
	}
	// All slots are back when as many jobs can meet.
	var meet sync.WaitGroup
	meet.Add(slots)
	for range slots {
		wg.Go(func() {
			if err := q.Do(t.Context(), "z", func() { meet.Done(); meet.Wait() }); err != nil {
				t.Errorf("a slot is lost: %v", err)
				meet.Done()
			}
		})
	}
	wg.Wait()
}
