package fairqueue

import "time"

// An account may use the lane of recognized devices three times at once, and
// then once every 10 seconds. Without this limit, a few accounts of an attacker
// would get most of the slots.
const (
	accountBurst    = 3
	accountInterval = 10 * time.Second
)

// minSweep is the number of accounts below which a budget is not swept.
const minSweep = 64

// budget counts how often accounts have used the lane. It stores the accounts
// that have used it in the last 30 seconds.
type budget struct {
	// usedUntil holds the time at which an account has all its uses again.
	usedUntil map[key]time.Time

	sweepAt int // number of accounts at which those with all uses are removed
}

// allows reports whether an account may use the lane.
func (b *budget) allows(account key, now time.Time) bool {
	return b.usedUntil[account].Sub(now) <= (accountBurst-1)*accountInterval
}

// use counts a use of the lane.
func (b *budget) use(account key, now time.Time) {
	if b.usedUntil == nil {
		b.usedUntil = make(map[key]time.Time)
	}
	if len(b.usedUntil) >= b.sweepAt {
		for k, until := range b.usedUntil {
			if !until.After(now) {
				delete(b.usedUntil, k)
			}
		}
		b.sweepAt = max(2*len(b.usedUntil), minSweep)
	}
	until := b.usedUntil[account]
	if until.Before(now) {
		until = now
	}
	b.usedUntil[account] = until.Add(accountInterval)
}
