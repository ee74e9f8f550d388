package attempts_test

import (
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

var rule = attempts.NewRule(10, 15*time.Minute, 24*time.Hour)

const (
	minute = int64(60_000)
	hour   = 60 * minute
	day    = 24 * hour
)

// attack makes attempts until they are refused, and returns their number and
// the pause.
func attack(c *attempts.Counter, now int64) (guesses, wait int64) {
	for {
		next, _, pause := rule.Reserve(*c, now)
		*c = next
		if pause > 0 {
			return guesses, pause
		}
		guesses++
	}
}

// The pauses grow up to the longest one, also if the attacker waits a moment
// longer.
func TestPauses(t *testing.T) {
	var c attempts.Counter
	now := int64(1_800_000_000_000)
	for i, want := range []int64{30 * minute, hour, 2 * hour, 4 * hour, 8 * hour, 16 * hour, day, day, day} {
		guesses, wait := attack(&c, now)
		if guesses != 10 || wait != want {
			t.Fatalf("round %d: %d guesses, then a pause of %v; want 10, %v", i, guesses, ms(wait), ms(want))
		}
		if _, left, wait := rule.Reserve(c, now+want-1); left != 0 || wait != 1 {
			t.Fatalf("round %d: 1 ms before its end: %d left, wait %d ms", i, left, wait)
		}
		now += want + minute
	}
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// No strategy makes 200 guesses in a day.
func TestGuessesInADay(t *testing.T) {
	for name, strategy := range map[string]struct {
		perRound int64 // guesses before the attacker waits for the next round
		every    int64 // the interval between the guesses
	}{
		"all at once":           {10, 0},
		"one below the limit":   {9, 0},
		"half of the limit":     {5, 0},
		"one at a time":         {1, 0},
		"every second":          {10, 1000},
		"every minute":          {10, minute},
		"every 91 s":            {10, 91_000},
		"every 15 min":          {10, 15 * minute},
		"nine, one each 90 s":   {9, 90_000},
		"one each quarter hour": {1, 15 * minute},
		"one each half hour":    {10, 30 * minute},
	} {
		var c attempts.Counter
		const start = 1_800_000_000_000
		guesses, inRound := int64(0), int64(0)
		for now := int64(start); now < start+day; now += max(1000, strategy.every) {
			before := c.Round
			next, _, wait := rule.Reserve(c, now)
			if next.Round != before {
				inRound = 0
			}
			if wait > 0 || inRound >= strategy.perRound {
				continue
			}
			c = next
			guesses++
			inRound++
		}
		t.Logf("%s: %d guesses", name, guesses)
		if guesses > 100 {
			t.Errorf("%s: %d guesses in a day", name, guesses)
		}
	}
}

// Ten failures in each quarter of an hour are too many, but a user who mistypes
// now and then is never paused.
func TestMistypes(t *testing.T) {
	var c attempts.Counter
	now := int64(1_800_000_000_000)
	try := func(times int) {
		t.Helper()
		for range times {
			next, _, wait := rule.Reserve(c, now)
			if wait > 0 {
				t.Fatalf("paused for %v", ms(wait))
			}
			c = next
		}
	}
	try(9)
	now += 15 * minute
	try(9)
	now += day
	for range 60 { // two months of nine mistakes each day
		try(9)
		now += day
	}
	if now += day; rule.Calm(c) > now {
		t.Errorf("%+v is not calm after a day", c)
	}
}

// Logins that succeed after an attack do not keep the pauses long.
func TestSuccessLeavesNoTrace(t *testing.T) {
	var c attempts.Counter
	now := int64(1_800_000_000_000)
	for range 7 {
		_, wait := attack(&c, now)
		now += wait
	}
	for range 40 { // 20 days
		now += 12 * hour
		next, _, wait := rule.Reserve(c, now)
		if wait > 0 {
			t.Fatalf("paused for %v", ms(wait))
		}
		c = rule.Refund(next, next.Round)
	}
	if guesses, wait := attack(&c, now); guesses != 10 || wait != 30*minute {
		t.Errorf("%d guesses, then a pause of %v; want 10, 30m", guesses, ms(wait))
	}
}

// A clock that was wrong pauses an account for no longer than the longest
// round.
func TestWrongClock(t *testing.T) {
	var c attempts.Counter
	const now = 1_800_000_000_000
	attack(&c, now+400*day)
	if _, left, wait := rule.Reserve(c, now); left != 9 || wait != 0 {
		t.Errorf("%d left, wait %v", left, ms(wait))
	}
	c = attempts.Counter{}
	attack(&c, now+hour)
	if _, _, wait := rule.Reserve(c, now); wait != 90*minute {
		t.Errorf("a clock that is an hour ahead: wait %v, want 1.5 h", ms(wait))
	}
}
