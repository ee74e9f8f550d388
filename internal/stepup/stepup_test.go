package stepup_test

import (
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/stepup"
)

func TestRefusal(t *testing.T) {
	const leeway = 10 * time.Second
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	recent := stepup.Rule{MaxAge: time.Minute}
	passkey := stepup.Rule{MaxAge: time.Minute, ACR: []string{"phr", "phrh"}}
	const (
		noACR    = "the token has no acr"
		otherACR = `acr is not one of ["phr" "phrh"]`
		noTime   = "the token has no auth_time"
		stale    = "auth_time is more than 1m0s ago"
		future   = "auth_time is in the future"
	)
	for _, c := range []struct {
		name string
		rule stepup.Rule
		age  time.Duration
		acr  string
		want string
	}{
		{"now", recent, 0, "", ""},
		{"oldest", recent, time.Minute, "", ""},
		{"older", recent, time.Minute + 1, "", stale},
		{"in the leeway", recent, -leeway, "", ""},
		{"in the future", recent, -leeway - 1, "", future},
		{"any acr", recent, 0, "pwd", ""},
		{"right acr", passkey, 0, "phr", ""},
		{"other right acr", passkey, time.Minute, "phrh", ""},
		{"no acr", passkey, 0, "", noACR},
		{"wrong acr", passkey, 0, "pwd", otherACR},
		{"acr in another case", passkey, 0, "PHR", otherACR},
		{"two acr in one", passkey, 0, "phr phrh", otherACR},
		{"right acr, older", passkey, time.Minute + 1, "phr", stale},
		{"right acr, in the future", passkey, -leeway - 1, "phr", future},
		{"wrong acr, older", passkey, time.Hour, "pwd", otherACR},
	} {
		login := stepup.Login{Time: now.Add(-c.age), ACR: c.acr}
		if got := c.rule.Refusal(login, now, leeway); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := recent.Refusal(stepup.Login{}, now, leeway); got != noTime {
		t.Errorf("no time: %q", got)
	}
	if got := passkey.Refusal(stepup.Login{ACR: "phr"}, now, leeway); got != noTime {
		t.Errorf("acr without a time: %q", got)
	}
	// The zero time is missing, also for a rule that no age could break.
	forever := stepup.Rule{MaxAge: 1<<63 - 1}
	if got := forever.Refusal(stepup.Login{}, now, leeway); got != noTime {
		t.Errorf("no time, and any age is allowed: %q", got)
	}
}

func TestParameters(t *testing.T) {
	for want, rule := range map[string]stepup.Rule{
		`max_age="1"`:                          {MaxAge: time.Second},
		`max_age="90"`:                         {MaxAge: 90*time.Second + 999*time.Millisecond},
		`acr_values="phr phrh", max_age="300"`: {MaxAge: 5 * time.Minute, ACR: []string{"phr", "phrh"}},
	} {
		if got := rule.Parameters(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
