package fairqueue

import (
	"container/heap"
	"container/list"
)

// lines is the state of a queue: who runs, who waits, and in which order. The
// caller holds the queue's lock. Each operation costs O(log n) in the number of
// waiting clients, so that a flood of refusals stays cheap.
//
// While a job waits, no slot is free: slots pass from hand to hand.
type lines struct {
	free    int // slots
	places  int
	waiting int
	clock   uint64 // hands out turns

	byClient map[string]*line // those with a job that runs or waits: at most slots + places
	next     ranking          // lines with waiting jobs, the one to be served first on top
	longest  ranking          // the same lines, the one to be cut first on top
}

// line is one client's part of the queue.
type line struct {
	client  string
	waiting list.List // of *waiter, oldest first
	running int
	turn    uint64 // since when the client has been waiting for its next slot

	atNext, atLongest int // indexes in the rankings, -1 when not ranked
}

// jobs counts the running ones too: of two clients with one waiting job each,
// the one that also holds a slot has had more.
func (l *line) jobs() int { return l.running + l.waiting.Len() }

type verdict int

const (
	undecided verdict = iota
	granted
	refused
)

// waiter is one job. A job that found a free slot at once has no channel.
type waiter struct {
	line    *line
	place   *list.Element
	verdict verdict
	decided chan struct{} // closed after verdict is set
}

func (w *waiter) decide(v verdict) {
	w.verdict = v
	close(w.decided)
}

func newLines(slots, places int) *lines {
	return &lines{
		free:     slots,
		places:   places,
		byClient: make(map[string]*line),
		next: ranking{
			before: servedBefore,
			index:  func(l *line) *int { return &l.atNext },
		},
		longest: ranking{
			before: cutBefore,
			index:  func(l *line) *int { return &l.atLongest },
		},
	}
}

// servedBefore: the client with fewer running jobs first, else whoever has been
// waiting for its turn longer. Turns alone would serve round-robin, but would
// let a client that fills all slots go on holding several of them.
func servedBefore(a, b *line) bool {
	if a.running != b.running {
		return a.running < b.running
	}
	return a.turn < b.turn
}

// cutBefore: the client with most jobs first. Between equals, the one with more
// of them waiting, and then the one whose turn comes later, for it loses least.
func cutBefore(a, b *line) bool {
	switch aj, bj := a.jobs(), b.jobs(); {
	case aj != bj:
		return aj > bj
	case a.running != b.running:
		return a.running < b.running
	default:
		return a.turn > b.turn
	}
}

// enter adds a job of client's and returns nil when there is no place for it.
// The job has its slot at once when the waiter comes without a channel.
func (s *lines) enter(client string) *waiter {
	l := s.byClient[client]
	if l == nil {
		l = &line{client: client, atNext: -1, atLongest: -1}
	}
	w := &waiter{line: l}
	if s.free > 0 {
		s.free--
		l.running++
		w.verdict = granted
		s.settle(l)
		return w
	}
	if s.waiting == s.places && !s.cut(l.jobs()+1) {
		return nil
	}
	if l.waiting.Len() == 0 {
		l.turn = s.tick() // behind all who wait already
	}
	w.decided = make(chan struct{})
	w.place = l.waiting.PushBack(w)
	s.waiting++
	s.settle(l)
	return w
}

// cut makes room for a client that will then have the given number of jobs, by
// refusing the newest waiter of the longest line. It reports whether it did.
//
// A line of the same length is left alone: cutting it would only swap who is the
// worse off, and would let newcomers from ever new addresses push out everyone
// who has already waited.
func (s *lines) cut(jobs int) bool {
	if len(s.longest.lines) == 0 {
		return false
	}
	l := s.longest.lines[0]
	if l.jobs() <= jobs {
		return false
	}
	w := l.waiting.Back().Value.(*waiter)
	s.leavePlace(w)
	w.decide(refused)
	return true
}

// leavePlace takes a waiting job out.
func (s *lines) leavePlace(w *waiter) {
	w.line.waiting.Remove(w.place)
	s.waiting--
	s.settle(w.line)
}

// leaveSlot ends a running job of l's and hands its slot to the next waiter.
func (s *lines) leaveSlot(l *line) {
	l.running--
	// Whoever has just been served goes to the end, so that jobs in store gain
	// nothing over sending the next one only after the last has been answered.
	l.turn = s.tick()
	s.settle(l)
	s.free++
	if len(s.next.lines) == 0 {
		return
	}
	n := s.next.lines[0]
	w := n.waiting.Front().Value.(*waiter)
	s.free--
	n.running++
	s.leavePlace(w)
	w.decide(granted)
}

func (s *lines) tick() uint64 {
	s.clock++
	return s.clock
}

// settle puts l where it belongs after any change to it. A client without jobs
// is forgotten, which bounds the memory however many clients come.
func (s *lines) settle(l *line) {
	s.next.settle(l)
	s.longest.settle(l)
	if l.jobs() == 0 {
		delete(s.byClient, l.client)
	} else {
		s.byClient[l.client] = l
	}
}

// ranking is a heap of the lines that have waiting jobs.
type ranking struct {
	lines  []*line
	before func(a, b *line) bool
	index  func(*line) *int
}

func (r *ranking) settle(l *line) {
	i, waits := *r.index(l), l.waiting.Len() > 0
	switch {
	case waits && i < 0:
		heap.Push(r, l)
	case waits:
		heap.Fix(r, i)
	case i >= 0:
		heap.Remove(r, i)
	}
}

func (r *ranking) Len() int           { return len(r.lines) }
func (r *ranking) Less(i, j int) bool { return r.before(r.lines[i], r.lines[j]) }

func (r *ranking) Swap(i, j int) {
	r.lines[i], r.lines[j] = r.lines[j], r.lines[i]
	*r.index(r.lines[i]), *r.index(r.lines[j]) = i, j
}

func (r *ranking) Push(x any) {
	l := x.(*line)
	*r.index(l) = len(r.lines)
	r.lines = append(r.lines, l)
}

func (r *ranking) Pop() any {
	last := len(r.lines) - 1
	l := r.lines[last]
	r.lines[last] = nil // else the array would keep a forgotten client alive
	r.lines = r.lines[:last]
	*r.index(l) = -1
	return l
}
