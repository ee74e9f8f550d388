// Package stepup decides whether a login is recent and strong enough for a
// route, and names the login that is needed (RFC 9470).
package stepup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
)

// Rule is a demand on a login.
type Rule struct {
	MaxAge time.Duration // at least one second
	ACR    []string      // the login must be of one of these kinds; any if empty
}

// Login describes the login that a token reports.
type Login struct {
	Time time.Time // "auth_time"; zero if it is missing
	ACR  string    // "acr"; empty if it is missing
}

// Refusal returns the reason why a login does not satisfy the rule, or "". A
// login in the future satisfies it within the leeway.
func (r Rule) Refusal(login Login, now time.Time, leeway time.Duration) string {
	age := now.Sub(login.Time)
	switch {
	case len(r.ACR) > 0 && login.ACR == "":
		return "the token has no acr"
	case len(r.ACR) > 0 && !slices.Contains(r.ACR, login.ACR):
		return fmt.Sprintf("acr is not one of %q", r.ACR)
	case login.Time.IsZero():
		return "the token has no auth_time"
	case age > r.MaxAge:
		return fmt.Sprintf("auth_time is more than %v ago", r.MaxAge)
	case age < -leeway:
		return "auth_time is in the future"
	}
	return ""
}

// Parameters returns the parameters of the challenge, which say which login
// satisfies the rule (RFC 9470, section 3).
func (r Rule) Parameters() string {
	maxAge := challenge.Parameter("max_age", strconv.FormatInt(int64(r.MaxAge/time.Second), 10))
	if len(r.ACR) == 0 {
		return maxAge
	}
	return challenge.Parameter("acr_values", strings.Join(r.ACR, " ")) + ", " + maxAge
}
