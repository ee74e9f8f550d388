// Package attempts decides how many attempts an account or a device has left.
// Its functions are pure: callers hold the state, and pass the time.
//
// Attempts are counted in rounds. A round begins with an attempt, and allows as
// many failures as the limit of the rule. It lasts for the window of the rule
// at first, and twice as long for each limit of failures in the debt, up to the
// longest pause.
//
// The debt makes rounds longer. Each failure adds to it, whether its round used
// up the limit or not, so an attacker who always stays one below the limit
// gains little. The debt shrinks while no round is active. An attempt that does
// not fail is refunded: a round without failures is not active, and does not
// delay that the debt shrinks.
package attempts

import "time"

// Counter is the state of an account or a device. All times are milliseconds.
// The zero Counter has no failures.
type Counter struct {
	Round int64 // when the current round began
	Used  int64 // attempts in the round that have failed or have no result yet
	Debt  int64
}

// Rule limits the failures that a Counter counts.
type Rule struct {
	Limit   int64 // failures in a round, at least 1
	Window  int64 // the length of the first round, at least 1
	Longest int64 // the length of the longest round, at least Window and Limit
}

// NewRule returns a rule with times in milliseconds.
func NewRule(limit int, window, longest time.Duration) Rule {
	return Rule{Limit: int64(limit), Window: window.Milliseconds(), Longest: longest.Milliseconds()}
}

// Cost is the debt of one failure, so a full round adds about Longest.
func (r Rule) Cost() int64 { return r.Longest / r.Limit }

// Reserve counts an attempt. It returns the new counter and how many more
// attempts the round allows. If the attempt is refused, Reserve returns the
// same counter, and how long the caller has to wait.
func (r Rule) Reserve(c Counter, now int64) (next Counter, left, wait int64) {
	if r.over(c, now) {
		c = r.begin(c, now)
	}
	if c.Used >= r.Limit {
		return c, 0, r.end(c) - now
	}
	c.Used++
	c.Debt += r.Cost()
	return c, r.Limit - c.Used, 0
}

// Refund takes back an attempt of the round that began at round. If another
// round has begun since, the attempt stays in the debt.
func (r Rule) Refund(c Counter, round int64) Counter {
	if c.Round == round && c.Used > 0 {
		c.Used--
		c.Debt = max(0, c.Debt-r.Cost())
	}
	return c
}

// over reports whether an attempt at this time begins a round. A round that
// begins far in the future was made by a wrong clock.
func (r Rule) over(c Counter, now int64) bool {
	return c.Used == 0 || now >= r.end(c) || c.Round > now+r.Longest
}

// begin returns the counter at the start of a round. The time since the end of
// the last round reduces the debt. The limit of the debt ends the growth of the
// rounds, so that it is paid off some time after an attack.
func (r Rule) begin(c Counter, now int64) Counter {
	idle := max(0, now-r.end(c))
	debt := min(max(0, c.Debt-idle), r.maxLevel()*r.level())
	return Counter{Round: now, Debt: debt}
}

// end returns when the round of a counter ends. If all its attempts were
// refunded, it has ended when it began.
func (r Rule) end(c Counter) int64 {
	if c.Used == 0 {
		return c.Round
	}
	return c.Round + r.length(c.Debt)
}

// length returns the length of a round with this debt. The debt is rounded to
// whole failures: an attacker who waits a moment longer than a pause does not
// avoid the next longer one.
func (r Rule) length(debt int64) int64 {
	length := r.Window
	for debt += r.Cost() / 2; debt >= r.level() && length < r.Longest; debt -= r.level() {
		length *= 2
	}
	return min(length, r.Longest)
}

// level is the debt of a full round.
func (r Rule) level() int64 { return r.Cost() * r.Limit }

// maxLevel is the number of full rounds that lead to the longest round.
func (r Rule) maxLevel() (n int64) {
	for length := r.Window; length < r.Longest; length *= 2 {
		n++
	}
	return n
}

// Calm returns the time from which a counter equals the zero Counter.
func (r Rule) Calm(c Counter) int64 {
	if c.Used == 0 && c.Debt == 0 {
		return 0
	}
	return r.end(c) + c.Debt
}
