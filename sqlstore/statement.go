package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/seed-0a072700/jwtauth"
)

// statement is a statement of one store.
type statement struct {
	text string
	mark string // the first column of every row; "" if there is no such column

	mayBeEmpty bool // it may return no row in spite of the mark

	// reuse says that the statement is prepared once. Without it, the drivers
	// of MySQL would make an additional round trip for each call, and SQLite's
	// would compile the statement each time. The drivers of PostgreSQL prepare
	// statements themselves if their configuration allows it.
	reuse    bool
	prepared atomic.Pointer[sql.Stmt]

	// once says that the statement must not be executed twice. It has no effect
	// together with reuse. Without it, database/sql repeats a statement if the
	// driver says that the connection is bad. A driver of PostgreSQL, lib/pq,
	// says so even if the server may have executed the statement.
	once bool
}

// on returns the prepared statement, or nil if the driver should prepare it.
func (st *statement) on(ctx context.Context, db *sql.DB) (*sql.Stmt, error) {
	if !st.reuse {
		return nil, nil
	}
	if prepared := st.prepared.Load(); prepared != nil {
		return prepared, nil
	}
	// There is no lock, because a call that waits for it could not end with its
	// context. Instead, several first calls may each prepare the statement.
	prepared, err := db.PrepareContext(ctx, st.text)
	if err != nil {
		return nil, err // the next call prepares it
	}
	if !st.prepared.CompareAndSwap(nil, prepared) {
		_ = prepared.Close()
	}
	return st.prepared.Load(), nil
}

// kind is the kind of a statement.
type kind int

const (
	read kind = iota // a SELECT
	write
	// frequentWrite is a write that returns no proof that it was executed if it
	// changes no row. The caller then has to find out. It is faster than write.
	frequentWrite
)

// set sets the text of a statement.
//
// On PostgreSQL each row of the result starts with a mark that names the
// statement. All statements but frequent writes return at least one row.
// Without it, the result of another statement could be confused with one that
// has no rows. A pooler that shares connections can cause that (see "PgBouncer"
// in the package documentation).
func (s *Store) set(st *statement, name string, kind kind, text string) {
	st.text = s.dialect.placeholders(text)
	if s.dialect != PostgreSQL {
		return
	}
	st.mark = s.table + ": " + name
	quoted := `'` + st.mark + `'::text`
	switch kind {
	case read:
		st.text = `SELECT * FROM (SELECT ` + quoted + `) mark LEFT JOIN (` + st.text + `) found ON TRUE`
	case write:
		st.text = `WITH changed AS (` + st.text + ` RETURNING 1) SELECT ` + quoted + `, count(*) FROM changed`
	case frequentWrite:
		st.text += ` RETURNING ` + quoted + `, 1`
	}
	st.mayBeEmpty = kind == frequentWrite
}

var errForeign = errors.New("the database returned the result of another statement; " +
	"if a pooler such as PgBouncer shares connections, the driver needs another setting (see the documentation of package sqlstore)")

// exec runs a statement and returns the number of changed rows.
func (s *Store) exec(ctx context.Context, st *statement, args ...any) (int64, error) {
	if st.mark != "" {
		counts, err := query(ctx, s, st, args, func(scan scanFunc) (n int64, found bool, err error) {
			err = scan(&n)
			return n, true, err
		})
		var sum int64
		for _, n := range counts {
			sum += n
		}
		return sum, err
	}
	return await(ctx, s, func(ctx context.Context) (int64, error) {
		prepared, err := st.on(ctx, s.db)
		if err != nil {
			return 0, err
		}
		var result sql.Result
		if prepared != nil {
			result, err = prepared.ExecContext(ctx, args...)
		} else {
			result, err = s.db.ExecContext(ctx, st.text, args...)
		}
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	})
}

// scanFunc scans the columns of a row.
type scanFunc func(dst ...any) error

// query runs a statement and returns the results of scanRow for all rows that
// it finds.
func query[T any](ctx context.Context, s *Store, st *statement, args []any, scanRow func(scanFunc) (T, bool, error)) ([]T, error) {
	return await(ctx, s, func(ctx context.Context) ([]T, error) {
		prepared, err := st.on(ctx, s.db)
		if err != nil {
			return nil, err
		}
		var rows *sql.Rows
		switch {
		case prepared != nil:
			rows, err = prepared.QueryContext(ctx, args...)
		case st.once:
			conn, failed := s.db.Conn(ctx)
			if failed != nil {
				return nil, failed
			}
			defer conn.Close()
			rows, err = conn.QueryContext(ctx, st.text, args...)
		default:
			rows, err = s.db.QueryContext(ctx, st.text, args...)
		}
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		scan := rows.Scan
		marked := st.mark == "" || st.mayBeEmpty
		if st.mark != "" {
			scan = func(dst ...any) error {
				var mark string
				if err := rows.Scan(append([]any{&mark}, dst...)...); err != nil {
					return err
				}
				if mark != st.mark {
					return errForeign
				}
				marked = true
				return nil
			}
		}
		var list []T
		for rows.Next() {
			row, found, err := scanRow(scan)
			if err != nil {
				return nil, err
			}
			if found {
				list = append(list, row)
			}
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		if !marked {
			return nil, errForeign
		}
		return list, nil
	})
}

// await returns the result of call, or the error of ctx as soon as ctx ends.
//
// Drivers return when the context ends, except those of SQLite: its library
// cannot be interrupted while it waits for a lock, which takes up to the busy
// timeout. So on SQLite the call runs in another goroutine, which continues
// after await has returned. The call gets a context that does not end, which
// saves the goroutine that a driver would start to watch it.
//
// At most as many calls run at once as db has connections. More would wait for
// a connection inside db, and be executed long after their callers had given
// up.
func await[T any](ctx context.Context, s *Store, call func(context.Context) (T, error)) (T, error) {
	if s.dialect != SQLite || ctx.Done() == nil {
		return call(ctx)
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	type outcome struct {
		value    T
		err      error
		panicked any
	}
	select {
	case s.running <- struct{}{}:
	case <-ctx.Done():
		return none, ctx.Err()
	}
	done := make(chan outcome, 1)
	s.workers.run(func() {
		o := outcome{err: errNoReturn}
		// A panic of the driver is passed to the caller, who can recover from
		// it. If the caller has returned already, it is discarded like an
		// error.
		defer func() {
			o.panicked = recover()
			<-s.running
			done <- o
		}()
		o.value, o.err = call(context.WithoutCancel(ctx))
	})
	select {
	case o := <-done:
		if o.panicked != nil {
			panic(o.panicked)
		}
		return o.value, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

var errNoReturn = errors.New("the driver ended the goroutine")

// unavailable returns the error of a method whose statement has failed. call is
// the name of the method.
func unavailable(ctx context.Context, call string, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: sqlstore: %s: %w", jwtauth.ErrUnavailable, call, ended)
	}
	return fmt.Errorf("%w: sqlstore: %s: %v", jwtauth.ErrUnavailable, call, err)
}
