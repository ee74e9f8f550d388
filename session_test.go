package jwtauth_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

func TestSubjectTag(t *testing.T) {
	// Sessions that are stored carry these: they must never change.
	for subject, want := range map[string]string{"user-1": "OLZXU6RG", "": "VJNLPV2T"} {
		if got := jwtauth.SubjectTag(subject); got != want {
			t.Errorf("SubjectTag(%q) = %q, want %q", subject, got, want)
		}
	}
	form := regexp.MustCompile(`^[A-Z2-7]{8}$`)
	seen := map[string]bool{}
	for _, subject := range []string{"a", "b", "A", "a ", "\xff", "é", "user-10", "user-11"} {
		tag := jwtauth.SubjectTag(subject)
		if !form.MatchString(tag) || seen[tag] {
			t.Errorf("SubjectTag(%q) = %q", subject, tag)
		}
		seen[tag] = true
	}
}

func TestSessionOptions(t *testing.T) {
	const day = 24 * time.Hour
	type opts = jwtauth.IssuerOptions
	store := memstore.New()
	for _, c := range []struct {
		name       string
		opts       opts
		idle, life time.Duration // what is then in force
		want       []string
	}{
		{"defaults", opts{}, 7 * day, 30 * day, nil},
		{"IdleTTL beyond the default of SessionTTL", opts{IdleTTL: 90 * day}, 90 * day, 90 * day, nil},
		{"SessionTTL below the default of IdleTTL", opts{SessionTTL: day}, day, day, nil},
		{"both", opts{IdleTTL: time.Hour, SessionTTL: day}, time.Hour, day, nil},
		{"the longest", opts{SessionTTL: 10 * 366 * day}, 7 * day, 10 * 366 * day, nil},
		{"longer", opts{SessionTTL: 10*366*day + 1}, 0, 0, []string{"IssuerOptions.SessionTTL: 87840h0m0.000000001s exceeds the maximum of 87840h0m0s"}},
		{"IdleTTL beyond SessionTTL", opts{IdleTTL: 2 * day, SessionTTL: day}, 0, 0, []string{"IssuerOptions.IdleTTL: 48h0m0s exceeds SessionTTL (24h0m0s)"}},
		{"the shortest IdleTTL", opts{IdleTTL: 17 * time.Minute}, 17 * time.Minute, 30 * day, nil},
		{"shorter", opts{IdleTTL: 17*time.Minute - 1}, 0, 0, []string{"IssuerOptions.IdleTTL: 16m59.999999999s is below the minimum of 17m0s: AccessTTL + 2·(ReuseWindow + 30s)"}},
		{"the shortest by SessionTTL", opts{SessionTTL: 16 * time.Minute}, 0, 0, []string{"IssuerOptions.SessionTTL: 16m0s is below the minimum of 17m0s"}},
		{"the shortest with long access tokens", opts{AccessTTL: 8 * day}, 0, 0, []string{"IssuerOptions.IdleTTL: 168h0m0s is below"}},
		{"the shortest without a window", opts{ReuseWindow: -1, IdleTTL: 16 * time.Minute}, 16 * time.Minute, 30 * day, nil},
		{"the shortest with the longest window", opts{ReuseWindow: 5 * time.Minute, IdleTTL: 26 * time.Minute}, 26 * time.Minute, 30 * day, nil},
		{"shorter with the longest window", opts{ReuseWindow: 5 * time.Minute, IdleTTL: 26*time.Minute - 1}, 0, 0, []string{"IssuerOptions.IdleTTL: "}},
		{"negative IdleTTL", opts{IdleTTL: -1}, 0, 0, []string{"IssuerOptions.IdleTTL: -1ns is below"}},
		{"negative SessionTTL", opts{SessionTTL: -1}, 0, 0, []string{"IssuerOptions.SessionTTL: -1ns is below"}},
		{"negative SessionTTL, with IdleTTL", opts{IdleTTL: time.Hour, SessionTTL: -1}, 0, 0, []string{"IssuerOptions.SessionTTL: -1ns is below", "IssuerOptions.IdleTTL: 1h0m0s exceeds SessionTTL (-1ns)"}},
		{"longer window", opts{ReuseWindow: 5*time.Minute + 1}, 0, 0, []string{"IssuerOptions.ReuseWindow: 5m0.000000001s exceeds the maximum of 5m0s"}},
		{"all at once", opts{AccessTTL: -1, ReuseWindow: time.Hour, SessionTTL: 1e6 * time.Hour, IdleTTL: 2e6 * time.Hour, RefreshKeys: []jwtauth.Key{{}}}, 0, 0, []string{
			"IssuerOptions.AccessTTL: ", "IssuerOptions.ReuseWindow: ", "IssuerOptions.SessionTTL: ", "IssuerOptions.IdleTTL: ", "IssuerOptions.RefreshKeys[0]: ",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.Sessions = store
			c.opts.Now = func() time.Time { return time.Unix(now, 0) }
			issuer, err := jwtauth.NewIssuer(generate(t, jwtauth.HS256), c.opts)
			checkFaults(t, err, c.want)
			if err != nil || len(c.want) > 0 {
				return
			}
			loginTo(t, issuer)
			list, err := issuer.Sessions(t.Context(), "user-1")
			if err != nil || len(list) != 1 {
				t.Fatalf("%d sessions, %v", len(list), err)
			}
			if idle, life := list[0].ExpiresAt.Sub(list[0].CreatedAt), list[0].EndsAt.Sub(list[0].CreatedAt); idle != c.idle || life != c.life {
				t.Errorf("a session lives %v idling, %v at most; want %v, %v", idle, life, c.idle, c.life)
			}
			if err := issuer.LogoutAll(t.Context(), "user-1"); err != nil {
				t.Error(err)
			}
		})
	}

	// A nil pointer is a mistake, not a store.
	_, err := jwtauth.NewIssuer(generate(t, jwtauth.HS256), opts{Sessions: (*memstore.Store)(nil)})
	checkFaults(t, err, []string{"IssuerOptions.Sessions: is a nil *memstore.Store"})
	verifierOpts := options()
	verifierOpts.Sessions = (*memstore.Store)(nil)
	_, err = jwtauth.NewVerifier(staticKeys(t, generate(t, jwtauth.ES256)), verifierOpts)
	checkFaults(t, err, []string{"VerifierOptions.Sessions: is a nil *memstore.Store"})

	// Without Sessions, what is for sessions is a mistake.
	_, err = jwtauth.NewIssuer(generate(t, jwtauth.HS256), opts{IdleTTL: 1, SessionTTL: 1, ReuseWindow: -1, RefreshKeys: []jwtauth.Key{{}}})
	checkFaults(t, err, []string{
		"IssuerOptions.IdleTTL: needs Sessions, which is not set", "IssuerOptions.SessionTTL: needs Sessions, which is not set",
		"IssuerOptions.ReuseWindow: needs Sessions, which is not set", "IssuerOptions.RefreshKeys: needs Sessions, which is not set",
	})
}
