package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const columns = `id, subject, label, generation, created_at, auth_time, rotated_at, expires_at, ends_at`

// setStatements sets the statements of a store for its dialect.
func (s *Store) setStatements() {
	// If the ID exists, the INSERT changes no row and causes no error. Each
	// driver would report that error in its own way.
	insert, onConflict := `INSERT`, ` ON CONFLICT (id) DO NOTHING`
	if s.dialect == MySQL {
		insert, onConflict = `INSERT IGNORE`, ``
	}
	for statement, text := range map[*statement]string{
		&s.create: insert + ` INTO jwtauth_sessions (` + columns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)` + onConflict,
		&s.load:   `SELECT ` + columns + ` FROM jwtauth_sessions WHERE id = ? AND expires_at > ?`,
		&s.list:   `SELECT ` + columns + ` FROM jwtauth_sessions WHERE subject = ? AND expires_at > ?`,
		&s.swap: `UPDATE jwtauth_sessions SET generation = ?, rotated_at = ?, expires_at = ?` +
			` WHERE id = ? AND generation = ? AND expires_at > ?`,
		&s.same: `SELECT 1 FROM jwtauth_sessions` +
			` WHERE id = ? AND generation = ? AND rotated_at = ? AND expires_at = ? AND expires_at > ?`,
		&s.delete:        `DELETE FROM jwtauth_sessions WHERE id = ?`,
		&s.deleteSubject: `DELETE FROM jwtauth_sessions WHERE subject = ?`,
		&s.ids:           `SELECT id FROM jwtauth_sessions WHERE subject = ?`,
		&s.ended:         `SELECT id FROM jwtauth_sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`,
	} {
		statement.text = s.dialect.placeholders(text)
		statement.reuse = s.dialect != PostgreSQL
	}
}

// Create implements [jwtauth.SessionStore].
func (s *Store) Create(ctx context.Context, row jwtauth.Session) error {
	// MySQL may be configured to truncate values, so the limits are checked
	// here.
	for _, field := range []struct {
		name string
		size int
		max  int
	}{
		{"ID", len(row.ID), MaxIDBytes},
		{"Subject", len(row.Subject), MaxSubjectBytes},
		{"Label", len(row.Label), MaxLabelBytes},
	} {
		if field.size > field.max {
			return fmt.Errorf("jwtauth: sqlstore: Session.%s: %d bytes exceed the maximum of %d", field.name, field.size, field.max)
		}
	}
	n, err := s.exec(ctx, &s.create, []byte(row.ID), []byte(row.Subject), []byte(row.Label), row.Generation,
		row.CreatedAt.UnixMilli(), row.AuthTime.UnixMilli(), row.RotatedAt.UnixMilli(), row.ExpiresAt.UnixMilli(), row.EndsAt.UnixMilli())
	switch {
	case err != nil:
		return unavailable(ctx, "create", err)
	case n > 0:
		return nil
	}
	// database/sql repeats a statement if the connection is lost, so an earlier
	// attempt of this call may have created the row.
	found, err := s.sessions(ctx, &s.load, []byte(row.ID), row.CreatedAt.UnixMilli())
	switch {
	case err != nil:
		return unavailable(ctx, "create", err)
	case len(found) == 0 || !same(found[0], row):
		return errors.New("jwtauth: sqlstore: another session has this ID")
	}
	return nil
}

// same reports whether two sessions are stored as the same row.
func same(a, b jwtauth.Session) bool {
	for _, s := range []*jwtauth.Session{&a, &b} {
		for _, t := range []*time.Time{&s.CreatedAt, &s.AuthTime, &s.RotatedAt, &s.ExpiresAt, &s.EndsAt} {
			*t = instant(t.UnixMilli())
		}
	}
	return a == b
}

// Load implements [jwtauth.SessionStore].
func (s *Store) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	rows, err := s.sessions(ctx, &s.load, []byte(id), now.UnixMilli())
	switch {
	case err != nil:
		return jwtauth.Session{}, unavailable(ctx, "load", err)
	case len(rows) == 0:
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	return rows[0], nil
}

// Swap implements [jwtauth.SessionStore].
func (s *Store) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (won bool, err error) {
	rotated, expires := next.RotatedAt.UnixMilli(), next.ExpiresAt.UnixMilli()
	n, err := s.exec(ctx, &s.swap, next.Generation, rotated, expires, []byte(next.ID), from, now.UnixMilli())
	if err != nil {
		return false, unavailable(ctx, "swap", err)
	}
	if n > 0 {
		return true, nil
	}
	// No row was changed. Either the generation differs, or the row has the new
	// values already: from an earlier attempt of this call that the driver
	// repeated, or because MySQL's drivers may count changed rows only.
	won, err = s.exists(ctx, &s.same, []byte(next.ID), next.Generation, rotated, expires, now.UnixMilli())
	if err != nil {
		return false, unavailable(ctx, "swap", err)
	}
	return won, nil
}

// List implements [jwtauth.SessionStore].
func (s *Store) List(ctx context.Context, subject string, now time.Time) ([]jwtauth.Session, error) {
	rows, err := s.sessions(ctx, &s.list, []byte(subject), now.UnixMilli())
	if err != nil {
		return nil, unavailable(ctx, "list", err)
	}
	return rows, nil
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// sessions returns the rows of a query for all columns.
func (s *Store) sessions(ctx context.Context, st *statement, args ...any) ([]jwtauth.Session, error) {
	return query(ctx, s, st, args, func(rows *sql.Rows) (row jwtauth.Session, err error) {
		var created, auth, rotated, expires, ends int64
		err = rows.Scan(&row.ID, &row.Subject, &row.Label, &row.Generation, &created, &auth, &rotated, &expires, &ends)
		row.CreatedAt, row.AuthTime = instant(created), instant(auth)
		row.RotatedAt, row.ExpiresAt, row.EndsAt = instant(rotated), instant(expires), instant(ends)
		return row, err
	})
}

// exists reports whether a query that selects 1 finds a row.
func (s *Store) exists(ctx context.Context, st *statement, args ...any) (bool, error) {
	rows, err := query(ctx, s, st, args, func(rows *sql.Rows) (one int, err error) { return one, rows.Scan(&one) })
	return len(rows) > 0, err
}
