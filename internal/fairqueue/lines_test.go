package fairqueue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// model decides as lines does, by looking at every job each time.
type model struct {
	slots, places int
	clock         int
	turns         map[string]int
	jobs          []*modelJob // running and waiting, in order of arrival
}

type modelJob struct {
	client  string
	running bool
}

func (m *model) count(client string, running bool) (n int) {
	for _, j := range m.jobs {
		if j.running == running && (client == "" || j.client == client) {
			n++
		}
	}
	return n
}

func (m *model) remove(j *modelJob) {
	m.jobs = slices.DeleteFunc(m.jobs, func(o *modelJob) bool { return o == j })
}

// enter returns the new job, nil when it is refused, and the one that is cut.
func (m *model) enter(client string) (j, cut *modelJob) {
	j = &modelJob{client: client, running: m.count("", true) < m.slots}
	if !j.running && m.count("", false) == m.places {
		mine := m.count(client, false) + m.count(client, true) + 1
		var most, mostWaiting, latest int
		for _, o := range m.jobs {
			w := m.count(o.client, false)
			all := w + m.count(o.client, true)
			if o.running || all <= mine {
				continue
			}
			turn := m.turns[o.client]
			if cut == nil || all > most || all == most && (w > mostWaiting || w == mostWaiting && turn >= latest) {
				cut, most, mostWaiting, latest = o, all, w, turn // >=: the newest of its line
			}
		}
		if cut == nil {
			return nil, nil
		}
		m.remove(cut)
	}
	if !j.running && m.count(client, false) == 0 {
		m.clock++
		m.turns[client] = m.clock
	}
	m.jobs = append(m.jobs, j)
	return j, cut
}

// finish returns the job that runs next.
func (m *model) finish(j *modelJob) (next *modelJob) {
	m.remove(j)
	m.clock++
	m.turns[j.client] = m.clock
	var fewest, first int
	for _, o := range m.jobs {
		if o.running {
			continue
		}
		running, turn := m.count(o.client, true), m.turns[o.client]
		if next == nil || running < fewest || running == fewest && turn < first {
			next, fewest, first = o, running, turn
		}
	}
	if next != nil {
		next.running = true
	}
	return next
}

func TestAgainstModel(t *testing.T) {
	for seed := range uint64(80) {
		rng := rand.New(rand.NewPCG(seed, 7))
		slots, places := 1+rng.IntN(4), rng.IntN(12)
		clients := 1 + rng.IntN(8)
		s := newLines(slots, places)
		m := &model{slots: slots, places: places, turns: map[string]int{}}
		jobs := map[*modelJob]*waiter{}

		for step := range 250 {
			at := fmt.Sprintf("seed %d, step %d", seed, step)
			var gone *modelJob
			switch op := rng.IntN(8); {
			case op < 5 || len(m.jobs) == 0:
				// Clients of low number come more often.
				client := string(rune('a' + min(rng.IntN(clients), rng.IntN(clients))))
				w := s.enter(client)
				j, cut := m.enter(client)
				if (w == nil) != (j == nil) {
					t.Fatalf("%s: refused %v, want %v", at, w == nil, j == nil)
				}
				if j != nil {
					jobs[j] = w
				}
				gone = cut
			default:
				j := m.jobs[rng.IntN(len(m.jobs))]
				if j.running {
					s.leaveSlot(jobs[j].line)
					m.finish(j)
				} else {
					s.leavePlace(jobs[j])
					m.remove(j)
				}
				delete(jobs, j)
			}
			if gone != nil {
				if jobs[gone].verdict != refused {
					t.Fatalf("%s: another job was cut than %s's", at, gone.client)
				}
				delete(jobs, gone)
			}
			for _, j := range m.jobs {
				want := undecided
				if j.running {
					want = granted
				}
				if got := jobs[j].verdict; got != want {
					t.Fatalf("%s: verdict %d for a job of %s, want %d", at, got, j.client, want)
				}
			}
			if free := slots - m.count("", true); s.free != free || s.waiting != m.count("", false) {
				t.Fatalf("%s: %d free and %d waiting, want %d and %d", at, s.free, s.waiting, free, m.count("", false))
			}
			if len(s.byClient) > slots+places {
				t.Fatalf("%s: %d clients remembered", at, len(s.byClient))
			}
		}
		for _, j := range slices.Clone(m.jobs) {
			if !j.running {
				s.leavePlace(jobs[j])
				m.remove(j)
			}
		}
		for _, j := range m.jobs {
			s.leaveSlot(jobs[j].line)
		}
		wantIdle(t, s, slots)
	}
}

func wantIdle(t *testing.T, s *lines, slots int) {
	t.Helper()
	if s.free != slots || s.waiting != 0 || len(s.byClient) != 0 || len(s.next.lines) != 0 || len(s.longest.lines) != 0 {
		t.Errorf("not idle: %d of %d slots free, %d waiting, %d clients, %d and %d ranked",
			s.free, slots, s.waiting, len(s.byClient), len(s.next.lines), len(s.longest.lines))
	}
	for _, r := range []ranking{s.next, s.longest} {
		for _, l := range r.lines[:cap(r.lines)] {
			if l != nil {
				t.Error("a ranking keeps a forgotten client alive")
			}
		}
	}
}

func TestManyClientsTakeBoundedMemory(t *testing.T) {
	s := newLines(2, 50)
	for i := range 10_000 {
		s.enter(fmt.Sprint(i))
	}
	if got := len(s.byClient); got != 52 {
		t.Errorf("%d clients remembered, want 52", got)
	}
	if got := cap(s.next.lines); got > 128 {
		t.Errorf("room for %d lines", got)
	}
}

// TestGrantedWhileGivingUp puts a waiter in the gap between the end of its wait
// and the lock: the slot has been granted by then.
func TestGrantedWhileGivingUp(t *testing.T) {
	setUp := func() (*Queue, *waiter, *waiter) {
		q := New(1, 2, time.Nanosecond)
		first, second, third := q.lines.enter("a"), q.lines.enter("b"), q.lines.enter("c")
		q.lines.leaveSlot(first.line)
		return q, second, third
	}
	t.Run("time is up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for range 20 { // of the two cases that are ready, select takes either
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
				t.Fatal("the slot was not handed on")
			}
			q.lines.leaveSlot(third.line)
			wantIdle(t, q.lines, 1)
		}
	})
	t.Run("refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for range 20 {
				q := New(1, 1, time.Nanosecond)
				first, second := q.lines.enter("a"), q.lines.enter("a")
				third := q.lines.enter("b") // takes second's place
				time.Sleep(time.Microsecond)
				if err := q.await(t.Context(), second); !errors.Is(err, ErrFull) {
					t.Fatalf("%v, want %v", err, ErrFull)
				}
				q.lines.leaveSlot(first.line)
				q.lines.leaveSlot(third.line)
				wantIdle(t, q.lines, 1)
			}
		})
	})
}

// BenchmarkLines shows what a flood costs: neither a refusal nor a turn may
// grow with the number of clients by more than its logarithm.
func BenchmarkLines(b *testing.B) {
	for _, clients := range []int{16, 1024, 65536} {
		full := func() *lines {
			s := newLines(1, clients)
			for i := range clients + 1 {
				s.enter(fmt.Sprint(i))
			}
			return s
		}
		b.Run(fmt.Sprintf("op=refuse/clients=%d", clients), func(b *testing.B) {
			s := full()
			b.ReportAllocs()
			for b.Loop() {
				s.enter("flooder")
			}
		})
		b.Run(fmt.Sprintf("op=turn/clients=%d", clients), func(b *testing.B) {
			s := full()
			running := s.byClient["0"]
			b.ReportAllocs()
			for b.Loop() {
				next := s.next.lines[0]
				s.leaveSlot(running)
				s.enter(running.client)
				running = next
			}
		})
	}
}
