package jwtauthtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// RunSessionStore tests a session store against the contract of [jwtauth.SessionStore]: each rule is
// a subtest, which says what the rule is and what was found instead.
//
// factory is called once for each rule, with the t of the subtest, and closes with t.Cleanup what it
// opens. It may return the same store or another view of the same database each time, and one that holds other
// sessions: the suite uses new subjects and ids for each rule, and never ends a session that it has not created.
//
// The suite never sleeps. Its times lie around the machine's clock, and no session is expected
// back whose ExpiresAt that clock has passed, so a server may drop rows by a clock of its own, as Redis does.
// That such a server moves its own deadline when a session is swapped is for the store's tests to show.
//
// Ids have the form that jwtauth gives them, [jwtauth.SubjectTag] and "-" and more, and are at most 64
// bytes long, subjects at most 1 KiB, labels 128 bytes. All are UTF-8 without NUL; what follows the tag may be any
// character. Ids that no session has may be any bytes.
//
// A store under contention may answer [jwtauth.ErrUnavailable], a deadlock's victim for one. The rules that
// call a store concurrently then try again, up to 100 times; to the others it is a failure.
//
// Run it with the race detector on.
func RunSessionStore(t *testing.T, factory func(t *testing.T) jwtauth.SessionStore) {
	for _, rule := range storeRules {
		t.Run(rule.name, func(t *testing.T) {
			rule.check(&storeTest{
				T:     t,
				store: factory(t),
				rule:  rule.says,
				now:   time.Now().Truncate(time.Millisecond),
				nonce: strings.ToLower(rand.Text()[:10]),
			})
		})
	}
}

type storeRule struct {
	name  string
	says  string
	check func(*storeTest)
}

var storeRules = []storeRule{
	{"fields-round-trip", "Load and List return every field as Create stored it, times to the millisecond.", checkFields},
	{"labels-round-trip", "A label is kept byte for byte: up to 128 bytes of UTF-8, or none.", checkLabels},
	{"ids-are-opaque", "An id is kept and compared byte for byte.", checkIDs},
	{"subjects-are-opaque", "A subject is kept and compared byte for byte: List and DeleteSubject are about this one and no other.", checkSubjects},
	{"unknown-id", "Where no session has the id, whatever its bytes, Load's error wraps ErrSessionEnded, Swap has lost without an error, and Delete is no error.", checkUnknownID},
	{"repeated-create", "Create is no error where exactly this session is in place: clients of stores repeat commands by themselves.", checkRepeatedCreate},
	{"taken-id", "Create is an error where the id is taken, and leaves the session that has it alone.", checkTakenID},
	{"ends-at-ExpiresAt", "A session has ended once now, as the caller gives it, is not before ExpiresAt.", checkExpiry},
	{"no-clock", "A store owns no clock: what counts is the caller's now.", checkNoClock},
	{"swap-replaces-three-fields", "Swap replaces Generation, RotatedAt and ExpiresAt, and nothing else.", checkSwapFields},
	{"swap-from", "Swap wins only where the session's generation is from; otherwise it has lost, without an error, and changes nothing.", checkSwapFrom},
	{"swap-repeated", "Swap has also won where it finds exactly its Generation, RotatedAt and ExpiresAt in place and now is before that ExpiresAt, and only then.", checkSwapRepeated},
	{"swap-moves-ExpiresAt", "From a Swap on, the session ends at the new ExpiresAt, be it later or earlier.", checkSwapExpiry},
	{"swap-revives-nothing", "Swap of a session that has ended has lost, without an error, and brings nothing back.", checkSwapEnded},
	{"delete-ends-one", "Delete ends the session with this id and no other; it is no error where there is none.", checkDelete},
	{"delete-subject", "DeleteSubject ends all sessions of a subject that were created before the call, and none created later.", checkDeleteSubject},
	{"list", "List returns the sessions of this subject whose ExpiresAt is after now: all of them, and each once.", checkList},
	{"context", "With a context that is done, every method returns its error, or one that wraps ErrUnavailable, and does nothing.", checkContext},
	{"race-for-a-swap", "Of any number of callers that swap from one generation exactly one wins.", checkSwapRace},
	{"race-for-an-id", "Of any number of callers that create one id exactly one succeeds.", checkCreateRace},
	{"delete-against-swap", "Once Delete has returned, the session has ended for good, whatever Swap was under way.", checkDeleteAgainstSwap},
	{"delete-subject-against-swap", "Once DeleteSubject has returned, the sessions have ended for good, whatever Swap was under way.", checkDeleteSubjectAgainstSwap},
	{"delete-subject-against-create", "DeleteSubject ends what was created before the call, keeps what is created after it, and List agrees with Load about the rest.", checkDeleteSubjectAgainstCreate},
	{"concurrent-use", "A store is safe for concurrent use: every caller finds its own sessions as it left them.", checkConcurrentUse},
}

// storeTest is the run of one rule.
type storeTest struct {
	*testing.T
	store jwtauth.SessionStore
	rule  string
	now   time.Time // the machine's, whole milliseconds
	nonce string    // starts the subjects of this run
}

// broken fails the test: the store does not keep the rule.
func (t *storeTest) broken(format string, args ...any) {
	t.Helper()
	t.Errorf("broken rule: %s\nfound: %s", t.rule, fmt.Sprintf(format, args...))
}

// must ends the test where a call has failed that cannot.
func (t *storeTest) must(call string, err error) {
	t.Helper()
	if err != nil {
		t.broken("%s returned the error %q.", call, err)
		t.FailNow()
	}
}

func (t *storeTest) subject(name string) string { return t.nonce + name }

// session returns a new session, whose times all differ.
func (t *storeTest) session(subject string) jwtauth.Session {
	return jwtauth.Session{
		ID:         newID(subject, ""),
		Subject:    subject,
		Label:      "Firefox on Linux",
		Generation: 1,
		AuthTime:   t.now.Add(-3*time.Hour - 1*time.Millisecond),
		CreatedAt:  t.now.Add(-2*time.Hour - 20*time.Millisecond),
		RotatedAt:  t.now.Add(-1*time.Hour - 300*time.Millisecond),
		ExpiresAt:  t.now.Add(24*time.Hour + 44*time.Millisecond),
		EndsAt:     t.now.Add(240*time.Hour + 505*time.Millisecond),
	}
}

// newID returns an id as jwtauth makes them, with some more at its end.
func newID(subject, end string) string {
	return jwtauth.SubjectTag(subject) + "-" + rand.Text()[:26-min(len(end), 14)] + end
}

// rotated returns s as its next rotation leaves it, n milliseconds from t.now.
func (t *storeTest) rotated(s jwtauth.Session, n int) jwtauth.Session {
	s.Generation++
	s.RotatedAt = t.now.Add(time.Duration(n) * time.Millisecond)
	s.ExpiresAt = s.RotatedAt.Add(24 * time.Hour)
	return s
}

// created creates sessions of one subject.
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

func (t *storeTest) swap(from int64, next jwtauth.Session, now time.Time) bool {
	t.Helper()
	won, err := t.store.Swap(t.Context(), from, next, now)
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

// wantLive fails the test unless want is in the store, as it is.
func (t *storeTest) wantLive(when string, want jwtauth.Session, now time.Time) {
	t.Helper()
	got, err := t.store.Load(t.Context(), want.ID, now)
	if err != nil {
		t.broken("%s, Load of a session that stands, with id %q, returned the error %q.", when, want.ID, err)
	} else if diff := difference(got, want); diff != "" {
		t.broken("%s, Load returned a session with %s.", when, diff)
	}
}

// wantEnded fails the test unless there is no session with this id.
func (t *storeTest) wantEnded(when, id string, now time.Time) {
	t.Helper()
	switch got, err := t.store.Load(t.Context(), id, now); {
	case err == nil:
		t.broken("%s, Load of %q returned a session of generation %d that ends %s; its error should wrap ErrSessionEnded.", when, id, got.Generation, clock(got.ExpiresAt))
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

// listDifference says how got differs from want, "" where it does not.
func listDifference(got, want []jwtauth.Session) string {
	seen := make(map[string]bool, len(got))
	for _, s := range got {
		i := slices.IndexFunc(want, func(w jwtauth.Session) bool { return w.ID == s.ID })
		if i < 0 {
			return "returned " + describe(s) + ", which is not wanted there"
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

// difference names the fields of got that are not those of want, "" where all are.
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
	if got.Generation != want.Generation {
		list = append(list, fmt.Sprintf("Generation %d instead of %d", got.Generation, want.Generation))
	}
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

// short shows both ends of a long text: those of 1 KiB differ at the end.
func short(text string) string {
	if len(text) <= 80 {
		return text
	}
	return text[:40] + "…" + text[len(text)-20:]
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// again repeats a call that found the store unavailable for the moment.
func again(call func() error) error {
	var err error
	for range 100 {
		if err = call(); !errors.Is(err, jwtauth.ErrUnavailable) {
			break
		}
	}
	return err
}

// patient is a store whose concurrent callers try again where it is unavailable for the moment.
type patient struct{ jwtauth.SessionStore }

func (p patient) Create(ctx context.Context, s jwtauth.Session) error {
	tries := 0
	return again(func() error {
		tries++
		err := p.SessionStore.Create(ctx, s)
		if err != nil && tries > 1 && !errors.Is(err, jwtauth.ErrUnavailable) {
			// Whether the try before has created it is not known, only to be found out.
			if got, loadErr := p.SessionStore.Load(ctx, s.ID, s.CreatedAt); loadErr == nil && difference(got, s) == "" {
				return nil
			}
		}
		return err
	})
}

func (p patient) Load(ctx context.Context, id string, now time.Time) (s jwtauth.Session, err error) {
	err = again(func() error { s, err = p.SessionStore.Load(ctx, id, now); return err })
	return s, err
}

func (p patient) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (won bool, err error) {
	err = again(func() error { won, err = p.SessionStore.Swap(ctx, from, next, now); return err })
	return won, err
}

func (p patient) Delete(ctx context.Context, id string) error {
	return again(func() error { return p.SessionStore.Delete(ctx, id) })
}

func (p patient) DeleteSubject(ctx context.Context, subject string) error {
	return again(func() error { return p.SessionStore.DeleteSubject(ctx, subject) })
}

func (p patient) List(ctx context.Context, subject string, now time.Time) (list []jwtauth.Session, err error) {
	err = again(func() error { list, err = p.SessionStore.List(ctx, subject, now); return err })
	return list, err
}
