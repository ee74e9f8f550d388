package sessions_test

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"
)

const (
	tabs      = 3
	rotations = 200
	lossRate  = 0.02

	stagger = 12 * time.Second // tabs refresh within this time of each other
	latency = 8 * time.Second  // of an answer, at most: it overtakes others
	retry   = 3 * time.Second  // how long a tab waits for an answer that was lost
	pause   = 10 * time.Minute // between one refresh of a tab and its next
)

// Three tabs refresh one session, shortly after each other, at instances with
// different clocks.
func TestStaggeredTabs(t *testing.T) {
	for _, c := range []struct {
		name   string
		shared bool // all tabs share one token, as with a cookie
		loss   float64
	}{
		{"a token each", false, 0},
		{"one token for all", true, 0},
		{"a token each, 2 percent lost", false, lossRate},
		{"one token for all, 2 percent lost", true, lossRate},
	} {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, p place) {
				s := newSetup()
				w := newBrowser(t, s, p, c.shared, c.loss)
				w.run(t)
				told := s.told()
				t.Logf("%d rotations by %d tabs: %d requests, %d answers lost, %d logouts; events: %v",
					w.generation-1, tabs, w.requests, w.lost, w.refused, told)
				if w.refused != 0 || told["reuse"] != 0 {
					t.Errorf("logged out %d times, %d alarms", w.refused, told["reuse"])
				}
				if w.generation < rotations+1 || told["retried"] == 0 {
					t.Error("too little has happened")
				}
				if (w.lost == 0) != (c.loss == 0) {
					t.Errorf("%d answers were lost", w.lost)
				}
			})
		})
	}
}

// browser is an event simulation. Only the responses come from real stores.
type browser struct {
	setup
	instances  []instance
	rand       *rand.Rand
	loss       float64
	jar        [tabs]*string // the token of each tab; all the same if shared
	queue      moments
	generation int64

	requests, lost, refused int
}

func newBrowser(t *testing.T, s setup, p place, shared bool, loss float64) *browser {
	t.Helper()
	b := &browser{setup: s, loss: loss, rand: rand.New(rand.NewPCG(1, 2)), generation: 1}
	for _, skew := range []time.Duration{-4 * time.Second, 0, 4 * time.Second} {
		b.instances = append(b.instances, s.instance(t, p.open(t), skew))
	}
	tokens, err := b.instances[0].Login(t.Context(), "ada")
	check(t, err)
	for tab := range b.jar {
		if token := tokens.RefreshToken; tab == 0 || !shared {
			b.jar[tab] = &token
		} else {
			b.jar[tab] = b.jar[0]
		}
	}
	return b
}

func (b *browser) upTo(d time.Duration) time.Duration { return time.Duration(b.rand.Int64N(int64(d))) }

// run continues until the session has been rotated often enough.
func (b *browser) run(t *testing.T) {
	begin := b.clock.Now()
	for round := range rotations {
		for tab := range tabs {
			b.at(begin.Add(time.Duration(round+1)*pause+b.upTo(stagger)), func() { b.send(t, tab) })
		}
	}
	for len(b.queue) > 0 && b.refused == 0 {
		next := heap.Pop(&b.queue).(moment)
		b.clock.to(next.at)
		next.do()
	}
}

// send refreshes with the tab's current token. The response comes later, or
// never.
func (b *browser) send(t *testing.T, tab int) {
	b.requests++
	tokens, err := b.instances[b.rand.IntN(len(b.instances))].Refresh(t.Context(), *b.jar[tab])
	if err != nil {
		b.refused++
		t.Errorf("generation %d, presented at %d: %v", read(t, *b.jar[tab]).Gen, b.generation, err)
		return
	}
	b.generation = max(b.generation, read(t, tokens.RefreshToken).Gen)
	now := b.clock.Now()
	if b.rand.Float64() < b.loss {
		b.lost++
		b.at(now.Add(retry), func() { b.send(t, tab) })
		return
	}
	b.at(now.Add(b.upTo(latency)), func() { *b.jar[tab] = tokens.RefreshToken })
}

func (b *browser) at(when time.Time, do func()) { heap.Push(&b.queue, moment{when, do}) }

type moment struct {
	at time.Time
	do func()
}

// moments is a heap, the earliest first.
type moments []moment

func (m moments) Len() int           { return len(m) }
func (m moments) Less(i, j int) bool { return m[i].at.Before(m[j].at) }
func (m moments) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *moments) Push(x any)        { *m = append(*m, x.(moment)) }
func (m *moments) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
