package attempts_test

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

// plays finds the best result of an attacker among all sequences of attempts
// through two instances, of which the second one has a clock that is ahead.
type plays struct {
	ahead int64
	until int64 // the last moment, by the slow clock
	best  map[play]int64
	wait  [2]int64 // the longest pause that an instance has reported
}

type play struct {
	counter attempts.Counter
	now     int64
}

// guesses returns the largest number of attempts from a state on.
func (p *plays) guesses(s play) (best int64) {
	if n, ok := p.best[s]; ok {
		return n
	}
	if s.now < p.until {
		best = p.guesses(play{s.counter, s.now + 1})
	}
	for i, now := range [2]int64{s.now, s.now + p.ahead} {
		next, _, wait := small.Reserve(s.counter, now)
		p.wait[i] = max(p.wait[i], wait)
		if wait == 0 {
			best = max(best, 1+p.guesses(play{next, s.now}))
		}
	}
	p.best[s] = best
	return best
}

func guesses(ahead, lasting int64) (n int64, wait [2]int64) {
	p := &plays{ahead: ahead, until: 1000 + lasting, best: make(map[play]int64)}
	n = p.guesses(play{now: 1000})
	return n, p.wait
}

// Two clocks that differ by at most the longest pause allow as many attempts as
// one clock allows in a time that is longer by the difference. Only at the
// instance with the slow clock is a pause longer, by the difference.
func TestClocksDiffer(t *testing.T) {
	for lasting := range int64(25) {
		for ahead := range small.Longest + 1 {
			got, wait := guesses(ahead, lasting)
			if want, _ := guesses(0, lasting+ahead); got > want {
				t.Errorf("for %d with a difference of %d: %d attempts, want at most %d", lasting, ahead, got, want)
			}
			if wait[0] > small.Longest+ahead || wait[1] > small.Longest {
				t.Errorf("for %d with a difference of %d: pauses of %d and %d", lasting, ahead, wait[0], wait[1])
			}
		}
	}
}
