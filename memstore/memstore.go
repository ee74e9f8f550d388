// Package memstore stores sessions in the memory of one process. It requires no
// server, no background goroutine and no configuration:
//
//	opts := jwtauth.IssuerOptions{Sessions: memstore.New()}
//	issuer, err := jwtauth.NewIssuer(key, opts)
//
// Its properties are:
//
//   - Sessions end with the process. After a restart every user logs in again.
//   - Other processes do not see the sessions. Several instances of a service
//     need a shared store, such as packages sqlstore and redisstore.
//   - A million sessions use less than 300 MB of heap.
//   - Each login and refresh removes a few expired sessions. New sessions reuse
//     their memory; little of it is returned to the operating system.
//   - The number of sessions is not limited.
package memstore

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Store is a [jwtauth.SessionStore] in memory. Create one with [New]. It is
// safe for concurrent use and must not be copied.
//
// Every method returns the error of its context if the context has ended before
// the call. After that it waits for other calls only. The time of DeleteSubject
// and List is proportional to the number of the subject's sessions; the time of
// the other methods does not depend on the number of sessions. Times are
// truncated to milliseconds and returned in UTC.
type Store struct {
	seed   maphash.Seed
	shards [shardCount]shard
}

// All sessions of a subject are in one shard, so one lock is sufficient for
// operations on all of them.
const shardCount = 64

var _ jwtauth.SessionStore = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{seed: maphash.MakeSeed()} }

var (
	errTaken = errors.New("jwtauth: memstore: another session has this ID")
	errTag   = errors.New("jwtauth: memstore: Session.ID does not start with the subject's tag and \"-\"")

	errAttributes = fmt.Errorf("jwtauth: memstore: Session.Attributes exceeds the maximum of %d bytes", maxAttributesBytes)
)

// maxAttributesBytes is the limit that [jwtauth.Session] states.
const maxAttributesBytes = 2 << 10

// tagLen is the length of a [jwtauth.SubjectTag].
const tagLen = 8

// tag returns a hash of the subject's tag at the start of id. Several subjects
// may have the same hash, so callers compare the subjects as well.
func (s *Store) tag(id string) uint64 { return maphash.String(s.seed, id[:min(len(id), tagLen)]) }

// idKey returns a hash of id. If the hash of a new session's ID is that of
// another session, Create fails. In a store with a million sessions that
// happens in less than one of 10¹³ logins.
func (s *Store) idKey(id string) uint64 { return maphash.String(s.seed, id) }

// lock locks the shard of a tag and returns it.
func (s *Store) lock(tag uint64) *shard {
	sh := &s.shards[tag%shardCount]
	sh.mu.Lock()
	return sh
}

// Create stores a new session. It returns nil if the store contains exactly
// this session already. It returns an error if another session has the ID, even
// one that has expired but is not removed yet, if the ID does not start with
// the subject's [jwtauth.SubjectTag] and "-", or if Attributes exceeds
// 2 KiB.
func (s *Store) Create(ctx context.Context, session jwtauth.Session) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	subjectTag := jwtauth.SubjectTag(session.Subject)
	if !strings.HasPrefix(session.ID, subjectTag) || !strings.HasPrefix(session.ID[tagLen:], "-") {
		return errTag
	}
	if len(session.Attributes) > maxAttributesBytes {
		return errAttributes
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

// Load returns the session with this ID. It returns [jwtauth.ErrSessionEnded]
// if the session does not exist or now is not before its ExpiresAt.
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

// Swap replaces the mutable fields of the session with next's ID and returns
// true, if they equal those of old and now is before the session's ExpiresAt.
// It also returns true if they equal those of next already. Otherwise it
// returns false. It returns an error if next.Attributes exceeds 2 KiB.
func (s *Store) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (won bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if len(next.Attributes) > maxAttributesBytes {
		return false, errAttributes
	}
	nowMilli := now.UnixMilli()
	from, to := mutableOf(old), mutableOf(next)

	sh := s.lock(s.tag(next.ID))
	defer sh.mu.Unlock()
	r, _ := sh.find(s, next.ID)
	switch {
	case r == nil || !r.live(nowMilli):
		return false, nil
	case r.mutable() == to:
		return true, nil
	case r.mutable() != from:
		return false, nil
	}
	r.replace(to)
	sh.sweep(s, nowMilli)
	return true, nil
}

// Delete ends a session. It returns nil if the session does not exist.
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

// DeleteSubject ends all sessions of a subject in one step. Sessions created
// after it are not affected.
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

// List returns the sessions of a subject whose ExpiresAt is after now, in any
// order. It returns nil if there are no such sessions.
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
