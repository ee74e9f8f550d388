package sqlstore

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxBatch is the maximum number of rows in one DELETE by IDs. It bounds the
// time for which the statement holds locks.
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
	if s.dialect == PostgreSQL {
		_, err := s.exec(ctx, &s.deleteSubject, []byte(subject))
		return err
	}
	// On SQLite, one long DELETE would keep all other writers waiting. On
	// MySQL, it could cause a deadlock: InnoDB locks index entries in the order
	// of access. A DELETE by subject locks the index of subjects first and the
	// row second, a DELETE by ID the reverse.
	for {
		ids, err := s.find(ctx, &s.ids, []byte(subject), int64(maxBatch))
		if err != nil || len(ids) == 0 {
			return err
		}
		if _, err := s.deleteIDs(ctx, ids, ""); err != nil || len(ids) < maxBatch {
			return err
		}
	}
}

// Cleanup deletes at most limit sessions whose ExpiresAt is not after now, the
// oldest first. It returns the number of deleted sessions, which is lower than
// limit if no more have expired. Call it at intervals:
//
//	for range time.Tick(10 * time.Minute) {
//		if _, err := store.Cleanup(ctx, time.Now(), 10_000); err != nil { … }
//	}
//
// Cleanup deletes at most 200 rows in one statement, so it does not hold locks
// for long. Several instances may call it at once. limit must be at least 1.
// Any other error wraps [jwtauth.ErrUnavailable]; some sessions may have been
// deleted before it.
func (s *Store) Cleanup(ctx context.Context, now time.Time, limit int) (n int, err error) {
	if limit < 1 {
		return 0, fmt.Errorf("jwtauth: sqlstore: Cleanup: limit %d is below 1", limit)
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
		// Another instance, whose clock is behind, may have rotated one of them
		// since.
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

// deleteIDs deletes the sessions with these IDs that satisfy another condition.
func (s *Store) deleteIDs(ctx context.Context, ids []any, and string, args ...any) (int64, error) {
	var st statement
	s.set(&st, "delete ids", write,
		`DELETE FROM `+s.dialect.quote(s.table)+` WHERE id IN (?`+strings.Repeat(`, ?`, len(ids)-1)+`)`+and)
	return s.exec(ctx, &st, append(ids[:len(ids):len(ids)], args...)...)
}

// placeholders replaces "?" by "$1", "$2", … if the dialect requires it.
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
