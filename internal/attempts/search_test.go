package attempts_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

var searches = flag.Int("searches", 20, "how often TestSearchedStrategies searches a strategy")

// strategy is one of an attacker who guesses at an account. Its rounds repeat.
type strategy [16]struct {
	guesses int   // in the round
	later   int64 // how long after the first guess of the round the others follow
	rest    int64 // how long the attacker waits after the round
}

// change changes one round of a strategy.
func (s *strategy) change(rng *rand.Rand) {
	round := &s[rng.IntN(len(s))]
	switch rng.IntN(3) {
	case 0:
		round.guesses = 1 + rng.IntN(10)
	case 1:
		round.later = rng.Int64N(15 * minute)
	case 2:
		round.rest = max(0, rng.Int64N(12*hour)-6*hour)
	}
}

// inADay returns the most guesses in any 24 hours of four days.
func (s *strategy) inADay() (most int) {
	var c attempts.Counter
	var times []int64
	const start = 1_800_000_000_000
	for i, now := 0, int64(start); now < start+4*day; i++ {
		round := s[i%len(s)]
		for n := range round.guesses {
			if n == 1 {
				now += round.later
			}
			next, _, wait := rule.Reserve(c, now)
			if wait > 0 {
				break
			}
			c = next
			times = append(times, now)
		}
		full := c
		full.Used = rule.Limit
		_, _, rest := rule.Reserve(full, now)
		now += max(1, rest) + round.rest
	}
	first := 0
	for last, at := range times {
		for at-times[first] >= day {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// An attacker who knows the rules stays far below 200 guesses in a day. The
// test improves random strategies step by step.
//
// go test ./internal/attempts -run Searched -v -searches 2000 searches longer.
func TestSearchedStrategies(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	best := 0
	for range *searches {
		var s strategy
		for i := range s {
			s[i].guesses = 10
		}
		most := 0
		for range 3000 {
			next := s
			for range 1 + rng.IntN(3) {
				next.change(rng)
			}
			if n := next.inADay(); n >= most {
				s, most = next, n
			}
		}
		best = max(best, most)
	}
	t.Logf("at most %d guesses in 24 hours", best)
	if best < 60 || best > 100 {
		t.Errorf("%d guesses, want 60 to 100", best)
	}
}
