package keyfetch

import "time"

// agingClock returns the time by which keys age. It never goes back: it is the
// monotonic clock plus the time by which the wall clock has moved ahead of it.
// So keys age while the machine is suspended, which the monotonic clock does
// not count.
type agingClock struct {
	first time.Time // the monotonic clock at the first reading
	wall  time.Time // the wall clock at the first reading
	lead  lead
}

func (c *agingClock) now() time.Time {
	now := time.Now()
	wall := now.Round(0) // strips the monotonic reading
	if c.first.IsZero() {
		c.first, c.wall = now, wall
	}
	c.lead = c.lead.observe(wall.Sub(c.wall) - now.Sub(c.first))
	return now.Add(c.lead.counted)
}

// lead is how far the wall clock has moved ahead of the monotonic clock.
//
// A wall clock that is set back and then forward again adds no time. Otherwise
// a clock that steps to and fro would use up every cooldown and make every set
// stale. The price is that after a wall clock was set back, the next suspension
// counts less: only the part that takes the clock beyond its highest lead.
type lead struct {
	highest time.Duration // ever observed
	counted time.Duration // the part that counts as time
}

// minJump is the least step that counts as time. Two clocks that are read one
// after the other always differ by a little.
const minJump = time.Second

// observe returns l after the wall clock was seen ahead by a duration, or
// behind by a negative one.
func (l lead) observe(ahead time.Duration) lead {
	jump := ahead - l.highest
	if jump <= 0 {
		return l
	}
	l.highest = ahead
	if jump >= minJump {
		l.counted += jump
	}
	return l
}
