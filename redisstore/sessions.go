package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
)

const (
	maxIDBytes         = 255
	maxSubjectBytes    = 1024
	maxLabelBytes      = 128
	maxAttributesBytes = 2048
)

// slack is how long a session is kept after its end, for instances whose clocks
// are behind.
const slack = 5 * time.Minute

// Create implements [jwtauth.SessionStore].
func (s *Store) Create(ctx context.Context, row jwtauth.Session) error {
	tag, ok := tagOf(row.ID)
	if !ok || tag != jwtauth.SubjectTag(row.Subject) {
		return errors.New("jwtauth: redisstore: Session.ID: does not start with the subject's tag and \"-\", or exceeds 255 bytes")
	}
	if err := checkSizes(row); err != nil {
		return err
	}
	reply, err := s.run(ctx, createScript, tag,
		row.ID, encode(row), ttl(row.ExpiresAt, row.CreatedAt), row.CreatedAt.Add(-slack).UnixMilli())
	switch {
	case err != nil:
		return unavailable(ctx, "create", err)
	case reply != int64(1):
		return errors.New("jwtauth: redisstore: another session has this ID")
	}
	return nil
}

// checkSizes returns an error if a text of row is too long.
func checkSizes(row jwtauth.Session) error {
	for _, field := range []struct {
		name string
		size int
		max  int
	}{
		{"Subject", len(row.Subject), maxSubjectBytes},
		{"Label", len(row.Label), maxLabelBytes},
		{"Attributes", len(row.Attributes), maxAttributesBytes},
	} {
		if field.size > field.max {
			return fmt.Errorf("jwtauth: redisstore: Session.%s: %d bytes exceed the maximum of %d", field.name, field.size, field.max)
		}
	}
	return nil
}

// Load implements [jwtauth.SessionStore].
func (s *Store) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	tag, ok := tagOf(id)
	if !ok {
		return jwtauth.Session{}, cmp.Or(contextError(ctx, "load"), jwtauth.ErrSessionEnded)
	}
	reply, err := s.run(ctx, loadScript, tag, id)
	if errors.Is(err, redis.Nil) {
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	if err != nil {
		return jwtauth.Session{}, unavailable(ctx, "load", err)
	}
	text, _ := reply.(string)
	row, err := decode(id, text)
	switch {
	case err != nil:
		return jwtauth.Session{}, unavailable(ctx, "load", err)
	case !now.Before(row.ExpiresAt):
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	return row, nil
}

// Swap implements [jwtauth.SessionStore].
func (s *Store) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (won bool, err error) {
	tag, ok := tagOf(next.ID)
	if !ok {
		return false, contextError(ctx, "swap")
	}
	next.Subject, next.CreatedAt, next.EndsAt = old.Subject, old.CreatedAt, old.EndsAt // these never change
	if err := checkSizes(next); err != nil {
		return false, err
	}
	reply, err := s.run(ctx, swapScript, tag,
		next.ID, encode(old), encode(next), now.UnixMilli(), ttl(next.ExpiresAt, now))
	if err != nil {
		return false, unavailable(ctx, "swap", err)
	}
	return reply == int64(1), nil
}

// Delete implements [jwtauth.SessionStore].
func (s *Store) Delete(ctx context.Context, id string) error {
	tag, ok := tagOf(id)
	if !ok {
		return contextError(ctx, "delete")
	}
	if _, err := s.run(ctx, deleteScript, tag, id); err != nil {
		return unavailable(ctx, "delete", err)
	}
	return nil
}

// ttl returns for how many milliseconds the server keeps a session.
func ttl(expires, now time.Time) int64 {
	return (max(expires.Sub(now), 0) + slack).Milliseconds()
}

const tagBytes = 8

// tagOf returns the tag at the start of an ID. ok is false if no session can
// have the ID. IDs come from requests, so one without a valid tag could
// otherwise select another key.
func tagOf(id string) (tag string, ok bool) {
	tag, _, ok = strings.Cut(id, "-")
	if !ok || len(tag) != tagBytes || len(id) > maxIDBytes {
		return "", false
	}
	for _, c := range []byte(tag) {
		if (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return "", false
		}
	}
	return tag, true
}

// contextError returns the error of a method that does not call the server: nil
// unless ctx has ended.
func contextError(ctx context.Context, call string) error {
	if err := ctx.Err(); err != nil {
		return unavailable(ctx, call, err)
	}
	return nil
}
