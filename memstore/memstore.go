// Package memstore keeps sessions in the memory of one process. It needs no server, no
// goroutine and no configuration, and promises this much:
//
//   - Sessions end with the process: after a restart everybody logs in again.
//   - They are known to this process only. Several instances of a service need a store
//     that they share, such as packages sqlstore and redisstore.
//   - A million sessions take less than 300 MB of heap.
//   - Expired sessions are dropped by later logins and refreshes, a few by each. Their memory
//     serves new sessions; little of it goes back to the system.
//   - How many sessions there are is not limited.
package memstore

import (
	"context"
	"errors"
	"hash/maphash"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Store is a [jwtauth.SessionStore]. Make one with [New]. It is safe for concurrent use and
// must not be copied.
//
// Methods look at their context once, at the start, and return its error where it is
// done; they never wait for anything else than one another. None takes longer because there are many
// sessions, but DeleteSubject and List take time in proportion to those of the subject. Times are kept in
// whole milliseconds, what is finer is cut off; they come back in UTC.
type Store struct {
	seed   maphash.Seed
	shards [shardCount]shard
}

// All sessions of a subject are in one shard, so that a single lock covers what is done to them together.
const shardCount = 64

var _ jwtauth.SessionStore = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{seed: maphash.MakeSeed()} }

var (
	errTaken = errors.New("memstore: the session id is taken")
	errTag   = errors.New("memstore: the session id does not start with the tag of its subject")
)

// tagLen is the length of a [jwtauth.SubjectTag].
const tagLen = 8

// tag returns a key of the subject whose sessions have such ids. Subjects may share
// one: what is found by it has to be compared.
func (s *Store) tag(id string) uint64 { return maphash.String(s.seed, id[:min(len(id), tagLen)]) }

// idKey returns the key of an id. Different ids have the same once in 10¹³ logins to a
// store of a million: such a login fails, as its id seems to be taken.
func (s *Store) idKey(id string) uint64 { return maphash.String(s.seed, id) }

// lock returns the shard of a tag, locked.
func (s *Store) lock(tag uint64) *shard {
	sh := &s.shards[tag%shardCount]
	sh.mu.Lock()
	return sh
}

// Create stores a new session. It is an error where the id is taken, be it by a session that
// has expired but not been dropped, unless by exactly this session, and where the id does not start with the
// [jwtauth.SubjectTag] of the subject and "-".
func (s *Store) Create(ctx context.Context, session jwtauth.Session) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	subjectTag := jwtauth.SubjectTag(session.Subject)
	if !strings.HasPrefix(session.ID, subjectTag) || !strings.HasPrefix(session.ID[tagLen:], "-") {
		return errTag
	}
	r := newRow(session)
	id, tag := s.idKey(session.ID), s.tag(session.ID)

	sh := s.lock(tag)
	defer sh.mu.Unlock()
	if at := sh.byID[id]; at != 0 {
		if sh.row(at).holds(r) {
			return nil
		}
		return errTaken
	}
	sh.sweep(s, session.CreatedAt.UnixMilli())
	sh.add(id, tag, r)
	return nil
}

// Load returns the session with this id, or [jwtauth.ErrSessionEnded] where there is none or now is not before its ExpiresAt.
func (s *Store) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	if err := ctx.Err(); err != nil {
		return jwtauth.Session{}, err
	}
	sh := s.lock(s.tag(id))
	defer sh.mu.Unlock()
	r, _ := sh.find(s, id)
	if r == nil || !r.live(now.UnixMilli()) {
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	return r.session(), nil
}

// Swap replaces Generation, RotatedAt and ExpiresAt of the session next.ID where its
// generation is from and now is before its ExpiresAt, or finds them replaced already.
func (s *Store) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (won bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	nowMilli := now.UnixMilli()
	rotated, expires := next.RotatedAt.UnixMilli(), next.ExpiresAt.UnixMilli()

	sh := s.lock(s.tag(next.ID))
	defer sh.mu.Unlock()
	r, _ := sh.find(s, next.ID)
	switch {
	case r == nil || !r.live(nowMilli):
		return false, nil
	case r.generation == next.Generation && r.rotated == rotated && r.expires == expires:
		return true, nil
	case r.generation != from:
		return false, nil
	}
	r.generation, r.rotated, r.expires = next.Generation, rotated, expires
	sh.sweep(s, nowMilli)
	return true, nil
}

// Delete ends a session. It is no error where there is none.
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sh := s.lock(s.tag(id))
	defer sh.mu.Unlock()
	if r, at := sh.find(s, id); r != nil {
		sh.drop(s, at)
	}
	return nil
}

// DeleteSubject ends all sessions of a subject at once: those whose Create comes after it stand.
func (s *Store) DeleteSubject(ctx context.Context, subject string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tag := s.tag(jwtauth.SubjectTag(subject))
	sh := s.lock(tag)
	defer sh.mu.Unlock()
	for at := sh.byTag[tag]; at != 0; {
		r := sh.row(at)
		next := r.next
		if r.subject() == subject {
			sh.drop(s, at)
		}
		at = next
	}
	return nil
}

// List returns the sessions of a subject whose ExpiresAt is after now, in any order.
func (s *Store) List(ctx context.Context, subject string, now time.Time) ([]jwtauth.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	nowMilli := now.UnixMilli()
	tag := s.tag(jwtauth.SubjectTag(subject))
	sh := s.lock(tag)
	defer sh.mu.Unlock()
	var list []jwtauth.Session
	for at := sh.byTag[tag]; at != 0; {
		r := sh.row(at)
		if r.subject() == subject && r.live(nowMilli) {
			list = append(list, r.session())
		}
		at = r.next
	}
	return list, nil
}
