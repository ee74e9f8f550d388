package fairqueue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
)

// doer is what the flood is tried on.
type doer interface {
	Do(ctx context.Context, client string, job func()) error
}

const (
	floodTime     = 20 * time.Second
	floodPlaces   = 64
	floodMaxWait  = time.Second
	quietClients  = 20
	quietInterval = 10 * time.Second
)

type flooded struct {
	logins, refused int           // of the quiet clients
	longest         time.Duration // that one of them took
	flooder         int           // jobs of the flooding client that were run
}

// flood sends 1,000 jobs a second for one client while 20 others send one every
// 10 s each, and tells how the others fared. Time is simulated.
func flood(t *testing.T, newDoer func() doer) (r flooded) {
	synctest.Test(t, func(t *testing.T) {
		q := newDoer()
		job := func() { time.Sleep(jobTime) }
		var mu sync.Mutex
		var wg sync.WaitGroup
		wg.Go(func() {
			for range floodTime / time.Millisecond {
				wg.Go(func() {
					if q.Do(t.Context(), "flooder", job) == nil {
						mu.Lock()
						r.flooder++
						mu.Unlock()
					}
				})
				time.Sleep(time.Millisecond)
			}
		})
		for i := range quietClients {
			wg.Go(func() {
				// Prime to the length of a job, so that they arrive at all phases of it.
				time.Sleep(time.Duration(i) * 487 * time.Millisecond)
				for range floodTime / quietInterval {
					start := time.Now()
					err := q.Do(t.Context(), fmt.Sprintf("quiet-%d", i), job)
					mu.Lock()
					r.logins++
					if err != nil {
						r.refused++
					}
					r.longest = max(r.longest, time.Since(start))
					mu.Unlock()
					time.Sleep(quietInterval - time.Since(start))
				}
			})
		}
		wg.Wait()
	})
	return r
}

func TestFlood(t *testing.T) {
	for _, slots := range []int{1, 3} {
		t.Run(fmt.Sprintf("slots=%d", slots), func(t *testing.T) {
			r := flood(t, func() doer { return fairqueue.New(slots, floodPlaces, floodMaxWait) })
			t.Logf("%+v", r)
			if want := quietClients * int(floodTime/quietInterval); r.logins != want {
				t.Fatalf("%d logins tried, want %d", r.logins, want)
			}
			if r.refused > 0 {
				t.Errorf("%d of %d logins refused", r.refused, r.logins)
			}
			// The rest of the running job, one turn of the flooder or of another, its own.
			if limit := 3 * jobTime; r.longest > limit {
				t.Errorf("a login took %v, want at most %v", r.longest, limit)
			}
			// Fairness must not be bought with idle slots.
			capacity := slots * int(floodTime/jobTime)
			if got := r.logins + r.flooder; got < capacity {
				t.Errorf("%d jobs run, but there was time for %d", got, capacity)
			}
		})
	}
}

// TestFloodStarvesFIFO shows that the flood above tells a fair queue from one
// that serves in order of arrival.
func TestFloodStarvesFIFO(t *testing.T) {
	r := flood(t, func() doer {
		return &fifo{slots: make(chan struct{}, 1), places: make(chan struct{}, floodPlaces)}
	})
	t.Logf("%+v", r)
	if r.refused < r.logins/2 {
		t.Errorf("%d of %d logins refused in order of arrival; this flood proves little", r.refused, r.logins)
	}
}

// fifo is the plain way: a semaphore behind a bounded queue.
type fifo struct{ slots, places chan struct{} }

func (f *fifo) Do(ctx context.Context, _ string, job func()) error {
	select {
	case f.places <- struct{}{}:
	default:
		return fairqueue.ErrFull
	}
	timer := time.NewTimer(floodMaxWait)
	defer timer.Stop()
	select {
	case f.slots <- struct{}{}: // channels serve blocked senders in order of arrival
		<-f.places
	case <-timer.C:
		<-f.places
		return fairqueue.ErrTimeout
	case <-ctx.Done():
		<-f.places
		return ctx.Err()
	}
	defer func() { <-f.slots }()
	job()
	return nil
}
