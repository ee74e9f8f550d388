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
	first map[string]jwtauth.Session // the sessions as they were created
	gone  map[string]jwtauth.Session // the last states of deleted sessions
	index map[string][]string        // from a subject to the IDs of its sessions
}

func newMapStore(fault string) *mapStore {
	return &mapStore{
		fault: fault,
		rows:  make(map[string]jwtauth.Session),
		first: make(map[string]jwtauth.Session),
		gone:  make(map[string]jwtauth.Session),
		index: make(map[string][]string),
	}
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
	case m.has("cuts attributes after 1 KiB"):
		s.Attributes = s.Attributes[:min(len(s.Attributes), 1024)]
	}
	m.first[s.ID] = s
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
	if gone, deleted := m.gone[next.ID]; deleted && m.has("reports a deleted session as swapped to its last state") && gone == next {
		return true, nil
	}
	if m.merges(s, old, next) {
		old.Attributes, old.Revision, next.Attributes = s.Attributes, s.Revision, s.Attributes
	}
	switch {
	case !ok && m.has("revives ended sessions"):
		s = next
	case m.has("accepts a repeated swap of an expired session") && mutable(s) == mutable(next):
		return true, nil
	case !ok, !m.live(s, now) && !m.has("swaps expired sessions"):
		return false, nil
	case m.reportsLostUpdate(s, old, next):
		return true, nil
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
	isRotation := next.Generation > s.Generation
	switch {
	case m.has("keeps the attributes in a swap"):
	case m.has("restores the attributes of the login in a rotation") && isRotation && next.Attributes == s.Attributes:
		s.Attributes = m.first[next.ID].Attributes
	case m.has("cuts attributes after 1 KiB"):
		s.Attributes = next.Attributes[:min(len(next.Attributes), 1024)]
	default:
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
	case m.has("accepts an earlier Revision in old"):
		old.Revision = max(old.Revision, s.Revision)
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

// reportsLostUpdate reports whether Swap returns true for an update that lost
// to a rotation.
func (m *mapStore) reportsLostUpdate(s, old, next jwtauth.Session) bool {
	isUpdate := next.Generation == old.Generation
	return m.has("reports an update as done that lost to a rotation") &&
		isUpdate && s.Revision == next.Revision && s.Generation > next.Generation
}

// merges reports whether Swap executes a rotation that lost to an update.
func (m *mapStore) merges(s, old, next jwtauth.Session) bool {
	isRotation := next.Generation > old.Generation
	return m.has("merges a rotation into an earlier update") &&
		isRotation && s.Generation == old.Generation && s.Revision == next.Revision && s.Attributes != old.Attributes
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
	if ok {
		m.gone[id] = s
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
		if key != m.subject(subject) && !(m.has("deletes subjects by prefix") && strings.HasPrefix(key, subject)) &&
			!(m.has("deletes by tag") && jwtauth.SubjectTag(key) == jwtauth.SubjectTag(subject)) {
			continue
		}
		if m.has("deletes only the latest session of a subject") && len(ids) > 1 {
			ids = ids[len(ids)-1:]
		}
		if m.has("deletes at most 999") {
			ids = ids[:min(len(ids), 999)]
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
	ids := m.index[m.subject(subject)]
	if m.has("lists by tag") {
		ids = nil
		for key, more := range m.index {
			if jwtauth.SubjectTag(key) == jwtauth.SubjectTag(subject) {
				ids = append(ids, more...)
			}
		}
	}
	for _, id := range ids {
		s, ok := m.rows[m.id(id)]
		if !ok && !m.has("forgets the index on delete") || id == "" {
			continue
		}
		if ok && !m.live(s, now) && !m.has("lists expired sessions") {
			continue
		}
		list = append(list, s)
	}
	switch {
	case m.has("lists at most 10"):
		list = list[:min(len(list), 10)]
	case m.has("lists at most 999"):
		list = list[:min(len(list), 999)]
	}
	return list, nil
}
