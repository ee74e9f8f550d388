package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"
)

// maxBatch bounds the rows of one DELETE of several, and so how long it holds its locks.
const maxBatch = 200

// Delete implements [jwtauth.SessionStore].
func (s *Store) Delete(ctx context.Context, id string) error {
	if _, err := s.exec(ctx, &s.delete, []byte(id)); err != nil {
		return unavailable(ctx, "delete", err)
	}
	return nil
}

// DeleteSubject implements [jwtauth.SessionStore].
func (s *Store) DeleteSubject(ctx context.Context, subject string) error {
	if err := s.deleteAll(ctx, subject); err != nil {
		return unavailable(ctx, "delete subject", err)
	}
	return nil
}

func (s *Store) deleteAll(ctx context.Context, subject string) error {
	if s.dialect != MySQL {
		_, err := s.exec(ctx, &s.deleteSubject, []byte(subject))
		return err
	}
	// InnoDB locks index entries in the order in which it meets them. A DELETE by subject comes by the subject's index
	// to the row, a DELETE by id the other way round: they would meet in a deadlock.
	ids, err := s.find(ctx, &s.ids, []byte(subject))
	for len(ids) > 0 && err == nil {
		batch := ids[:min(len(ids), maxBatch)]
		ids = ids[len(batch):]
		_, err = s.deleteIDs(ctx, batch, "")
	}
	return err
}

// Cleanup deletes sessions whose ExpiresAt is not after now, the longest over first, at most limit of
// them, and returns how many it deleted: fewer than limit when there are no more. It deletes in
// small steps, none of which holds locks for long, and several instances may call it at once. A service
// calls it now and then:
//
//	for range time.Tick(10 * time.Minute) {
//		if _, err := store.Cleanup(ctx, time.Now(), 10_000); err != nil { … }
//	}
//
// limit is at least 1. An error wraps [jwtauth.ErrUnavailable]; rows may have been deleted before it.
func (s *Store) Cleanup(ctx context.Context, now time.Time, limit int) (n int, err error) {
	if limit < 1 {
		return 0, errors.New("jwtauth: sqlstore: Cleanup: limit is below 1")
	}
	for n < limit {
		size := min(limit-n, maxBatch)
		ids, err := s.find(ctx, &s.ended, now.UnixMilli(), int64(size))
		if err != nil {
			return n, unavailable(ctx, "cleanup", err)
		}
		if len(ids) == 0 {
			break
		}
		// An instance whose clock is behind may have rotated one of them meanwhile.
		deleted, err := s.deleteIDs(ctx, ids, ` AND expires_at <= ?`, now.UnixMilli())
		if err != nil {
			return n, unavailable(ctx, "cleanup", err)
		}
		n += int(deleted)
		if len(ids) < size || deleted == 0 {
			break
		}
	}
	return n, nil
}

// find returns the ids that a query for them finds, as arguments of the next statement.
func (s *Store) find(ctx context.Context, st *statement, args ...any) ([]any, error) {
	return query(ctx, s, st, args, func(rows *sql.Rows) (any, error) {
		var id []byte
		err := rows.Scan(&id)
		return id, err
	})
}

// deleteIDs deletes the sessions with these ids that meet a further condition.
func (s *Store) deleteIDs(ctx context.Context, ids []any, and string, args ...any) (int64, error) {
	text := `DELETE FROM jwtauth_sessions WHERE id IN (?` + strings.Repeat(`, ?`, len(ids)-1) + `)` + and
	return s.exec(ctx, &statement{text: s.dialect.placeholders(text)}, append(ids[:len(ids):len(ids)], args...)...)
}

// placeholders turns "?" into "$1", "$2", … where the dialect wants that.
func (d Dialect) placeholders(text string) string {
	if d != PostgreSQL {
		return text
	}
	var out strings.Builder
	n := 0
	for part := range strings.SplitSeq(text, "?") {
		if n > 0 {
			out.WriteString("$" + strconv.Itoa(n))
		}
		out.WriteString(part)
		n++
	}
	return out.String()
}
