package jwtauth

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// decideCase is a row of the table in which DESIGN §5 states the decision: generations g of the session and p of the
// token, times a of arrival and r of the rotation, the window w; times in milliseconds.
type decideCase struct {
	name string
	step step
	is   func(g, p, a, r, w int64) bool
}

var decideCases = []decideCase{
	{"in force, never rotated", stepRotate, func(g, p, _, _, _ int64) bool { return p == g && g == 1 }},
	{"in force, no window", stepRotate, func(g, p, _, _, w int64) bool { return p == g && g != 1 && w == 0 }},
	{"in force, long after the rotation", stepRotate, func(g, p, a, r, w int64) bool { return p == g && g != 1 && w != 0 && a-r >= w+30_000 }},
	{"in force, before the rotation by more than skew", stepRotate, func(g, p, a, r, w int64) bool { return p == g && g != 1 && w != 0 && a-r < -10_000 }},
	{"in force, shortly after the rotation", stepCoalesce, func(g, p, a, r, w int64) bool {
		return p == g && g != 1 && w != 0 && a-r >= -10_000 && a-r < w+30_000
	}},
	{"one before, in the window", stepRecover, func(g, p, a, r, w int64) bool { return p+1 == g && w != 0 && a-r < w+10_000 }},
	{"one before, after the window", stepReuse, func(g, p, a, r, w int64) bool { return p+1 == g && w != 0 && a-r >= w+10_000 }},
	{"one before, no window", stepReuse, func(g, p, _, _, w int64) bool { return p+1 == g && w == 0 }},
	{"older", stepReuse, func(g, p, _, _, _ int64) bool { return p+1 < g }},
	{"newer than the store knows", stepAdopt, func(g, p, _, _, _ int64) bool { return p > g }},
}

func TestDecide(t *testing.T) {
	const r = int64(1_900_000_000_000)
	rotated := time.UnixMilli(r)
	met := map[string]int{}
	for _, w := range []int64{0, 1, 30_000, 300_000} {
		window := time.Duration(w) * time.Millisecond
		arrivals := []int64{r - 86_400_000, r + 86_400_000}
		for _, border := range []int64{r, r - 10_000, r + w, r + w + 10_000, r + w + 30_000} {
			arrivals = append(arrivals, border-1, border, border+1)
		}
		for g := range int64(6) {
			for p := int64(1); p <= 6; p++ {
				for _, a := range arrivals {
					got := decide(g, rotated, p, time.UnixMilli(a), window)
					rows := 0
					for _, c := range decideCases {
						if !c.is(g, p, a, r, w) {
							continue
						}
						rows++
						met[c.name]++
						if got != c.step {
							t.Errorf("%s: generation %d, presented %d, %d ms after the rotation, window %v: step %d, want %d", c.name, g, p, a-r, window, got, c.step)
						}
					}
					if rows != 1 {
						t.Fatalf("the table has %d rows for generation %d, presented %d, %d ms after the rotation, window %v", rows, g, p, a-r, window)
					}
				}
			}
		}
	}
	for _, c := range decideCases {
		if met[c.name] == 0 {
			t.Errorf("%s: never met", c.name)
		}
	}
}

// The greatest generations there are overflow nothing.
func TestDecideGreatest(t *testing.T) {
	now := time.UnixMilli(1_900_000_000_000)
	for _, c := range []struct {
		current, presented int64
		want               step
	}{
		{maxGeneration, maxGeneration, stepCoalesce},
		{maxGeneration, maxGeneration - 1, stepRecover},
		{maxGeneration, 1, stepReuse},
		{1, maxGeneration, stepAdopt},
	} {
		if got := decide(c.current, now, c.presented, now, maxReuseWindow); got != c.want {
			t.Errorf("generation %d, presented %d: step %d, want %d", c.current, c.presented, got, c.want)
		}
	}
}

// Each step that answers has an event of its own.
func TestStepEvents(t *testing.T) {
	kinds := map[EventKind]bool{}
	for _, step := range []step{stepRotate, stepCoalesce, stepRecover, stepAdopt} {
		kinds[stepEvents[step]] = true
	}
	if len(kinds) != 4 || kinds[""] || len(stepEvents) != 4 {
		t.Errorf("events %v", stepEvents)
	}
}

// decision is an answer of decide, and what it was asked.
type decision struct {
	step               step
	current, presented int64
	since              time.Duration // from the rotation to the arrival
	window             time.Duration
}

// removals each change what decide answers as if one of its rules were not there, and nothing else.
var removals = map[string]func(d decision) step{
	"the token in force is coalesced": func(d decision) step {
		if d.step == stepCoalesce {
			return stepRotate
		}
		return d.step
	},
	"coalescing outlasts recovery": func(d decision) step {
		if d.step == stepCoalesce && d.since >= d.window+clockSkew {
			return stepRotate
		}
		return d.step
	},
	"coalescing ends": func(d decision) step {
		if d.presented == d.current && d.current > 1 && d.since >= 0 {
			return stepCoalesce
		}
		return d.step
	},
	"what was never rotated rotates at once": func(d decision) step {
		if d.presented == 1 && d.current == 1 && d.since < d.window {
			return stepCoalesce
		}
		return d.step
	},
	"a rotation in the future does not count": func(d decision) step {
		if d.presented == d.current && d.current > 1 && d.since < 0 {
			return stepCoalesce
		}
		return d.step
	},
	"the token before is recovered": func(d decision) step {
		if d.step == stepRecover {
			return stepReuse
		}
		return d.step
	},
	"recovery forgives differences of clocks": func(d decision) step {
		if d.step == stepRecover && d.since >= d.window {
			return stepReuse
		}
		return d.step
	},
	"recovery ends": func(d decision) step {
		if d.presented == d.current-1 {
			return stepRecover
		}
		return d.step
	},
	"older tokens are reuse": func(d decision) step {
		if d.presented < d.current-1 && d.since < d.window {
			return stepRecover
		}
		return d.step
	},
	"what the store has lost is adopted": func(d decision) step {
		if d.step == stepAdopt {
			return stepReuse
		}
		return d.step
	},
}

// RemoveRule has an issuer decide without one of the rules.
func (i *Issuer) RemoveRule(name string) {
	if name == outageRule {
		i.outage.window = -1 << 62 // no rotation is near one
		return
	}
	removed := removals[name]
	i.decision = func(current int64, rotated time.Time, presented int64, arrived time.Time, window time.Duration) step {
		return removed(decision{decide(current, rotated, presented, arrived, window), current, presented, arrived.Sub(rotated), window})
	}
}

// DecisionRules names what RemoveRule takes.
func DecisionRules() []string { return append(slices.Sorted(maps.Keys(removals)), outageRule) }

const outageRule = "an instance remembers an outage"
