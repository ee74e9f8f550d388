package rotation_test

import (
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// rotated is when the session of every test was rotated, in milliseconds.
const rotated = int64(1_900_000_000_000)

// tableRow is a row of the decision table: the generations g of the session and
// p of the token, the times a of arrival and r of the rotation, and the window
// w. Times are in milliseconds.
type tableRow struct {
	name string
	step rotation.Step
	is   func(g, p, a, r, w int64) bool
}

var decisionTable = []tableRow{
	{"current, never rotated", rotation.Rotate, func(g, p, _, _, _ int64) bool { return p == g && g == 1 }},
	{"current, no window", rotation.Rotate, func(g, p, _, _, w int64) bool { return p == g && g != 1 && w == 0 }},
	{"current, long after the rotation", rotation.Rotate, func(g, p, a, r, w int64) bool {
		return p == g && g != 1 && w != 0 && a-r >= w+30_000
	}},
	{"current, before the rotation by more than clock skew", rotation.Rotate, func(g, p, a, r, w int64) bool {
		return p == g && g != 1 && w != 0 && a-r < -10_000
	}},
	{"current, shortly after the rotation", rotation.Repeat, func(g, p, a, r, w int64) bool {
		return p == g && g != 1 && w != 0 && a-r >= -10_000 && a-r < w+30_000
	}},
	{"previous, within the window", rotation.Retry, func(g, p, a, r, w int64) bool { return p+1 == g && w != 0 && a-r < w+10_000 }},
	{"previous, after the window", rotation.Reuse, func(g, p, a, r, w int64) bool { return p+1 == g && w != 0 && a-r >= w+10_000 }},
	{"previous, no window", rotation.Reuse, func(g, p, _, _, w int64) bool { return p+1 == g && w == 0 }},
	{"older", rotation.Reuse, func(g, p, _, _, _ int64) bool { return p+1 < g }},
	{"newer than the row", rotation.Adopt, func(g, p, _, _, _ int64) bool { return p > g }},
}

// Every state and every arrival matches one row of the table, which gives the
// step. The second pass has the session expire before its absolute end, but
// later than the next refresh, which changes nothing.
func TestDecide(t *testing.T) {
	matched := map[string]int{}
	for _, idle := range []bool{false, true} {
		for _, w := range []int64{0, 1, 30_000, 300_000} {
			arrivals := []int64{rotated - 86_400_000, rotated + 86_400_000}
			for _, border := range []int64{rotated, rotated - 10_000, rotated + w, rotated + w + 10_000, rotated + w + 30_000} {
				arrivals = append(arrivals, border-1, border, border+1)
			}
			for g := range int64(6) {
				for p := int64(1); p <= 6; p++ {
					for _, a := range arrivals {
						rules := rotation.Rules{Window: milliseconds(w), AccessTTL: time.Hour}
						row, token := rotatedRow(g), arrivingAt(p, a)
						if idle {
							row.EndsAt = row.ExpiresAt.Add(time.Hour)
						}
						got := rules.Decide(row, token, rotation.Outage{}, token.ArrivedAt)
						rows := 0
						for _, c := range decisionTable {
							if !c.is(g, p, a, rotated, w) {
								continue
							}
							rows++
							matched[c.name]++
							if got != c.step {
								t.Errorf("%s: generation %d, presented %d, %d ms after the rotation, window %d ms: %v, want %v", c.name, g, p, a-rotated, w, got, c.step)
							}
						}
						if rows != 1 {
							t.Fatalf("%d rows match generation %d, presented %d, %d ms after the rotation, window %d ms", rows, g, p, a-rotated, w)
						}
					}
				}
			}
		}
	}
	for _, c := range decisionTable {
		if matched[c.name] == 0 {
			t.Errorf("%s: never matched", c.name)
		}
	}
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// rotatedRow returns the row of a session that ends in a year.
func rotatedRow(generation int64) rotation.Row {
	at := time.UnixMilli(rotated)
	end := at.Add(365 * 24 * time.Hour)
	return rotation.Row{Generation: generation, RotatedAt: at, ExpiresAt: end, EndsAt: end}
}

// arrivingAt returns a token that expires a month after the rotation.
func arrivingAt(generation, at int64) rotation.Token {
	return rotation.Token{
		Generation: generation,
		ExpiresAt:  time.UnixMilli(rotated).Add(30 * 24 * time.Hour),
		ArrivedAt:  time.UnixMilli(at),
	}
}

// The greatest generations do not overflow.
func TestDecideGreatest(t *testing.T) {
	const greatest = 1<<53 - 1
	for _, c := range []struct {
		current, presented int64
		want               rotation.Step
	}{
		{greatest, greatest, rotation.Repeat},
		{greatest, greatest - 1, rotation.Retry},
		{greatest, 1, rotation.Reuse},
		{1, greatest, rotation.Adopt},
	} {
		rules := rotation.Rules{Window: 5 * time.Minute}
		token := arrivingAt(c.presented, rotated)
		if got := rules.Decide(rotatedRow(c.current), token, rotation.Outage{}, token.ArrivedAt); got != c.want {
			t.Errorf("generation %d, presented %d: %v, want %v", c.current, c.presented, got, c.want)
		}
	}
}

// A token is refused once the window after its own expiry is over, whatever the
// generations are. The window counts from the end of an outage at that time.
func TestDecideExpired(t *testing.T) {
	expiry := time.UnixMilli(rotated).Add(30 * 24 * time.Hour)
	end := expiry.Add(4 * time.Minute)
	seen := after(failure(expiry.Add(-time.Second), expiry), success(end))
	for _, c := range []struct {
		name   string
		window time.Duration
		outage rotation.Outage
		limit  time.Time
	}{
		{"window", window, rotation.Outage{}, expiry.Add(window + 10*time.Second)},
		{"no window", 0, rotation.Outage{}, expiry.Add(10 * time.Second)},
		{"outage", window, seen, end.Add(window + 10*time.Second)},
	} {
		for g := int64(1); g <= 4; g++ {
			for p := int64(1); p <= 4; p++ {
				for _, late := range []time.Duration{-1, 0, 1, 24 * time.Hour} {
					at := c.limit.Add(late)
					token := rotation.Token{Generation: p, ExpiresAt: expiry, ArrivedAt: at}
					got := rotation.Rules{Window: c.window}.Decide(rotatedRow(g), token, c.outage, at)
					if (got == rotation.Expired) != (late >= 0) {
						t.Errorf("%s: generation %d, presented %d, %v after the limit: %v", c.name, g, p, late, got)
					}
				}
			}
		}
	}
}

// After an outage, the current token is repeated for longer, unless the session
// would end before its client refreshes again.
func TestDecideAfterOutage(t *testing.T) {
	const (
		accessTTL = 10 * time.Minute
		needed    = accessTTL + window + 30*time.Second // by a client that refreshes again
	)
	start := time.UnixMilli(rotated)
	end := start.Add(4 * time.Minute) // of the outage
	seen := after(failure(start, start.Add(2*time.Minute)), success(end))
	for _, c := range []struct {
		name      string
		presented int64
		arrived   time.Duration // after the end of the outage
		decided   time.Duration // after the arrival
		left      time.Duration // from the arrival to the row's expiry
		absolute  bool          // the row expires at its absolute end
		want      rotation.Step
	}{
		{"current", 2, 0, 0, time.Hour, false, rotation.Repeat},
		{"current, at the end of the grace period", 2, window + 30*time.Second - 1, 0, time.Hour, false, rotation.Repeat},
		{"current, after the grace period", 2, window + 30*time.Second, 0, time.Hour, false, rotation.Rotate},
		{"current, enough time left", 2, 0, 0, needed, false, rotation.Repeat},
		{"current, too little time left", 2, 0, 0, needed - 1, false, rotation.Rotate},
		{"current, too little time left before the absolute end", 2, 0, 0, needed - 1, true, rotation.Repeat},
		{"current, the end is 10 s ahead", 2, -10 * time.Second, 0, time.Hour, false, rotation.Repeat},
		{"current, the end is further ahead", 2, -10*time.Second - 1, 0, time.Hour, false, rotation.Rotate},
		{"current, arrived 10 s before the end", 2, -10 * time.Second, time.Minute, time.Hour, false, rotation.Repeat},
		{"current, arrived earlier", 2, -10*time.Second - 1, time.Minute, time.Hour, false, rotation.Rotate},
		{"previous", 1, 0, 0, time.Hour, false, rotation.Retry},
		{"previous, at the end of the window", 1, window + 10*time.Second - 1, 0, time.Hour, false, rotation.Retry},
		{"previous, after the window", 1, window + 10*time.Second, 0, time.Hour, false, rotation.Reuse},
		{"previous, little time left", 1, 0, 0, needed - 1, false, rotation.Retry},
		{"previous, the end is 10 s ahead", 1, -10 * time.Second, 0, time.Hour, false, rotation.Retry},
		{"previous, the end is further ahead", 1, -10*time.Second - 1, 0, time.Hour, false, rotation.Reuse},
		{"previous, arrived before the end", 1, -time.Minute, 2 * time.Minute, time.Hour, false, rotation.Retry},
		{"newer", 3, 0, 0, needed - 1, false, rotation.Adopt},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := end.Add(c.arrived)
			row := rotation.Row{Generation: 2, RotatedAt: start, ExpiresAt: at.Add(c.left), EndsAt: at.Add(100 * time.Hour)}
			if c.absolute {
				row.EndsAt = row.ExpiresAt
			}
			token := rotation.Token{Generation: c.presented, ExpiresAt: at.Add(time.Hour), ArrivedAt: at}
			rules := rotation.Rules{Window: window, AccessTTL: accessTTL}
			if got := rules.Decide(row, token, seen, at.Add(c.decided)); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestStepString(t *testing.T) {
	for step, want := range map[rotation.Step]string{
		0: "invalid step", rotation.Rotate: "rotate", rotation.Repeat: "repeat", rotation.Retry: "retry",
		rotation.Adopt: "adopt", rotation.Reuse: "reuse", rotation.Expired: "expired", 7: "invalid step",
	} {
		if step.String() != want {
			t.Errorf("step %d is %q, want %q", uint8(step), step, want)
		}
	}
}
