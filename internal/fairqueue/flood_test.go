package fairqueue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
)

const (
	floodTime     = 20 * time.Second
	floodInterval = time.Millisecond
	floodPlaces   = 64
	floodMaxWait  = time.Second
	honestClients = 20
	honestPeriod  = 10 * time.Second
)

// sender returns the client of the i-th honest user, or of the i-th job of a
// flood.
type sender func(i int) fairqueue.Client

func address(i int) fairqueue.Client { return fairqueue.Client{Name: fmt.Sprint("address ", i)} }

func recognized(i int) fairqueue.Client {
	c := address(i)
	c.Account, c.Device = fmt.Sprint("account ", i), fmt.Sprint("device ", i)
	return c
}

// inNetwork returns a sender with a number of clients in one network.
func inNetwork(clients int) sender {
	return func(i int) fairqueue.Client {
		return fairqueue.Client{Network: "2001:db8::/48", Name: fmt.Sprint("flood ", i%clients)}
	}
}

// addresses returns a sender with a number of addresses in different networks.
func addresses(n int) sender {
	return func(i int) fairqueue.Client { return fairqueue.Client{Name: fmt.Sprint("flood ", i%n)} }
}

// devices returns a sender with recognized devices of accounts of its own, in
// one network.
func devices(accounts, devices int) sender {
	return func(i int) fairqueue.Client {
		account := i % accounts
		return fairqueue.Client{
			Network: "2001:db8::/48", Name: fmt.Sprint("flood ", i%65536),
			Account: fmt.Sprint("flood ", account), Device: fmt.Sprint("flood ", account, " ", i/accounts%devices),
		}
	}
}

// queue is implemented by the queues that the flood compares.
type queue interface {
	Do(ctx context.Context, client fairqueue.Client, job func()) error
}

// flooded is the result of a flood.
type flooded struct {
	logins, refused int           // of honest users
	longest         time.Duration // longest login of an honest user
	flood           int           // jobs of the flood that were run
}

func (f flooded) served() float64 { return 1 - float64(f.refused)/float64(f.logins) }

// flood sends 1,000 jobs per second while 20 honest users log in once every 10
// s. The time is simulated. With random, the honest users log in at random
// times.
func flood(t *testing.T, newQueue func() queue, honest, attacker sender, random bool) (r flooded) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		job := func() { time.Sleep(jobTime) }
		rng := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range int(floodTime / floodInterval) {
				wg.Go(func() {
					if q.Do(t.Context(), attacker(i), job) == nil {
						mu.Lock()
						r.flood++
						mu.Unlock()
					}
				})
				time.Sleep(floodInterval)
			}
		})
		for i := range honestClients {
			for round := range floodTime / honestPeriod {
				// The offsets and the job time have no common factor, so logins
				// arrive in all phases of a running job.
				at := round*honestPeriod + time.Duration(i)*487*time.Millisecond
				if random {
					at = time.Duration(rng.Int64N(int64(floodTime)))
				}
				wg.Go(func() {
					time.Sleep(at)
					start := time.Now()
					err := q.Do(t.Context(), honest(i), job)
					mu.Lock()
					defer mu.Unlock()
					r.logins++
					if err != nil {
						r.refused++
					}
					r.longest = max(r.longest, time.Since(start))
				})
			}
		}
		wg.Wait()
	})
	return r
}

func TestFlood(t *testing.T) {
	inFloodedNetwork := func(i int) fairqueue.Client {
		return fairqueue.Client{Network: "2001:db8::/48", Name: fmt.Sprint("honest ", i)}
	}
	tests := []struct {
		name     string
		honest   sender
		attacker sender

		// The minimum share of honest logins that are served with 1 or 3 slots.
		one, three float64
	}{
		{"one address", address, addresses(1), 1, 1},
		{"one 64", address, inNetwork(1), 1, 1},
		{"one 64, honest users in its 48", inFloodedNetwork, inNetwork(1), 1, 1},
		{"one 56", address, inNetwork(256), 1, 1},
		{"one 48", address, inNetwork(65536), 1, 1},
		{"one 48, recognized devices", recognized, inNetwork(65536), 1, 1},
		{"500 addresses, recognized devices", recognized, addresses(500), 0.98, 0.98},

		// The accounts of the attacker use their budgets at the start.
		{"devices of 3 accounts, recognized devices", recognized, devices(3, 167), 0.9, 0.98},
		{"devices of 3 accounts", address, devices(3, 167), 0.9, 0.98},

		// These floods succeed. Their results are only logged.
		{"500 addresses", address, addresses(500), 0, 0},
		{"devices of 1000 accounts, recognized devices", recognized, devices(1000, 1), 0, 0},
	}
	for _, tt := range tests {
		for _, c := range []struct {
			slots  int
			random bool // exceeds the capacity of one slot at times
		}{{1, false}, {3, true}} {
			t.Run(fmt.Sprintf("%s/slots=%d/random=%v", tt.name, c.slots, c.random), func(t *testing.T) {
				newQueue := func() queue { return fairqueue.New(c.slots, floodPlaces, floodMaxWait) }
				r := flood(t, newQueue, tt.honest, tt.attacker, c.random)
				t.Logf("%.3f of the honest logins served: %+v", r.served(), r)
				if want := honestClients * int(floodTime/honestPeriod); r.logins != want {
					t.Fatalf("%d logins, want %d", r.logins, want)
				}
				want := tt.one
				if c.slots == 3 {
					want = tt.three
				}
				if r.served() < want {
					t.Errorf("%.3f of the honest logins served, want %.2f", r.served(), want)
				}
				// The rest of a running job, one turn of the flood, its own
				// turn.
				if limit := 3 * jobTime; want == 1 && r.longest > limit {
					t.Errorf("the longest login took %v, want at most %v", r.longest, limit)
				}
				// Fairness must not leave slots idle.
				capacity := c.slots * int(floodTime/jobTime)
				if got := r.logins - r.refused + r.flood; got < capacity {
					t.Errorf("%d jobs run, want at least %d", got, capacity)
				}
			})
		}
	}
}

// TestFloodStarvesOtherQueues shows that the floods above are hard: a queue in
// order of arrival, and one that is fair by IPv6 /64 only, refuse most honest
// logins.
func TestFloodStarvesOtherQueues(t *testing.T) {
	for name, newQueue := range map[string]func() queue{
		"order of arrival": func() queue {
			return &fifo{slots: make(chan struct{}, 1), places: make(chan struct{}, floodPlaces)}
		},
		"one level": func() queue { return oneLevel{fairqueue.New(1, floodPlaces, floodMaxWait)} },
	} {
		t.Run(name, func(t *testing.T) {
			r := flood(t, newQueue, address, inNetwork(256), false)
			t.Logf("%.3f of the honest logins served: %+v", r.served(), r)
			if r.served() > 0.5 {
				t.Errorf("%.3f of the honest logins served, want at most half", r.served())
			}
		})
	}
}

// oneLevel is a queue that ignores networks.
type oneLevel struct{ *fairqueue.Queue }

func (q oneLevel) Do(ctx context.Context, client fairqueue.Client, job func()) error {
	return q.Queue.Do(ctx, fairqueue.Client{Name: client.Name}, job)
}

// fifo is a semaphore with a limited number of waiting jobs.
type fifo struct{ slots, places chan struct{} }

func (f *fifo) Do(ctx context.Context, _ fairqueue.Client, job func()) error {
	select {
	case f.places <- struct{}{}:
	default:
		return fairqueue.ErrFull
	}
	timer := time.NewTimer(floodMaxWait)
	defer timer.Stop()
	select {
	case f.slots <- struct{}{}: // blocked senders proceed in order of arrival
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
