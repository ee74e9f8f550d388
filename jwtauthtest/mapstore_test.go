package jwtauthtest_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// mapStore is a simple and correct store in memory. With a fault, it breaks the
// rules in one way.
type mapStore struct {
	fault string
	mu    sync.Mutex
	rows  map[string]jwtauth.Session
	index map[string][]string // from a subject to the IDs of its sessions
}

func newMapStore(fault string) *mapStore {
	return &mapStore{fault: fault, rows: make(map[string]jwtauth.Session), index: make(map[string][]string)}
}

// faults lists all faults of a mapStore and the rules that each of them breaks.
var faults = []struct {
	fault string
	rules []string
}{
	{"truncates to seconds", []string{"fields-round-trip", "swap-replaces-mutable-fields"}},
	{"keeps generations as float32", []string{"fields-round-trip"}},
	{"trims labels", []string{"labels-round-trip"}},
	{"cuts labels after 64 bytes", []string{"labels-round-trip"}},
	{"folds the case of IDs", []string{"ids-are-opaque", "unknown-id"}},
	{"folds the case of subjects", []string{"subjects-are-opaque"}},
	{"ignores trailing spaces of subjects", []string{"subjects-are-opaque"}},
	{"compares 255 bytes of subjects", []string{"subjects-are-opaque"}},
	{"deletes subjects by prefix", []string{"subjects-are-opaque"}},
	{"returns another error for unknown IDs", []string{"unknown-id", "ends-at-ExpiresAt", "delete-ends-one"}},
	{"fails for IDs that are not UTF-8", []string{"unknown-id"}},
	{"fails to delete a missing session", []string{"unknown-id", "delete-ends-one"}},
	{"refuses a repeated create", []string{"repeated-create"}},
	{"overwrites on create", []string{"taken-id", "race-for-an-id"}},
	{"creates in two steps", []string{"race-for-an-id"}},
	{"ends sessions 1 ms late", []string{"ends-at-ExpiresAt", "swap-moves-ExpiresAt"}},
	{"lists expired sessions", []string{"ends-at-ExpiresAt", "list", "swap-moves-ExpiresAt"}},
	{"swaps expired sessions", []string{"ends-at-ExpiresAt", "swap-moves-ExpiresAt"}},
	{"uses its own clock", []string{"no-clock", "ends-at-ExpiresAt"}},
	{"swaps all fields", []string{"swap-replaces-mutable-fields"}},
	{"counts generations itself", []string{"swap-replaces-mutable-fields"}},
	{"ignores the attributes of old", []string{"swap-compares-mutable-fields"}},
	{"ignores the label of old", []string{"swap-compares-mutable-fields"}},
	{"ignores the auth time of old", []string{"swap-compares-mutable-fields"}},
	{"ignores RotatedAt of old", []string{"swap-compares-mutable-fields"}},
	{"ignores ExpiresAt of old", []string{"swap-compares-mutable-fields"}},
	{"ignores Revision of old", []string{"swap-compares-mutable-fields"}},
	{"keeps the attributes in a swap", []string{"swap-replaces-mutable-fields"}},
	{"keeps the label in a swap", []string{"swap-replaces-mutable-fields"}},
	{"keeps the auth time in a swap", []string{"swap-replaces-mutable-fields"}},
	{"ignores from", []string{"swap-compares-mutable-fields", "swap-repeated", "race-for-a-swap"}},
	{"accepts an earlier from", []string{"swap-compares-mutable-fields"}},
	{"refuses a repeated swap", []string{"swap-repeated"}},
	{"accepts a repeated swap of an expired session", []string{"swap-repeated"}},
	{"accepts any swap to the same generation", []string{"swap-repeated", "race-for-a-swap"}},
	{"keeps ExpiresAt", []string{"swap-moves-ExpiresAt", "swap-replaces-mutable-fields"}},
	{"revives ended sessions", []string{"swap-revives-nothing", "unknown-id", "delete-against-swap"}},
	{"forgets the index on delete", []string{"delete-ends-one", "list"}},
	{"forgets the index on swap", []string{"delete-subject", "list", "delete-subject-against-swap"}},
	{"deletes only the latest session of a subject", []string{"delete-subject", "delete-subject-against-swap", "delete-subject-against-create"}},
	{"refuses a subject after DeleteSubject", []string{"delete-subject", "delete-subject-against-create"}},
	{"lists at most 10", []string{"list"}},
	{"ignores the context", []string{"context"}},
	{"reports an ended session if the context has ended", []string{"context"}},
	{"swaps in two steps", []string{"race-for-a-swap", "delete-against-swap", "delete-subject-against-swap"}},
	{"loses index entries", []string{"delete-subject-against-create"}},
	{"returns another session", []string{"concurrent-use"}},
}

var errFault = errors.New("fault")

func (m *mapStore) has(fault string) bool { return m.fault == fault }

// yield lets other goroutines run in the middle of an operation, as a round
// trip to a server does.
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
	if m.has("reports an ended session if the context has ended") && ctx.Err() != nil {
		return errors.Join(ctx.Err(), jwtauth.ErrSessionEnded)
	}
	return ctx.Err()
}

func (m *mapStore) id(id string) string {
	if m.has("folds the case of IDs") {
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
	if m.has("uses its own clock") {
		now = time.Now()
	}
	if m.has("ends sessions 1 ms late") {
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
		return nil // "refuses a subject after DeleteSubject"
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
	if m.has("fails for IDs that are not UTF-8") && strings.ToValidUTF8(id, "") != id {
		return jwtauth.Session{}, errFault
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.rows[m.id(id)]
	if !ok || !m.live(s, now) {
		if m.has("returns another error for unknown IDs") {
			return jwtauth.Session{}, errFault
		}
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	if m.has("returns another session") && len(m.rows) > 8 {
		for _, other := range m.rows { // any
			s = other
			break
		}
	}
	return s, nil
}

// mutable returns s with the fields that Swap compares, and no others.
func mutable(s jwtauth.Session) jwtauth.Session {
	return jwtauth.Session{
		Revision: s.Revision, Generation: s.Generation, Label: s.Label, Attributes: s.Attributes,
		AuthTime: s.AuthTime.UTC(), RotatedAt: s.RotatedAt.UTC(), ExpiresAt: s.ExpiresAt.UTC(),
	}
}

func (m *mapStore) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	if err := m.ended(ctx); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	next.RotatedAt, next.ExpiresAt, next.AuthTime = m.time(next.RotatedAt), m.time(next.ExpiresAt), m.time(next.AuthTime)
	old.RotatedAt, old.ExpiresAt, old.AuthTime = m.time(old.RotatedAt), m.time(old.ExpiresAt), m.time(old.AuthTime)
	s, ok := m.rows[m.id(next.ID)]
	switch {
	case !ok && m.has("revives ended sessions"):
		s = next
	case m.has("accepts a repeated swap of an expired session") && mutable(s) == mutable(next):
		return true, nil
	case !ok, !m.live(s, now) && !m.has("swaps expired sessions"):
		return false, nil
	case s.Generation == next.Generation && m.has("accepts any swap to the same generation"):
		return true, nil
	case mutable(s) == mutable(next) && !m.has("refuses a repeated swap"):
		return true, nil
	case !m.accepts(s, old):
		return false, nil
	}
	m.yield("swaps in two steps")
	if m.has("counts generations itself") {
		next.Generation = old.Generation + 1
	}
	if m.has("swaps all fields") {
		s = next
	}
	if !m.has("keeps the attributes in a swap") {
		s.Attributes = next.Attributes
	}
	if !m.has("keeps the label in a swap") {
		s.Label = next.Label
	}
	if !m.has("keeps the auth time in a swap") {
		s.AuthTime = next.AuthTime
	}
	s.Revision, s.Generation, s.RotatedAt = next.Revision, next.Generation, next.RotatedAt
	if !m.has("keeps ExpiresAt") {
		s.ExpiresAt = next.ExpiresAt
	}
	m.rows[m.id(next.ID)] = s
	if m.has("forgets the index on swap") {
		m.unindex(s)
	}
	return true, nil
}

// accepts reports whether Swap may replace s, which is not swapped already.
func (m *mapStore) accepts(s, old jwtauth.Session) bool {
	switch {
	case m.has("ignores from"):
		return true
	case m.has("accepts an earlier from") && old.Generation < s.Generation:
		return true
	case m.has("ignores the attributes of old"):
		old.Attributes = s.Attributes
	case m.has("ignores the label of old"):
		old.Label = s.Label
	case m.has("ignores the auth time of old"):
		old.AuthTime = s.AuthTime
	case m.has("ignores RotatedAt of old"):
		old.RotatedAt = s.RotatedAt
	case m.has("ignores ExpiresAt of old"):
		old.ExpiresAt = s.ExpiresAt
	case m.has("ignores Revision of old"):
		old.Revision = s.Revision
	}
	return mutable(s) == mutable(old)
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
	if !ok && m.has("fails to delete a missing session") {
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
		if m.has("deletes only the latest session of a subject") && len(ids) > 1 {
			ids = ids[len(ids)-1:]
		}
		for _, id := range ids {
			s := m.rows[m.id(id)]
			delete(m.rows, m.id(id))
			m.unindex(s)
		}
	}
	if m.has("refuses a subject after DeleteSubject") {
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
		if ok && !m.live(s, now) && !m.has("lists expired sessions") {
			continue
		}
		list = append(list, s)
	}
	if m.has("lists at most 10") {
		list = list[:min(len(list), 10)]
	}
	return list, nil
}
