package fairqueue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
)

// TestSameMoment frees the slot at exactly the time at which the waiter gives
// up. The waiter gets the slot or an error, and the slot is never lost.
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
			r := newRecorder(t, 1, 2, maxWait)
			r.sendAll("a")
			r.send(ctx, "b")
			time.Sleep(2 * jobTime)
			synctest.Wait()
			ran := r.ran("b")
			switch _, _, err := r.end("b"); {
			case ran && err == nil, !ran && errors.Is(err, want):
			default:
				t.Errorf("ran %v, but ended with %v", ran, err)
			}
			outcomes[fmt.Sprintf("%v, ran %v", want, ran)]++
			r.sendAll("c")
			if !r.ran("c") {
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
				err := q.Do(ctx, fairqueue.Client{Name: client}, func() {
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
			t.Logf("no call returned %v", end)
		}
	}
	// All slots are free again if as many jobs can run at the same time.
	var meet sync.WaitGroup
	meet.Add(slots)
	for range slots {
		wg.Go(func() {
			if err := q.Do(t.Context(), fairqueue.Client{Name: "z"}, func() { meet.Done(); meet.Wait() }); err != nil {
				t.Errorf("a slot is lost: %v", err)
				meet.Done()
			}
		})
	}
	wg.Wait()
}
