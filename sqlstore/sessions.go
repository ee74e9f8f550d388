package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// pageRows is the maximum number of rows in a page of List.
const pageRows = 1000

// setStatements sets the statements of a store for its dialect.
func (s *Store) setStatements() {
	table := s.dialect.quote(s.table)
	// If the ID exists, the INSERT changes no row and causes no error. Each
	// driver would report that error in its own way.
	insert, onConflict := `INSERT`, ` ON CONFLICT (id) DO NOTHING`
	if s.dialect == MySQL {
		insert, onConflict = `INSERT IGNORE`, ``
	}
	set := func(st *statement, name string, kind kind, text string) {
		s.set(st, name, kind, text)
		st.reuse = s.dialect != PostgreSQL
	}
	set(&s.create, "create", frequentWrite, insert+` INTO `+table+` (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`+onConflict)
	set(&s.swap, "swap", frequentWrite, `UPDATE `+table+` SET `+setMutable+` WHERE id = ? AND expires_at > ? AND `+hasMutable)
	set(&s.delete, "delete", write, `DELETE FROM `+table+` WHERE id = ?`)
	set(&s.deleteSubject, "delete subject", write, `DELETE FROM `+table+` WHERE subject = ?`)
	set(&s.load, "load", read, `SELECT `+columns+` FROM `+table+` WHERE id = ? AND expires_at > ?`)
	// The conditions on the ID select the rows of the subject's tag, so that
	// MySQL can use the primary key. The other databases use the index of
	// subjects and IDs.
	set(&s.list, "list", read, `SELECT `+columns+` FROM `+table+
		` WHERE subject = ? AND expires_at > ? AND id > ? AND id < ? ORDER BY id LIMIT `+strconv.Itoa(pageRows))
	set(&s.ids, "ids", read, `SELECT id FROM `+table+` WHERE subject = ? LIMIT ?`)
	set(&s.ended, "ended", read, `SELECT id FROM `+table+` WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`)
	set(&s.none, "none", read, `SELECT `+columns+` FROM `+table+` WHERE 1 = 0`)
}

// Create implements [jwtauth.SessionStore].
func (s *Store) Create(ctx context.Context, row jwtauth.Session) error {
	if err := checkSizes(row); err != nil {
		return err
	}
	if !strings.HasPrefix(row.ID, jwtauth.SubjectTag(row.Subject)+"-") {
		return errors.New("jwtauth: sqlstore: Session.ID: does not start with the subject's tag and \"-\"")
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
	found, err := s.rows(ctx, &s.load, []byte(row.ID), row.CreatedAt.UnixMilli())
	switch {
	case err != nil:
		return unavailable(ctx, "create", err)
	case len(found) == 0:
		return unavailable(ctx, "create", errForeign) // it was not executed
	case !same(found[0], row):
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

// mutable returns the arguments of setMutable and hasMutable.
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

// sameMutable reports whether the mutable fields of a row are those of b.
func sameMutable(row, b jwtauth.Session) bool {
	b.ID, b.Subject, b.CreatedAt, b.EndsAt = row.ID, row.Subject, row.CreatedAt, row.EndsAt
	return same(row, b)
}

// Load implements [jwtauth.SessionStore].
func (s *Store) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	rows, err := s.rows(ctx, &s.load, []byte(id), now.UnixMilli())
	switch {
	case err != nil:
		return jwtauth.Session{}, unavailable(ctx, "load", err)
	case len(rows) == 0:
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	case rows[0].ID != id:
		return jwtauth.Session{}, unavailable(ctx, "load", errForeign)
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
	n, err := s.exec(ctx, &s.swap, slices.Concat(mutable(next), []any{[]byte(next.ID), now.UnixMilli()}, mutable(old))...)
	if err != nil {
		return false, unavailable(ctx, "swap", err)
	}
	if n > 0 {
		return true, nil
	}
	// No row was changed. Either a field differs from old, or the row equals
	// next already: from an earlier attempt of this call that the driver
	// repeated, or because MySQL's drivers may count changed rows only.
	found, err := s.rows(ctx, &s.load, []byte(next.ID), now.UnixMilli())
	switch {
	case err != nil:
		return false, unavailable(ctx, "swap", err)
	case len(found) == 0:
		return false, nil
	case sameMutable(found[0], next):
		return true, nil
	case sameMutable(found[0], old):
		// The statement was not executed: every Swap raises the revision, so
		// the row cannot have become equal to old since.
		return false, unavailable(ctx, "swap", errForeign)
	}
	return false, nil
}

// List implements [jwtauth.SessionStore]. It reads pages in the order of the
// IDs, so that it returns each session once.
func (s *Store) List(ctx context.Context, subject string, now time.Time) ([]jwtauth.Session, error) {
	tag := jwtauth.SubjectTag(subject)
	after, before := tag+",", tag+"." // "-" is between them
	var list []jwtauth.Session
	for {
		page, err := s.rows(ctx, &s.list, []byte(subject), now.UnixMilli(), []byte(after), []byte(before))
		if err != nil {
			return nil, unavailable(ctx, "list", err)
		}
		for _, row := range page {
			if row.Subject != subject {
				return nil, unavailable(ctx, "list", errForeign)
			}
			after = max(after, row.ID)
		}
		list = append(list, page...)
		if len(page) < pageRows {
			return list, nil
		}
	}
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// rows returns the rows of a query for all columns.
func (s *Store) rows(ctx context.Context, st *statement, args ...any) ([]jwtauth.Session, error) {
	return query(ctx, s, st, args, func(scan scanFunc) (row jwtauth.Session, found bool, err error) {
		var id, subject, label, attributes []byte
		var created, ends, revision, generation, auth, rotated, expires sql.Null[int64]
		err = scan(&id, &subject, &created, &ends, &revision, &generation, &auth, &rotated, &expires, &label, &attributes)
		return jwtauth.Session{
			ID: string(id), Subject: string(subject), Label: string(label), Attributes: string(attributes),
			Revision: revision.V, Generation: generation.V,
			CreatedAt: instant(created.V), AuthTime: instant(auth.V),
			RotatedAt: instant(rotated.V), ExpiresAt: instant(expires.V), EndsAt: instant(ends.V),
		}, id != nil, err
	})
}

// find returns the IDs that a query selects, as arguments for the next
// statement.
func (s *Store) find(ctx context.Context, st *statement, args ...any) ([]any, error) {
	return query(ctx, s, st, args, func(scan scanFunc) (any, bool, error) {
		var id []byte
		err := scan(&id)
		return id, id != nil, err
	})
}
