package sqlstore_test

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// fake is a database/sql driver with fixed results. The e2e module tests the
// store with real databases.
type fake struct {
	mu       sync.Mutex
	texts    []string // the statements that were executed
	affected int64
	rows     [][]driver.Value
	err      error

	rowErr error // the error at the end of all rows

	mark  *string // replaces the marks of statements for PostgreSQL
	empty bool    // these statements return no row

	// block, if not nil, is called before a statement is prepared.
	block func(ctx context.Context, text string) error

	// run, if not nil, returns the result of a statement, instead of affected
	// and rows.
	run func(text string, args []driver.Value) (affected int64, rows [][]driver.Value, err error)
}

func init() { sql.Register("pgx", &fake{}) } // for the examples

// open returns a database of the driver f.
func (f *fake) open(t *testing.T) *sql.DB {
	db := sql.OpenDB(f)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (f *fake) Open(string) (driver.Conn, error)             { return fakeConn{f}, nil }
func (f *fake) Connect(context.Context) (driver.Conn, error) { return fakeConn{f}, nil }
func (f *fake) Driver() driver.Driver                        { return f }

// did returns the executed statements that start with verb.
func (f *fake) did(t *testing.T, verb string) (texts []string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range f.texts {
		if strings.HasPrefix(text, verb) {
			texts = append(texts, text)
		}
	}
	return texts
}

type fakeConn struct{ *fake }

func (c fakeConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if c.block != nil {
		if err := c.block(ctx, text); err != nil {
			return nil, err
		}
	}
	return c.Prepare(text)
}

func (c fakeConn) Prepare(text string) (driver.Stmt, error) { return fakeStmt{c, text}, nil }
func (c fakeConn) Close() error                             { return nil }
func (c fakeConn) Begin() (driver.Tx, error)                { return c, nil }
func (c fakeConn) Commit() error                            { return nil }
func (c fakeConn) Rollback() error                          { return nil }

type fakeStmt struct {
	fakeConn
	text string
}

// NumInput returns the number of placeholders. database/sql refuses another
// number of arguments.
func (s fakeStmt) NumInput() int {
	return max(strings.Count(s.text, "?"), strings.Count(s.text, "$"))
}

func (s fakeStmt) execute(text string, args []driver.Value) (int64, [][]driver.Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, text)
	if s.run != nil {
		return s.run(text, args)
	}
	return s.affected, slices.Clone(s.rows), s.err
}

// marked matches a statement that returns its mark: a SELECT, a change and the
// number of changed rows, or a change and a row for each changed row.
var marked = regexp.MustCompile(`^(?:SELECT \* FROM \(SELECT '([^']+)'::text\) mark LEFT JOIN \((.*)\) found ON TRUE|` +
	`WITH changed AS \((.*) RETURNING 1\) SELECT '([^']+)'::text, count\(\*\) FROM changed|` +
	`(.*) RETURNING '([^']+)'::text, 1)$`)

func (s fakeStmt) Exec(args []driver.Value) (driver.Result, error) {
	affected, _, err := s.execute(s.text, args)
	return driver.RowsAffected(affected), err
}

// Query executes the inner statement of a marked one and adds the mark.
func (s fakeStmt) Query(args []driver.Value) (driver.Rows, error) {
	parts := marked.FindStringSubmatch(s.text)
	if parts == nil {
		_, rows, err := s.execute(s.text, args)
		return &fakeRows{rows, s.rowErr}, err
	}
	mark := parts[1] + parts[4] + parts[6]
	if s.mark != nil {
		mark = *s.mark
	}
	affected, rows, err := s.execute(parts[2]+parts[3]+parts[5], args)
	switch {
	case err != nil:
		return nil, err
	case s.empty:
		return &fakeRows{}, nil
	case parts[3] != "":
		rows = [][]driver.Value{{affected}}
	case parts[5] != "":
		rows = slices.Repeat([][]driver.Value{{int64(1)}}, int(affected))
	case len(rows) == 0:
		columns, _, _ := strings.Cut(parts[2], " FROM ")
		rows = [][]driver.Value{make([]driver.Value, 1+strings.Count(columns, ","))}
	}
	for i, row := range rows {
		rows[i] = append([]driver.Value{mark}, row...)
	}
	return &fakeRows{rows, s.rowErr}, nil
}

type fakeRows struct {
	rest [][]driver.Value
	err  error
}

func (r *fakeRows) Columns() []string {
	if len(r.rest) == 0 {
		return nil
	}
	return make([]string, len(r.rest[0]))
}

func (r *fakeRows) Close() error { return nil }

func (r *fakeRows) Next(dst []driver.Value) error {
	if len(r.rest) == 0 {
		return cmp.Or(r.err, io.EOF)
	}
	copy(dst, r.rest[0])
	r.rest = r.rest[1:]
	return nil
}
