package rotation

import (
	"fmt"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

const (
	maxAccessTTL  = 366 * 24 * time.Hour
	defaultIdle   = 7 * 24 * time.Hour
	defaultTotal  = 30 * 24 * time.Hour
	maxTotal      = 10 * 366 * 24 * time.Hour
	defaultWindow = 30 * time.Second
	maxWindow     = 5 * time.Minute
)

// Lifetimes are the times that govern sessions, as IssuerOptions has them.
type Lifetimes struct {
	AccessTTL   time.Duration // of an access token
	IdleTTL     time.Duration // of a session without a refresh
	SessionTTL  time.Duration // of a session in total
	ReuseWindow time.Duration // for an old refresh token
}

// Complete fills in the defaults, and reports the values that are out of range
// to f. A ReuseWindow of 0 in the result means that there is no window.
func (l *Lifetimes) Complete(f *faults.Collector) {
	l.ReuseWindow = f.DurationOrNone("IssuerOptions.ReuseWindow", l.ReuseWindow, defaultWindow, maxWindow)
	if l.SessionTTL == 0 {
		l.SessionTTL = max(defaultTotal, l.IdleTTL)
	}
	if l.IdleTTL == 0 {
		l.IdleTTL = min(defaultIdle, l.SessionTTL)
	}
	// A session must last long enough for a client that refreshes when its
	// access token expires, and again after a lost response.
	least := l.AccessTTL + 2*(l.ReuseWindow+RepeatGrace)
	below := func(field string, d time.Duration) {
		f.Add("IssuerOptions."+field, "%v is below the minimum of %v: AccessTTL + 2·(ReuseWindow + %v)", d, least, RepeatGrace)
	}
	switch {
	case l.SessionTTL > maxTotal:
		f.Add("IssuerOptions.SessionTTL", "%v exceeds the maximum of %v", l.SessionTTL, maxTotal)
	case l.SessionTTL < least:
		below("SessionTTL", l.SessionTTL)
	}
	switch {
	case l.IdleTTL == l.SessionTTL: // reported for SessionTTL
	case l.IdleTTL < least:
		below("IdleTTL", l.IdleTTL)
	case l.IdleTTL > l.SessionTTL:
		f.Add("IssuerOptions.IdleTTL", "%v exceeds SessionTTL (%v)", l.IdleTTL, l.SessionTTL)
	}
}

// CheckAccessTTL returns an error if an access token cannot have this lifetime.
func CheckAccessTTL(ttl time.Duration) error {
	switch {
	case ttl <= 0:
		return fmt.Errorf("%v is not positive", ttl)
	case ttl%time.Second != 0:
		return fmt.Errorf("%v is not a whole number of seconds", ttl)
	case ttl > maxAccessTTL:
		return fmt.Errorf("%v exceeds the maximum of %v", ttl, maxAccessTTL)
	}
	return nil
}
