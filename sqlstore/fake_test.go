package sqlstore_test

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
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

func (s fakeStmt) execute(args []driver.Value) (int64, [][]driver.Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, s.text)
	if s.run != nil {
		return s.run(s.text, args)
	}
	return s.affected, slices.Clone(s.rows), s.err
}

func (s fakeStmt) Exec(args []driver.Value) (driver.Result, error) {
	affected, _, err := s.execute(args)
	return driver.RowsAffected(affected), err
}

func (s fakeStmt) Query(args []driver.Value) (driver.Rows, error) {
	_, rows, err := s.execute(args)
	return &fakeRows{rows, s.rowErr}, err
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
