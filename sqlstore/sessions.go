package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// columns are all columns. The mutable ones are those that Swap compares and
// replaces.
const (
	columns = `id, subject, created_at, ends_at, ` +
		`revision, generation, auth_time, rotated_at, expires_at, label, attributes`
	setMutable = `revision = ?, generation = ?, auth_time = ?, rotated_at = ?, expires_at = ?, ` +
		`label = ?, attributes = ?`
	hasMutable = `revision = ? AND generation = ? AND auth_time = ? AND rotated_at = ? AND expires_at = ? AND ` +
		`label = ? AND attributes = ?`
)

// setStatements sets the statements of a store for its dialect.
func (s *Store) setStatements() {
	// If the ID exists, the INSERT changes no row and causes no error. Each
	// driver would report that error in its own way.
	insert, onConflict := `INSERT`, ` ON CONFLICT (id) DO NOTHING`
	if s.dialect == MySQL {
		insert, onConflict = `INSERT IGNORE`, ``
	}
	for statement, text := range map[*statement]string{
		&s.create:        insert + ` INTO jwtauth_sessions (` + columns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)` + onConflict,
		&s.load:          `SELECT ` + columns + ` FROM jwtauth_sessions WHERE id = ? AND expires_at > ?`,
		&s.list:          `SELECT ` + columns + ` FROM jwtauth_sessions WHERE subject = ? AND expires_at > ?`,
		&s.swap:          `UPDATE jwtauth_sessions SET ` + setMutable + ` WHERE id = ? AND expires_at > ? AND ` + hasMutable,
		&s.same:          `SELECT 1 FROM jwtauth_sessions WHERE id = ? AND expires_at > ? AND ` + hasMutable,
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
	if err := checkSizes(row); err != nil {
		return err
	}
	fixed := []any{[]byte(row.ID), []byte(row.Subject), row.CreatedAt.UnixMilli(), row.EndsAt.UnixMilli()}
	n, err := s.exec(ctx, &s.create, append(fixed, mutable(row)...)...)
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

// checkSizes returns an error if a text of row is too long. MySQL may be
// configured to truncate values, so the limits are checked here.
func checkSizes(row jwtauth.Session) error {
	for _, field := range []struct {
		name string
		size int
		max  int
	}{
		{"ID", len(row.ID), MaxIDBytes},
		{"Subject", len(row.Subject), MaxSubjectBytes},
		{"Label", len(row.Label), MaxLabelBytes},
		{"Attributes", len(row.Attributes), MaxAttributesBytes},
	} {
		if field.size > field.max {
			return fmt.Errorf("jwtauth: sqlstore: Session.%s: %d bytes exceed the maximum of %d", field.name, field.size, field.max)
		}
	}
	return nil
}

// mutable returns the arguments for setMutable and hasMutable.
func mutable(row jwtauth.Session) []any {
	return []any{
		row.Revision, row.Generation,
		row.AuthTime.UnixMilli(), row.RotatedAt.UnixMilli(), row.ExpiresAt.UnixMilli(),
		[]byte(row.Label), []byte(row.Attributes),
	}
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
func (s *Store) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (won bool, err error) {
	if len(next.ID) <= MaxIDBytes { // else no session has this ID
		if err := checkSizes(next); err != nil {
			return false, err
		}
	}
	row := []any{[]byte(next.ID), now.UnixMilli()}
	n, err := s.exec(ctx, &s.swap, slices.Concat(mutable(next), row, mutable(old))...)
	if err != nil {
		return false, unavailable(ctx, "swap", err)
	}
	if n > 0 {
		return true, nil
	}
	// No row was changed. Either a field differs from old, or the row equals
	// next already: from an earlier attempt of this call that the driver
	// repeated, or because MySQL's drivers may count changed rows only.
	won, err = s.exists(ctx, &s.same, append(row, mutable(next)...)...)
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
		err = rows.Scan(&row.ID, &row.Subject, &created, &ends,
			&row.Revision, &row.Generation, &auth, &rotated, &expires, &row.Label, &row.Attributes)
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
