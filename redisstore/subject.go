package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
)

// DeleteSubject implements [jwtauth.SessionStore].
func (s *Store) DeleteSubject(ctx context.Context, subject string) error {
	tag := jwtauth.SubjectTag(subject)
	reply, err := s.run(ctx, deleteSubjectScript, tag, subject)
	if err == nil && reply == tooLarge {
		err = s.pages(ctx, tag, func() {}, func(tx *redis.Tx, position string) (string, error) {
			return deletePageScript.Run(ctx, tx, []string{s.key(tag)}, position, subject).Text()
		})
	}
	if err != nil {
		return unavailable(ctx, "delete subject", err)
	}
	return nil
}

// List implements [jwtauth.SessionStore].
func (s *Store) List(ctx context.Context, subject string, now time.Time) ([]jwtauth.Session, error) {
	tag := jwtauth.SubjectTag(subject)
	reply, err := s.run(ctx, listScript, tag)
	fields, _ := reply.([]any)
	if err == nil && reply == tooLarge {
		fields, err = s.allPages(ctx, tag)
	}
	if err != nil {
		return nil, unavailable(ctx, "list", err)
	}
	var list []jwtauth.Session
	listed := make(map[string]bool, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		id, _ := fields[i].(string)
		text, _ := fields[i+1].(string)
		// One of the fields is the cursor. Pages may repeat a field.
		if _, ok := tagOf(id); !ok || listed[id] {
			continue
		}
		listed[id] = true
		row, err := decode(id, text)
		if err != nil {
			return nil, unavailable(ctx, "list", err)
		}
		if row.Subject == subject && now.Before(row.ExpiresAt) {
			list = append(list, row)
		}
	}
	return list, nil
}

// allPages returns the fields of all pages.
func (s *Store) allPages(ctx context.Context, tag string) (fields []any, err error) {
	err = s.pages(ctx, tag, func() { fields = nil }, func(tx *redis.Tx, position string) (string, error) {
		reply, err := listPageScript.Run(ctx, tx, []string{s.key(tag)}, position).Slice()
		if err != nil {
			return "", err
		}
		if len(reply) != 2 {
			return "", errReply
		}
		next, ok := reply[0].(string)
		found, isList := reply[1].([]any)
		if !ok || !isList {
			return "", errReply
		}
		fields = append(fields, found...)
		return next, nil
	})
	return fields, err
}

var errReply = errors.New("unexpected reply")

// maxRuns is how often the pages of a hash are read from the start.
const maxRuns = 3

// pages calls page with each position of the hash, from the first to the last
// page. page returns the next position. All calls use one connection, because a
// position means nothing to another server: after a failover or in a slot that
// has moved, pages would be missing. If the connection or the slot is lost,
// pages calls again and starts at the first page.
func (s *Store) pages(ctx context.Context, tag string, again func(), page func(tx *redis.Tx, position string) (string, error)) error {
	var err error
	for range maxRuns {
		again()
		err = s.client.Watch(ctx, func(tx *redis.Tx) error {
			for position := "0"; ; {
				next, err := page(tx, position)
				if err != nil || next == "0" {
					return err
				}
				position = next
			}
		}, s.key(tag))
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}
