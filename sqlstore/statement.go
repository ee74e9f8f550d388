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

	// Only with drivers that would ask the server, or compile, twice as much for one that is not
	// prepared. PostgreSQL's prepare by themselves, where no connection pooler forbids it.
	reuse    bool
	prepared atomic.Pointer[sql.Stmt]
}

// on returns the statement prepared for use again, or nil where that is up to the driver.
func (st *statement) on(ctx context.Context, db *sql.DB) (*sql.Stmt, error) {
	if !st.reuse {
		return nil, nil
	}
	if prepared := st.prepared.Load(); prepared != nil {
		return prepared, nil
	}
	// Without a lock, since each call has to end by its own context: the first ones may do the same.
	prepared, err := db.PrepareContext(ctx, st.text)
	if err != nil {
		return nil, err // and the next call tries again
	}
	if !st.prepared.CompareAndSwap(nil, prepared) {
		_ = prepared.Close()
	}
	return st.prepared.Load(), nil
}

// exec runs a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, st *statement, args ...any) (int64, error) {
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

// query returns what scan makes of each row that a statement finds.
func query[T any](ctx context.Context, s *Store, st *statement, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	return await(ctx, s, func(ctx context.Context) ([]T, error) {
		prepared, err := st.on(ctx, s.db)
		if err != nil {
			return nil, err
		}
		var rows *sql.Rows
		if prepared != nil {
			rows, err = prepared.QueryContext(ctx, args...)
		} else {
			rows, err = s.db.QueryContext(ctx, st.text, args...)
		}
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var list []T
		for rows.Next() {
			row, err := scan(rows)
			if err != nil {
				return nil, err
			}
			list = append(list, row)
		}
		return list, rows.Err()
	})
}

// await returns what call does, at the latest when ctx is over. Drivers see to that, but for SQLite's: nothing
// interrupts its library while it waits for a lock, as long as the busy timeout is. The call is then left to end
// by itself; and since this waits in place of the driver, the driver is spared the goroutine that it would start to watch ctx.
// No more calls are begun than db has connections for: what were begun beyond that would wait in db for one, and be carried out
// long after everybody had gone.
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
		// Deferred: a driver that panics does so in the caller, who may recover, and not in a goroutine where nobody can.
		// With the caller gone, it is one more error that nobody hears of.
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

// unavailable is the one form in which trouble with the database leaves this package.
func unavailable(ctx context.Context, what string, err error) error {
	if over := ctx.Err(); over != nil {
		return fmt.Errorf("%w: sqlstore: %s: %w", jwtauth.ErrUnavailable, what, over)
	}
	return fmt.Errorf("%w: sqlstore: %s: %v", jwtauth.ErrUnavailable, what, err)
}
