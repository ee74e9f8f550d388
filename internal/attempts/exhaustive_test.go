package attempts_test

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

// world is a counter with the attempts that have no result yet.
type world struct {
	counter attempts.Counter
	now     int64
	open    [3]int64 // the rounds of attempts in progress, ascending; -1 for none
	failed  int64    // failed attempts in the current round
}

// small is a rule with few states.
var small = attempts.Rule{Limit: 2, Window: 2, Longest: 8}

const (
	lastTime = 20
	noRound  = -1
)

// TestExhaustive walks through every sequence of attempts, results and moments
// for up to three attempts at a time, and checks the rules in every state.
func TestExhaustive(t *testing.T) {
	start := world{now: 100, open: [3]int64{noRound, noRound, noRound}}
	seen := map[world]bool{start: true}
	queue := []world{start}
	visit := func(w world) {
		if !seen[w] {
			seen[w] = true
			queue = append(queue, w)
		}
	}
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		check(t, w)
		if t.Failed() {
			t.Fatalf("in %+v", w)
		}
		if w.now < 100+lastTime {
			later := w
			later.now++
			visit(later)
		}
		if next, ok := reserve(t, w); ok {
			visit(next)
		}
		for i, round := range w.open {
			if round != noRound {
				visit(fail(w, i))
				visit(refund(t, w, i))
			}
		}
	}
	t.Logf("%d states", len(seen))
	if len(seen) < 100_000 {
		t.Error("fewer states than expected")
	}
}

func (w world) inRound() (n int64) {
	for _, round := range w.open {
		if round == w.counter.Round {
			n++
		}
	}
	return n
}

// check checks the rules that concern one state.
func check(t *testing.T, w world) {
	c := w.counter
	if c.Used > small.Limit {
		t.Errorf("%d attempts in a round of %d", c.Used, small.Limit)
	}
	// Each used attempt has failed or is in progress: a success buys no guess,
	// and a failure is not forgotten.
	if c.Round > 0 && c.Used != w.failed+w.inRound() {
		t.Errorf("%d used, %d failed, %d in progress", c.Used, w.failed, w.inRound())
	}
	next, left, wait := small.Reserve(c, w.now)
	switch {
	case wait < 0 || wait > small.Longest:
		t.Errorf("wait %d", wait)
	case wait > 0:
		if next != c || left != 0 {
			t.Errorf("a refused attempt changes %+v to %+v, %d left", c, next, left)
		}
		if _, _, again := small.Reserve(c, w.now+wait-1); again != 1 {
			t.Errorf("1 before the end of the pause: wait %d", again)
		}
		if _, _, again := small.Reserve(c, w.now+wait); again != 0 {
			t.Errorf("after the pause: wait %d", again)
		}
	case left != small.Limit-next.Used || left < 0:
		t.Errorf("%d left after %+v", left, next)
	}
	fresh, _, _ := small.Reserve(attempts.Counter{}, small.Calm(c)+100)
	if calm, _, _ := small.Reserve(c, small.Calm(c)+100); calm != fresh && c != (attempts.Counter{}) {
		t.Errorf("after Calm: %+v, want %+v", calm, fresh)
	}
}

func reserve(t *testing.T, w world) (world, bool) {
	free := -1
	for i, round := range w.open {
		if round == noRound {
			free = i
		}
	}
	next, _, wait := small.Reserve(w.counter, w.now)
	if free < 0 || wait > 0 {
		return w, false
	}
	if next.Round != w.counter.Round {
		w.failed = 0
	}
	if next.Debt <= 0 || next.Used < 1 {
		t.Errorf("an attempt is not counted: %+v", next)
	}
	w.counter = next
	w.open[free] = next.Round
	return normal(w), true
}

// fail ends an attempt as a failure. The counter has counted it already.
func fail(w world, i int) world {
	if w.open[i] == w.counter.Round {
		w.failed++
	}
	w.open[i] = noRound
	return normal(w)
}

// refund ends an attempt as a success. Only its own reservation is returned.
func refund(t *testing.T, w world, i int) world {
	round := w.open[i]
	next := small.Refund(w.counter, round)
	if same := round == w.counter.Round; same != (next.Used == w.counter.Used-1) || !same && next != w.counter {
		t.Errorf("the refund of a reservation of round %d changes %+v to %+v", round, w.counter, next)
	}
	// The counter is the same as if the attempt had not been made.
	if again, _, _ := small.Reserve(next, round); round == w.counter.Round && next.Used > 0 && again != w.counter {
		t.Errorf("the refund is not the reverse of the reservation: %+v, %+v", again, w.counter)
	}
	w.counter = next
	w.open[i] = noRound
	return normal(w)
}

// normal sorts the attempts in progress, so that equal states are equal values.
func normal(w world) world {
	o := &w.open
	for range o {
		for i := range len(o) - 1 {
			if o[i] > o[i+1] {
				o[i], o[i+1] = o[i+1], o[i]
			}
		}
	}
	return w
}
