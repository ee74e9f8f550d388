package jwtauthtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// storeTest is the test of one rule.
type storeTest struct {
	*testing.T
	store jwtauth.SessionStore
	rule  storeRule
	now   time.Time // the machine's time in whole milliseconds
	nonce string    // the start of all subjects in this test
}

// broken fails the test, because the store breaks the rule.
func (t *storeTest) broken(format string, args ...any) {
	t.Helper()
	t.Errorf("broken rule: %s\nreason: %s\nfound: %s", t.rule.rule, t.rule.reason, fmt.Sprintf(format, args...))
}

// must ends the test if a call has failed.
func (t *storeTest) must(call string, err error) {
	t.Helper()
	if err != nil {
		t.broken("%s returned the error %q.", call, err)
		t.FailNow()
	}
}

func (t *storeTest) subject(name string) string { return t.nonce + name }

// session returns a new session. All its times differ.
func (t *storeTest) session(subject string) jwtauth.Session {
	return jwtauth.Session{
		ID:         newID(subject, ""),
		Subject:    subject,
		Label:      "Firefox on Linux",
		Attributes: `{"acr":"pwd"}`,
		Revision:   1,
		Generation: 1,
		AuthTime:   t.now.Add(-3*time.Hour - 1*time.Millisecond),
		CreatedAt:  t.now.Add(-2*time.Hour - 20*time.Millisecond),
		RotatedAt:  t.now.Add(-1*time.Hour - 300*time.Millisecond),
		ExpiresAt:  t.now.Add(24*time.Hour + 44*time.Millisecond),
		EndsAt:     t.now.Add(240*time.Hour + 505*time.Millisecond),
	}
}

// newID returns a new ID in the form of an Issuer. It ends with end.
func newID(subject, end string) string {
	return jwtauth.SubjectTag(subject) + "-" + rand.Text()[:26-min(len(end), 14)] + end
}

// rotated returns s after its next rotation, n milliseconds after t.now.
func (t *storeTest) rotated(s jwtauth.Session, n int) jwtauth.Session {
	s.Revision++
	s.Generation++
	s.RotatedAt = t.now.Add(time.Duration(n) * time.Millisecond)
	s.ExpiresAt = s.RotatedAt.Add(24 * time.Hour)
	return s
}

// created creates n sessions of one subject.
func (t *storeTest) created(subject string, n int) []jwtauth.Session {
	t.Helper()
	list := make([]jwtauth.Session, n)
	for i := range list {
		list[i] = t.create(t.session(subject))
	}
	return list
}

func (t *storeTest) create(s jwtauth.Session) jwtauth.Session {
	t.Helper()
	t.must("Create of "+describe(s), t.store.Create(t.Context(), s))
	return s
}

func (t *storeTest) swap(old, next jwtauth.Session, now time.Time) bool {
	t.Helper()
	won, err := t.store.Swap(t.Context(), old, next, now)
	t.must("Swap", err)
	return won
}

func (t *storeTest) delete(id string) {
	t.Helper()
	t.must(fmt.Sprintf("Delete of %q", id), t.store.Delete(t.Context(), id))
}

func (t *storeTest) deleteSubject(subject string) {
	t.Helper()
	t.must(fmt.Sprintf("DeleteSubject of %q", short(subject)), t.store.DeleteSubject(t.Context(), subject))
}

// wantLive fails the test unless the store contains exactly want.
func (t *storeTest) wantLive(when string, want jwtauth.Session, now time.Time) {
	t.Helper()
	got, err := t.store.Load(t.Context(), want.ID, now)
	if err != nil {
		t.broken("%s, Load of the live session %q returned the error %q.", when, want.ID, err)
	} else if diff := difference(got, want); diff != "" {
		t.broken("%s, Load returned a session with %s.", when, diff)
	}
}

// wantEnded fails the test if the store has a live session with this ID.
func (t *storeTest) wantEnded(when, id string, now time.Time) {
	t.Helper()
	switch got, err := t.store.Load(t.Context(), id, now); {
	case err == nil:
		t.broken("%s, Load of %q returned a session of generation %d with ExpiresAt %s; want an error that wraps ErrSessionEnded.", when, id, got.Generation, clock(got.ExpiresAt))
	case !errors.Is(err, jwtauth.ErrSessionEnded):
		t.broken("%s, Load of %q returned the error %q, which does not wrap ErrSessionEnded.", when, id, err)
	}
}

// wantList fails the test unless List returns exactly want, in any order.
func (t *storeTest) wantList(when, subject string, want []jwtauth.Session, now time.Time) {
	t.Helper()
	got, err := t.store.List(t.Context(), subject, now)
	t.must(fmt.Sprintf("List of %q", short(subject)), err)
	if diff := listDifference(got, want); diff != "" {
		t.broken("%s, List of %q %s.", when, short(subject), diff)
	}
}

// listDifference describes how got differs from want, or returns "".
func listDifference(got, want []jwtauth.Session) string {
	seen := make(map[string]bool, len(got))
	for _, s := range got {
		i := slices.IndexFunc(want, func(w jwtauth.Session) bool { return w.ID == s.ID })
		if i < 0 {
			return "returned " + describe(s) + ", which it must not return"
		}
		if seen[s.ID] {
			return "returned " + describe(s) + " twice"
		}
		seen[s.ID] = true
		if diff := difference(s, want[i]); diff != "" {
			return "returned a session with " + diff
		}
	}
	for _, s := range want {
		if !seen[s.ID] {
			return fmt.Sprintf("returned %d sessions and not %s", len(got), describe(s))
		}
	}
	return ""
}

// difference describes the fields in which got differs from want, or returns
// "".
func difference(got, want jwtauth.Session) string {
	var list []string
	text := func(field, got, want string) {
		if got != want {
			list = append(list, fmt.Sprintf("%s %q instead of %q", field, short(got), short(want)))
		}
	}
	times := func(field string, got, want time.Time) {
		if !got.Equal(want) {
			list = append(list, fmt.Sprintf("%s %s instead of %s", field, clock(got), clock(want)))
		}
	}
	text("ID", got.ID, want.ID)
	text("Subject", got.Subject, want.Subject)
	text("Label", got.Label, want.Label)
	text("Attributes", got.Attributes, want.Attributes)
	number := func(field string, got, want int64) {
		if got != want {
			list = append(list, fmt.Sprintf("%s %d instead of %d", field, got, want))
		}
	}
	number("Revision", got.Revision, want.Revision)
	number("Generation", got.Generation, want.Generation)
	times("CreatedAt", got.CreatedAt, want.CreatedAt)
	times("AuthTime", got.AuthTime, want.AuthTime)
	times("RotatedAt", got.RotatedAt, want.RotatedAt)
	times("ExpiresAt", got.ExpiresAt, want.ExpiresAt)
	times("EndsAt", got.EndsAt, want.EndsAt)
	return strings.Join(list, ", ")
}

func describe(s jwtauth.Session) string {
	return fmt.Sprintf("session %q of %q", s.ID, short(s.Subject))
}

// short shortens a long text. It keeps both ends, because some subjects differ
// only at the end.
func short(text string) string {
	if len(text) <= 80 {
		return text
	}
	return text[:40] + "…" + text[len(text)-20:]
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
