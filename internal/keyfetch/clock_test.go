package keyfetch

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLeadObserve(t *testing.T) {
	const half = 30 * time.Minute
	var l lead
	for _, c := range []struct {
		name        string
		ahead, want time.Duration // lead of the wall clock, and the time that counts
	}{
		{"clocks that agree", 0, 0},
		{"less than a jump", time.Second - 1, 0},
		{"less than a jump, again", 2*time.Second - 2, 0},
		{"a jump", 3*time.Second - 2, time.Second},
		{"a suspension", time.Hour, time.Hour - 2*time.Second + 2},
		{"set back", half, time.Hour - 2*time.Second + 2},
		{"set forward again", time.Hour, time.Hour - 2*time.Second + 2},
		{"set back far", -24 * time.Hour, time.Hour - 2*time.Second + 2},
		{"set forward beyond", time.Hour + half, time.Hour + half - 2*time.Second + 2},
	} {
		l = l.observe(c.ahead)
		if l.counted != c.want {
			t.Errorf("%s: %v counted, want %v", c.name, l.counted, c.want)
		}
	}
}

// suspend makes the clock believe that the machine was suspended for d, or, if
// d is negative, that its wall clock was set back.
func (c *agingClock) suspend(d time.Duration) { c.wall = c.wall.Add(-d) }

func TestAgingClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c agingClock
		first := c.now()
		if !first.Equal(time.Now()) {
			t.Errorf("the first reading is %v, want %v", first, time.Now())
		}
		for _, step := range []struct{ sleep, suspend, want time.Duration }{
			{time.Minute, 0, time.Minute},
			{0, time.Hour, time.Hour + time.Minute},
			{time.Second, -2 * time.Hour, time.Hour + time.Minute + time.Second},
			{0, 2 * time.Hour, time.Hour + time.Minute + time.Second},
		} {
			time.Sleep(step.sleep)
			c.suspend(step.suspend)
			if got := c.now().Sub(first); got != step.want {
				t.Errorf("after %+v the clock has advanced by %v", step, got)
			}
		}
	})
}

// Differences below a jump do not add up.
func TestAgingClockDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c agingClock
		first := c.now()
		for range 1000 {
			c.suspend(minJump / 2)
			c.now()
		}
		if got := c.now().Sub(first); got != 0 {
			t.Errorf("the clock has advanced by %v", got)
		}
	})
}
