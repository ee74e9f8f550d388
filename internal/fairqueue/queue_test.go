package fairqueue_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
)

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
			name: "an earlier running job is a turn, too", slots: 2,
			send: []string{"a/1", "x", "a/2", "a/3", "b/1", "b/2"},
			want: []string{"a/1", "x", "b/1", "a/2", "b/2", "a/3"},
		},
		{
			name: "a client with all slots gets none while another waits", slots: 3,
			send: []string{"a/1", "a/2", "a/3", "a/4", "a/5", "a/6", "b/1", "b/2", "c/1"},
			want: []string{"a/1", "a/2", "a/3", "b/1", "c/1", "a/4", "b/2", "a/5", "a/6"},
		},
		{
			name: "networks take turns, then their clients", slots: 1,
			send: []string{"x", "n:a/1", "n:a/2", "n:b/1", "n:c/1", "m:a/1", "m:b/1", "y/1"},
			want: []string{"x", "n:a/1", "m:a/1", "y/1", "n:b/1", "m:b/1", "n:c/1", "n:a/2"},
		},
		{
			name: "a network and a client without one are different", slots: 1,
			send: []string{"x", "n:a/1", "n:a/2", "n/1"},
			want: []string{"x", "n:a/1", "n/1", "n:a/2"},
		},
		{
			name: "a network with all slots gets none while another waits", slots: 2,
			send: []string{"n:a/1", "n:b/1", "n:c/1", "n:d/1", "m:a/1", "m:a/2"},
			want: []string{"n:a/1", "n:b/1", "m:a/1", "n:c/1", "m:a/2", "n:d/1"},
		},
		{
			name: "recognized devices get four slots in a row", slots: 1,
			send: []string{"x", "a", "b", "A@1", "B@2", "C@3", "D@4", "E@5", "F@6", "G@7"},
			want: []string{"x", "A@1", "B@2", "C@3", "D@4", "a", "E@5", "F@6", "G@7", "b"},
		},
		{
			name: "recognized devices get all slots if no others wait", slots: 1,
			send: []string{"x", "A@1", "B@2", "C@3", "D@4", "E@5", "F@6", "G@7"},
			want: []string{"x", "A@1", "B@2", "C@3", "D@4", "E@5", "F@6", "G@7"},
		},
		{
			name: "accounts take turns, then their devices", slots: 1,
			send: []string{"x", "A@1", "A@2", "A@3", "B@4"},
			want: []string{"x", "A@1", "B@4", "A@2", "A@3"},
		},
		{
			name: "a device without an account is an account of its own", slots: 1,
			send: []string{"x", "1@2", "1@3", "@1", "@4"},
			want: []string{"x", "1@2", "@1", "@4", "1@3"},
		},
		{
			name: "the second job of a device waits with all other clients", slots: 1,
			send: []string{"x", "a", "A@1/1", "A@1/2", "b", "B@2/1"},
			want: []string{"x", "A@1/1", "B@2/1", "a", "A@1/2", "b"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRecorder(t, tt.slots, 100, time.Hour)
				for _, name := range tt.send {
					r.sendAll(name)
					time.Sleep(time.Millisecond) // so jobs end at different times
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
			name: "the newest of the longest line is refused", slots: 1, places: 3,
			send:    []string{"x", "a/1", "a/2", "a/3", "b/1"},
			refused: "a/3",
			served:  []string{"x", "a/1", "b/1", "a/2"},
		},
		{
			name: "the new job is refused if its line is the longest", slots: 1, places: 3,
			send:    []string{"x", "b/1", "a/1", "a/2", "a/3"},
			refused: "a/3",
			served:  []string{"x", "b/1", "a/1", "a/2"},
		},
		{
			name: "the new job is refused if its line would be as long", slots: 1, places: 3,
			send:    []string{"x", "a/1", "a/2", "b/1", "b/2"},
			refused: "b/2",
			served:  []string{"x", "a/1", "b/1", "a/2"},
		},
		{
			name: "newcomers do not displace single jobs", slots: 1, places: 3,
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
			name: "running jobs count for the new job, too", slots: 1, places: 2,
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
			name: "the largest network is cut, not the longest line", slots: 1, places: 7,
			send:    []string{"x", "n:a", "n:b", "n:c", "n:d", "m:a/1", "m:a/2", "m:a/3", "y"},
			refused: "n:d",
			served:  []string{"x", "n:a", "m:a/1", "y", "n:b", "m:a/2", "n:c", "m:a/3"},
		},
		{
			name: "the longest line of the largest network", slots: 1, places: 4,
			send:    []string{"x", "n:a/1", "n:a/2", "n:b", "n:c", "y"},
			refused: "n:a/2",
			served:  []string{"x", "n:a/1", "y", "n:b", "n:c"},
		},
		{
			name: "newcomers do not displace clients of a network of the same size", slots: 1, places: 4,
			send:    []string{"x", "n:a", "n:b", "m:a", "m:b", "n:c"},
			refused: "n:c",
			served:  []string{"x", "n:a", "m:a", "n:b", "m:b"},
		},
		{
			name: "a longer line of the same network", slots: 1, places: 3,
			send:    []string{"x", "n:a/1", "n:a/2", "n:a/3", "n:b"},
			refused: "n:a/3",
			served:  []string{"x", "n:a/1", "n:b", "n:a/2"},
		},
		{
			name: "a longer line of the same network, beside a larger network", slots: 1, places: 5,
			send:    []string{"x", "n:a", "n:b", "n:c", "m:a/1", "m:a/2", "m:b"},
			refused: "m:a/2",
			served:  []string{"x", "n:a", "m:a/1", "n:b", "m:b", "n:c"},
		},
		{
			name: "the account with most devices", slots: 1, places: 3,
			send:    []string{"x", "A@1", "A@2", "A@3", "B@4"},
			refused: "A@3",
			served:  []string{"x", "A@1", "B@4", "A@2"},
		},
		{
			name: "the lanes have places of their own", slots: 1, places: 2,
			send:    []string{"x", "a", "b", "A@1", "B@2", "c"},
			refused: "c",
			served:  []string{"x", "A@1", "B@2", "a", "b"},
		},
		{
			name: "a device without a place waits with all other clients", slots: 1, places: 2,
			send:    []string{"x", "A@1", "B@2", "C@3", "D@4", "E@5"},
			refused: "E@5",
			served:  []string{"x", "A@1", "B@2", "C@3", "D@4"},
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
		r.sendAll("c") // gets the only place, which b has left
		r.wantServed("a", "c")
	})
}

func TestContext(t *testing.T) {
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		q := fairqueue.New(1, 1, time.Second)
		err := q.Do(ctx, fairqueue.Client{Name: "a"}, func() { t.Error("the job was run") })
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
			r.sendAll("a/4") // gets the place that a/2 has left
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

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, 1, 2, 2*jobTime-time.Millisecond)
		want := func(want fairqueue.Stats) {
			t.Helper()
			if got := r.queue.Stats(); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
		want(fairqueue.Stats{})
		ctx, cancel := context.WithCancel(t.Context())
		r.sendAll("x", "A@1", "a/1", "a/2")
		want(fairqueue.Stats{Running: 1, Waiting: 3, Started: 1})
		r.sendAll("b", "c") // b gets the place of a/2, and c gets none
		want(fairqueue.Stats{Running: 1, Waiting: 3, Started: 1, Refused: 2})
		r.send(ctx, "B@2")
		cancel()
		synctest.Wait()
		want(fairqueue.Stats{Running: 1, Waiting: 3, Started: 1, Refused: 2})
		time.Sleep(jobTime)
		synctest.Wait()
		want(fairqueue.Stats{Running: 1, Waiting: 2, Started: 2, Refused: 2, Waited: jobTime})
		time.Sleep(time.Hour) // a/1 and b wait for too long
		want(fairqueue.Stats{Started: 2, Refused: 4, Waited: jobTime})
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
			_ = q.Do(t.Context(), fairqueue.Client{Name: "a"}, job)
		}()
		wg.Wait()
		if err := q.Do(t.Context(), fairqueue.Client{Name: "b"}, func() {}); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}
