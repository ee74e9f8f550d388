package fairqueue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// pair runs a schedule and the model side by side.
type pair struct {
	t        *testing.T
	at       func() string // describes the step in errors
	now      time.Time
	slots    int
	schedule *schedule
	model    *model
	waiters  map[*modelJob]*waiter
}

func newPair(t *testing.T, slots, places int) *pair {
	return &pair{
		t: t, slots: slots,
		schedule: newSchedule(slots, places),
		model:    newModel(slots, places),
		waiters:  make(map[*modelJob]*waiter),
	}
}

func (p *pair) enter(c Client) {
	p.t.Helper()
	w := p.schedule.enter(c, p.now)
	j, cut := p.model.enter(c, p.now)
	if (w == nil) != (j == nil) {
		p.t.Fatalf("%s: refused %v, want %v", p.at(), w == nil, j == nil)
	}
	if j != nil {
		p.waiters[j] = w
	}
	if cut != nil {
		if p.waiters[cut].verdict != refused {
			p.t.Fatalf("%s: refused another job than one of %v", p.at(), cut.path)
		}
		delete(p.waiters, cut)
	}
	p.check()
}

// leave ends a running job, or removes a waiting one.
func (p *pair) leave(j *modelJob) {
	p.t.Helper()
	if j.running {
		p.schedule.leaveSlot(p.waiters[j].line)
		p.model.finish(j)
	} else {
		p.schedule.leavePlace(p.waiters[j])
		p.model.remove(j)
	}
	delete(p.waiters, j)
	p.check()
}

func (p *pair) check() {
	p.t.Helper()
	for _, j := range p.model.jobs {
		want := undecided
		if j.running {
			want = granted
		}
		if got := p.waiters[j].verdict; got != want {
			p.t.Fatalf("%s: verdict %d for a job of %v, want %d", p.at(), got, j.path, want)
		}
	}
	running, waiting := p.model.count(nil, true), p.model.count(nil, false)
	if s := p.schedule; s.free != p.slots-running || s.running() != running || s.waiting() != waiting {
		p.t.Fatalf("%s: %d slots free, %d running, %d waiting; want %d, %d, %d",
			p.at(), s.free, s.running(), s.waiting(), p.slots-running, running, waiting)
	}
}

// drain removes all jobs and checks that the schedule keeps no data of them.
func (p *pair) drain() {
	p.t.Helper()
	for len(p.model.jobs) > 0 {
		p.leave(p.model.jobs[len(p.model.jobs)-1])
	}
	wantIdle(p.t, p.schedule, p.slots)
}

// senders are clients of two networks, one without a network, and two accounts
// with three devices, some of them in the same networks.
var senders = []Client{
	{Network: "n", Name: "a"},
	{Network: "n", Name: "b"},
	{Network: "m", Name: "a"},
	{Name: "n"},
	{Name: "n", Device: "1", Account: "x"},
	{Network: "n", Name: "a", Device: "2", Account: "x"},
	{Network: "m", Name: "c", Device: "3"},
}

func TestRandomSequences(t *testing.T) {
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 7))
		slots, places := 1+rng.IntN(4), rng.IntN(12)
		p := newPair(t, slots, places)
		for step := range 250 {
			p.at = func() string { return fmt.Sprintf("seed %d, step %d", seed, step) }
			p.now = p.now.Add(time.Duration(rng.IntN(4)) * time.Second / 2)
			switch n := len(p.model.jobs); {
			case n == 0 || rng.IntN(8) < 5:
				p.enter(senders[min(rng.IntN(len(senders)), rng.IntN(len(senders)))])
			default:
				p.leave(p.model.jobs[rng.IntN(n)])
			}
		}
		p.drain()
	}
}

// TestAllSequences tries every sequence of a few steps. A step is a job of one
// of the senders, or the end of one of the jobs in the queue.
func TestAllSequences(t *testing.T) {
	few := []Client{senders[0], senders[1], senders[2], senders[4], senders[5]}
	for _, c := range []struct {
		slots, places, steps int
		senders              []Client
	}{{1, 0, 3, senders}, {1, 1, 4, senders}, {1, 2, 5, few}, {2, 1, 4, senders}} {
		sequences := 0
		var steps []int
		for {
			p := newPair(t, c.slots, c.places)
			choices := make([]int, 0, c.steps) // how many steps were possible
			for i := range c.steps {
				if i == len(steps) {
					steps = append(steps, 0)
				}
				choices = append(choices, len(c.senders)+len(p.model.jobs))
				p.at = func() string { return fmt.Sprintf("%+v, steps %v", c, steps[:i+1]) }
				if n := steps[i]; n < len(c.senders) {
					p.enter(c.senders[n])
				} else {
					p.leave(p.model.jobs[n-len(c.senders)])
				}
			}
			p.drain()
			sequences++
			// The next sequence in lexical order.
			for len(steps) > 0 && steps[len(steps)-1]+1 == choices[len(steps)-1] {
				steps = steps[:len(steps)-1]
			}
			if len(steps) == 0 {
				break
			}
			steps[len(steps)-1]++
		}
		t.Logf("%d slots, %d places, %d steps: %d sequences", c.slots, c.places, c.steps, sequences)
	}
}

func wantIdle(t *testing.T, s *schedule, slots int) {
	t.Helper()
	if s.free != slots || s.known.jobs() != 0 || s.common.jobs() != 0 {
		t.Errorf("%d of %d slots free, %d and %d jobs", s.free, slots, s.known.jobs(), s.common.jobs())
	}
	for _, n := range []*node{s.known, s.common} {
		if len(n.children) != 0 {
			t.Errorf("%s keeps %d children", n.key.name, len(n.children))
		}
		for _, r := range []ranking{n.next, n.longest} {
			for _, child := range r.nodes[:cap(r.nodes)] {
				if child != nil {
					t.Errorf("a ranking of %s keeps a child without jobs", n.key.name)
				}
			}
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := newSchedule(2, 50)
	for i := range 10_000 {
		now := time.UnixMilli(int64(i))
		s.enter(Client{Name: fmt.Sprint(i)}, now)
		s.enter(Client{Network: "n", Name: fmt.Sprint(i)}, now)
		s.enter(Client{Device: fmt.Sprint(i), Account: "x"}, now)
	}
	if got := len(s.common.children) + len(s.known.children[key{name: "x"}].children); got > 2+2*50 {
		t.Errorf("%d clients and devices stored, want at most 102", got)
	}
	if got := cap(s.common.next.nodes); got > 128 {
		t.Errorf("capacity for %d networks", got)
	}
}

// TestBudgetIsSwept uses the lane with many accounts, each of them once.
func TestBudgetIsSwept(t *testing.T) {
	var b budget
	start := time.Now()
	const accounts, perSecond = 100_000, 100
	for i := range accounts {
		account, now := key{name: fmt.Sprint(i)}, start.Add(time.Duration(i)*time.Second/perSecond)
		if !b.allows(account, now) {
			t.Fatal("a new account is refused")
		}
		b.use(account, now)
		// An account has all its uses again after 10 s.
		if n, live := len(b.usedUntil), 10*perSecond; n > 2*live {
			t.Fatalf("%d accounts stored, and %d of them are needed", n, live)
		}
	}
}

// TestSweepKeepsUses uses up one account, then sweeps the budget with many others.
func TestSweepKeepsUses(t *testing.T) {
	var b budget
	now := time.Now()
	spent := key{name: "spent"}
	for range accountBurst {
		b.use(spent, now)
	}
	for i := range 10 * minSweep {
		b.use(key{name: fmt.Sprint(i)}, now)
	}
	if b.allows(spent, now) || b.allows(spent, now.Add(accountInterval-1)) {
		t.Error("an account without uses left is allowed after a sweep")
	}
	if !b.allows(spent, now.Add(accountInterval)) {
		t.Error("an account is refused after 10 s")
	}
}

func TestBudgetOfOneAccount(t *testing.T) {
	var b budget
	now := time.Now()
	account := key{name: "a"}
	used := 0
	for range 700 {
		if b.allows(account, now) {
			b.use(account, now)
			used++
		}
		now = now.Add(100 * time.Millisecond)
	}
	if used != 3+6 {
		t.Errorf("an account used the lane %d times in 70 s, want 9", used)
	}
	if other := (key{alone: true, name: "a"}); !b.allows(other, now) {
		t.Error("a device without an account shares the budget of an account of its name")
	}
}

// TestGrantedWhileGivingUp grants a slot between the end of the wait and the
// lock.
func TestGrantedWhileGivingUp(t *testing.T) {
	a, b, c := Client{Name: "a"}, Client{Name: "b"}, Client{Name: "c"}
	now := time.Time{}
	setUp := func() (*Queue, *waiter, *waiter) {
		q := New(1, 2, time.Nanosecond)
		first, second, third := q.schedule.enter(a, now), q.schedule.enter(b, now), q.schedule.enter(c, now)
		q.schedule.leaveSlot(first.line)
		return q, second, third
	}
	t.Run("timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for range 20 { // select chooses a ready case at random
				q, second, _ := setUp()
				time.Sleep(time.Microsecond)
				if err := q.await(t.Context(), second); err != nil {
					t.Fatalf("%v, want the slot", err)
				}
			}
		})
	})
	t.Run("context ended", func(t *testing.T) {
		for range 20 {
			q, second, third := setUp()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := q.await(ctx, second); !errors.Is(err, context.Canceled) {
				t.Fatalf("%v, want %v", err, context.Canceled)
			}
			if third.verdict != granted {
				t.Fatal("the slot was not passed on")
			}
			q.schedule.leaveSlot(third.line)
			wantIdle(t, q.schedule, 1)
		}
	})
	t.Run("refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for range 20 {
				q := New(1, 1, time.Nanosecond)
				first, second := q.schedule.enter(a, now), q.schedule.enter(a, now)
				third := q.schedule.enter(b, now) // gets the place of second
				time.Sleep(time.Microsecond)
				if err := q.await(t.Context(), second); !errors.Is(err, ErrFull) {
					t.Fatalf("%v, want %v", err, ErrFull)
				}
				q.schedule.leaveSlot(first.line)
				q.schedule.leaveSlot(third.line)
				wantIdle(t, q.schedule, 1)
			}
		})
	})
}

// BenchmarkSchedule shows the cost of a flood. A refusal and a turn must not
// grow by more than the logarithm of the number of clients.
func BenchmarkSchedule(b *testing.B) {
	for _, clients := range []int{16, 1024, 65536} {
		client := func(i int) Client { return Client{Network: fmt.Sprint(i / 16), Name: fmt.Sprint(i)} }
		full := func() *schedule {
			s := newSchedule(1, clients)
			for i := range clients + 1 {
				s.enter(client(i), time.Time{})
			}
			return s
		}
		b.Run(fmt.Sprintf("op=refuse/clients=%d", clients), func(b *testing.B) {
			s := full()
			b.ReportAllocs()
			for b.Loop() {
				s.enter(client(0), time.Time{})
			}
		})
		b.Run(fmt.Sprintf("op=turn/clients=%d", clients), func(b *testing.B) {
			s := full()
			running := s.common.children[key{name: "0"}].children[key{name: "0"}]
			b.ReportAllocs()
			for b.Loop() {
				next := s.common.next.first().next.first()
				s.leaveSlot(running)
				s.admit(running)
				running = next
			}
		})
	}
}
