package jwtauthtest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
	"github.com/seed-0a072700/jwtauth/memstore"
)

func ExampleRunSessionStore() {
	// In a test file of the store's package:
	_ = func(t *testing.T) { // func TestStore(t *testing.T)
		jwtauthtest.RunSessionStore(t, func(t *testing.T) jwtauth.SessionStore {
			return memstore.New()
		})
	}
}

// mapStore is the plainest store that is right, and with a fault one that is wrong in one way.
type mapStore struct {
	fault string
	mu    sync.Mutex
	rows  map[string]jwtauth.Session
	index map[string][]string // the ids of a subject's sessions
}

func newMapStore(fault string) *mapStore {
	return &mapStore{fault: fault, rows: make(map[string]jwtauth.Session), index: make(map[string][]string)}
}

// faults say which rules a mapStore with each of them breaks.
var faults = []struct {
	fault string
	rules []string
}{
	{"truncates to seconds", []string{"fields-round-trip", "swap-replaces-three-fields"}},
	{"keeps generations as float32", []string{"fields-round-trip"}},
	{"trims labels", []string{"labels-round-trip"}},
	{"cuts labels after 64 bytes", []string{"labels-round-trip"}},
	{"folds the case of ids", []string{"ids-are-opaque", "unknown-id"}},
	{"folds the case of subjects", []string{"subjects-are-opaque"}},
	{"ignores trailing spaces of subjects", []string{"subjects-are-opaque"}},
	{"compares 255 bytes of subjects", []string{"subjects-are-opaque"}},
	{"deletes subjects by prefix", []string{"subjects-are-opaque"}},
	{"has an error of its own for unknown ids", []string{"unknown-id", "ends-at-ExpiresAt", "delete-ends-one"}},
	{"cannot ask for ids that are not UTF-8", []string{"unknown-id"}},
	{"fails to delete what there is not", []string{"unknown-id", "delete-ends-one"}},
	{"refuses a repeated create", []string{"repeated-create"}},
	{"overwrites on create", []string{"taken-id", "race-for-an-id"}},
	{"creates in two steps", []string{"race-for-an-id"}},
	{"is 1 ms late", []string{"ends-at-ExpiresAt", "swap-moves-ExpiresAt"}},
	{"lists the expired", []string{"ends-at-ExpiresAt", "list", "swap-moves-ExpiresAt"}},
	{"swaps the expired", []string{"ends-at-ExpiresAt", "swap-moves-ExpiresAt"}},
	{"has a clock", []string{"no-clock", "ends-at-ExpiresAt"}},
	{"swaps all fields", []string{"swap-replaces-three-fields"}},
	{"counts generations by itself", []string{"swap-replaces-three-fields"}},
	{"ignores from", []string{"swap-from", "swap-repeated", "race-for-a-swap"}},
	{"takes an earlier from", []string{"swap-from"}},
	{"loses the repeated swap", []string{"swap-repeated"}},
	{"wins the repeated swap of the expired", []string{"swap-repeated"}},
	{"takes the same generation for a repeated swap", []string{"swap-repeated", "race-for-a-swap"}},
	{"keeps ExpiresAt", []string{"swap-moves-ExpiresAt", "swap-replaces-three-fields"}},
	{"revives what has ended", []string{"swap-revives-nothing", "unknown-id", "delete-against-swap"}},
	{"forgets the index on delete", []string{"delete-ends-one", "list"}},
	{"forgets the index on swap", []string{"delete-subject", "list", "delete-subject-against-swap"}},
	{"deletes the latest of a subject only", []string{"delete-subject", "delete-subject-against-swap", "delete-subject-against-create"}},
	{"ends a subject for ever", []string{"delete-subject", "delete-subject-against-create"}},
	{"lists at most 10", []string{"list"}},
	{"ignores the context", []string{"context"}},
	{"says ended where the context is", []string{"context"}},
	{"swaps in two steps", []string{"race-for-a-swap", "delete-against-swap", "delete-subject-against-swap"}},
	{"loses index entries", []string{"delete-subject-against-create"}},
	{"returns somebody else's row", []string{"concurrent-use"}},
}

var errFault = errors.New("fault")

func (m *mapStore) has(fault string) bool { return m.fault == fault }

// yield lets the others go on in the middle of an operation, as a round trip to a server does.
func (m *mapStore) yield(fault string) {
	if m.has(fault) {
		m.mu.Unlock()
		for range 20 {
			runtime.Gosched()
		}
		m.mu.Lock()
	}
}

func (m *mapStore) ended(ctx context.Context) error {
	if m.has("ignores the context") {
		return nil
	}
	if m.has("says ended where the context is") && ctx.Err() != nil {
		return errors.Join(ctx.Err(), jwtauth.ErrSessionEnded)
	}
	return ctx.Err()
}

func (m *mapStore) id(id string) string {
	if m.has("folds the case of ids") {
		return strings.ToUpper(id)
	}
	return id
}

func (m *mapStore) subject(subject string) string {
	switch {
	case m.has("folds the case of subjects"):
		return strings.ToLower(subject)
	case m.has("ignores trailing spaces of subjects"):
		return strings.TrimRight(subject, " ")
	case m.has("compares 255 bytes of subjects"):
		return subject[:min(len(subject), 255)]
	}
	return subject
}

func (m *mapStore) time(t time.Time) time.Time {
	if m.has("truncates to seconds") {
		return t.Truncate(time.Second)
	}
	return t
}

func (m *mapStore) live(s jwtauth.Session, now time.Time) bool {
	if m.has("has a clock") {
		now = time.Now()
	}
	if m.has("is 1 ms late") {
		return !now.After(s.ExpiresAt)
	}
	return now.Before(s.ExpiresAt)
}

func (m *mapStore) Create(ctx context.Context, s jwtauth.Session) error {
	if err := m.ended(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if row, taken := m.rows[m.id(s.ID)]; taken && !m.has("overwrites on create") {
		if row == s && !m.has("refuses a repeated create") {
			return nil
		}
		return errors.New("id taken")
	}
	m.yield("creates in two steps")
	s.CreatedAt, s.AuthTime, s.RotatedAt = m.time(s.CreatedAt), m.time(s.AuthTime), m.time(s.RotatedAt)
	s.ExpiresAt, s.EndsAt = m.time(s.ExpiresAt), m.time(s.EndsAt)
	switch {
	case m.has("keeps generations as float32"):
		s.Generation = int64(float32(s.Generation))
	case m.has("trims labels"):
		s.Label = strings.TrimSpace(s.Label)
	case m.has("cuts labels after 64 bytes"):
		s.Label = s.Label[:min(len(s.Label), 64)]
	}
	key := m.subject(s.Subject)
	ids := m.index[key]
	if len(ids) == 1 && ids[0] == "" {
		return nil // "ends a subject for ever"
	}
	m.yield("loses index entries")
	if !m.has("loses index entries") {
		ids = m.index[key]
	}
	m.rows[m.id(s.ID)] = s
	if !slices.Contains(ids, s.ID) {
		m.index[key] = append(slices.Clone(ids), s.ID)
	}
	return nil
}

func (m *mapStore) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	if err := m.ended(ctx); err != nil {
		return jwtauth.Session{}, err
	}
	if m.has("cannot ask for ids that are not UTF-8") && strings.ToValidUTF8(id, "") != id {
		return jwtauth.Session{}, errFault
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.rows[m.id(id)]
	if !ok || !m.live(s, now) {
		if m.has("has an error of its own for unknown ids") {
			return jwtauth.Session{}, errFault
		}
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	if m.has("returns somebody else's row") && len(m.rows) > 8 {
		for _, other := range m.rows { // any
			s = other
			break
		}
	}
	return s, nil
}

func (m *mapStore) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (bool, error) {
	if err := m.ended(ctx); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next.RotatedAt, next.ExpiresAt = m.time(next.RotatedAt), m.time(next.ExpiresAt)
	s, ok := m.rows[m.id(next.ID)]
	switch {
	case !ok && m.has("revives what has ended"):
		s = next
	case m.has("wins the repeated swap of the expired") && s.Generation == next.Generation && s.RotatedAt.Equal(next.RotatedAt) && s.ExpiresAt.Equal(next.ExpiresAt):
		return true, nil
	case !ok, !m.live(s, now) && !m.has("swaps the expired"):
		return false, nil
	case s.Generation == next.Generation && m.has("takes the same generation for a repeated swap"):
		return true, nil
	case s.Generation == next.Generation && s.RotatedAt.Equal(next.RotatedAt) && s.ExpiresAt.Equal(next.ExpiresAt) && !m.has("loses the repeated swap"):
		return true, nil
	case from < s.Generation && m.has("takes an earlier from"):
	case s.Generation != from && !m.has("ignores from"):
		return false, nil
	}
	m.yield("swaps in two steps")
	if m.has("counts generations by itself") {
		next.Generation = from + 1
	}
	if m.has("swaps all fields") {
		s = next
	}
	s.Generation, s.RotatedAt = next.Generation, next.RotatedAt
	if !m.has("keeps ExpiresAt") {
		s.ExpiresAt = next.ExpiresAt
	}
	m.rows[m.id(next.ID)] = s
	if m.has("forgets the index on swap") {
		m.unindex(s)
	}
	return true, nil
}

func (m *mapStore) unindex(s jwtauth.Session) {
	key := m.subject(s.Subject)
	m.index[key] = slices.DeleteFunc(slices.Clone(m.index[key]), func(id string) bool { return id == s.ID })
}

func (m *mapStore) Delete(ctx context.Context, id string) error {
	if err := m.ended(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.rows[m.id(id)]
	if !ok && m.has("fails to delete what there is not") {
		return errFault
	}
	delete(m.rows, m.id(id))
	if ok && !m.has("forgets the index on delete") {
		m.unindex(s)
	}
	return nil
}

func (m *mapStore) DeleteSubject(ctx context.Context, subject string) error {
	if err := m.ended(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, ids := range m.index {
		if key != m.subject(subject) && !(m.has("deletes subjects by prefix") && strings.HasPrefix(key, subject)) {
			continue
		}
		if m.has("deletes the latest of a subject only") && len(ids) > 1 {
			ids = ids[len(ids)-1:]
		}
		for _, id := range ids {
			s := m.rows[m.id(id)]
			delete(m.rows, m.id(id))
			m.unindex(s)
		}
	}
	if m.has("ends a subject for ever") {
		m.index[subject] = []string{""}
	}
	return nil
}

func (m *mapStore) List(ctx context.Context, subject string, now time.Time) ([]jwtauth.Session, error) {
	if err := m.ended(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []jwtauth.Session
	for _, id := range m.index[m.subject(subject)] {
		s, ok := m.rows[m.id(id)]
		if !ok && !m.has("forgets the index on delete") || id == "" {
			continue
		}
		if ok && !m.live(s, now) && !m.has("lists the expired") {
			continue
		}
		list = append(list, s)
	}
	if m.has("lists at most 10") {
		list = list[:min(len(list), 10)]
	}
	return list, nil
}

func TestRunSessionStore(t *testing.T) {
	t.Run("one for each rule", func(t *testing.T) {
		jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return newMapStore("") })
	})
	t.Run("one for all", func(t *testing.T) {
		store := newMapStore("")
		jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return store })
	})
	t.Run("unavailable at times", func(t *testing.T) {
		// Only concurrent callers are patient with it.
		if out, err := runFault(t, unavailable, "/(race-|against|concurrent)"); err != nil {
			t.Errorf("a store that is unavailable at times failed:\n%s", out)
		}
		out, err := runFault(t, unavailable, "/list")
		if err == nil {
			t.Errorf("a store that is unavailable without contention passed:\n%s", out)
		}
	})
}

const unavailable = "is unavailable at times"

// flaky is a store that is unavailable for some of its calls: of every six writes one
// is not done, and of one it is not known that it is.
type flaky struct {
	jwtauth.SessionStore
	calls atomic.Int64
}

func (f *flaky) write(do func() error) error {
	switch f.calls.Add(1) % 6 {
	case 0:
		return fmt.Errorf("%w: no connection", jwtauth.ErrUnavailable)
	case 3:
		_ = do()
		return fmt.Errorf("%w: no answer", jwtauth.ErrUnavailable)
	}
	return do()
}

func (f *flaky) Create(ctx context.Context, s jwtauth.Session) error {
	return f.write(func() error { return f.SessionStore.Create(ctx, s) })
}

func (f *flaky) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (won bool, err error) {
	err = f.write(func() error { won, err = f.SessionStore.Swap(ctx, from, next, now); return err })
	return won && err == nil, err
}

func (f *flaky) Delete(ctx context.Context, id string) error {
	return f.write(func() error { return f.SessionStore.Delete(ctx, id) })
}

func (f *flaky) DeleteSubject(ctx context.Context, subject string) error {
	return f.write(func() error { return f.SessionStore.DeleteSubject(ctx, subject) })
}

const faultVariable = "JWTAUTHTEST_FAULT"

// TestFaultyStore is what [runFault] runs in a process of its own.
func TestFaultyStore(t *testing.T) {
	fault, ok := os.LookupEnv(faultVariable)
	if !ok {
		t.Skip("runs within TestRunSessionStoreCatches")
	}
	jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore {
		if fault == unavailable {
			return &flaky{SessionStore: newMapStore("")}
		}
		return newMapStore(fault)
	})
}

func runFault(t *testing.T, fault, rules string) (output string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFaultyStore$"+rules, "-test.v", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), faultVariable+"="+fault)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var (
	brokenRule   = regexp.MustCompile(`(?m)^    --- FAIL: TestFaultyStore/(\S+)`)
	keptRule     = regexp.MustCompile(`(?m)^    --- PASS: TestFaultyStore/(\S+)`)
	firstMessage = regexp.MustCompile(`broken rule: .*\n.*`)
)

func names(pattern *regexp.Regexp, output string) (list []string) {
	for _, match := range pattern.FindAllStringSubmatch(output, -1) {
		list = append(list, match[1])
	}
	return list
}

// Each faulty store has to fail, with messages that name the rules it breaks; and
// each rule has to be there for some faulty store.
func TestRunSessionStoreCatches(t *testing.T) {
	passed, err := runFault(t, "", "")
	if err != nil {
		t.Fatalf("the store without a fault failed:\n%s", passed)
	}
	rules := names(keptRule, passed)
	if len(rules) == 0 {
		t.Fatalf("no rules in:\n%s", passed)
	}

	caught := make(map[string]bool)
	var mu sync.Mutex
	t.Run("fault", func(t *testing.T) {
		for _, f := range faults {
			t.Run(f.fault, func(t *testing.T) {
				t.Parallel()
				out, err := runFault(t, f.fault, "")
				var exit *exec.ExitError
				if !errors.As(err, &exit) {
					t.Fatalf("a store that %s passed (%v)", f.fault, err)
				}
				broken := names(brokenRule, out)
				for _, rule := range f.rules {
					if !slices.Contains(broken, rule) {
						t.Errorf("rule %s did not catch a store that %s; those that did: %s", rule, f.fault, cmp.Or(strings.Join(broken, ", "), "none"))
					}
				}
				if n := strings.Count(out, "broken rule: "); n < len(broken) {
					t.Errorf("%d rules are broken, and %d named in words:\n%s", len(broken), n, out)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, rule := range broken {
					caught[rule] = true
				}
				t.Logf("broke %s, first of all:\n%s", strings.Join(broken, ", "), firstMessage.FindString(out))
			})
		}
	})
	for _, rule := range rules {
		if !caught[rule] {
			t.Errorf("rule %s caught none of these stores", rule)
		}
	}
}
