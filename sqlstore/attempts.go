package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

// Attempts holds the counters of failed logins for package guard, in a table of
// its own whose name is that of the sessions and "_attempts". It is a
// guard.Store. Get it with [Store.Attempts]. It is safe for concurrent use,
// also by several processes.
//
// An attempt reads the counter, and then changes it if it still has the same
// value. So several processes together never exceed a limit. If another attempt
// was faster, it starts over; this happens at most as often as the limit and
// the successes of the others allow. A refused attempt only reads.
//
// A statement that the database rolls back because of another one, as to end a
// deadlock, is repeated.
type Attempts struct {
	store *Store

	load, insert, update, refund, reset, ended, none statement
}

// Attempts returns the counters in the database of the store. Call it once, and
// then [Attempts.Migrate].
func (s *Store) Attempts() *Attempts {
	a := &Attempts{store: s}
	a.setStatements()
	return a
}

// The row of an account has no device. It also holds the epoch. Accounts and
// devices have 22 bytes in package guard.
const (
	attemptColumns = `account, device, epoch, round, used, debt, expires_at`

	noDevice = "-"
)

func (a *Attempts) table() string { return a.store.dialect.quote(a.store.table + "_attempts") }

func (a *Attempts) setStatements() {
	s, table := a.store, a.table()
	set := func(st *statement, name string, kind kind, text string) {
		s.set(st, "attempts "+name, kind, text)
		st.reuse = s.dialect != PostgreSQL
	}
	insert, nothing := `INSERT`, ` ON CONFLICT (account, device) DO NOTHING`
	raise := ` ON CONFLICT (account, device) DO UPDATE SET ` +
		`epoch = CASE WHEN ` + table + `.epoch >= excluded.epoch THEN ` + table + `.epoch + 1 ELSE excluded.epoch END, ` +
		`expires_at = CASE WHEN ` + table + `.expires_at > excluded.expires_at THEN ` + table + `.expires_at ELSE excluded.expires_at END`
	if s.dialect == MySQL {
		insert, nothing = `INSERT IGNORE`, ``
		raise = ` ON DUPLICATE KEY UPDATE epoch = GREATEST(epoch + 1, VALUES(epoch)), ` +
			`expires_at = GREATEST(expires_at, VALUES(expires_at))`
	}
	into := ` INTO ` + table + ` (` + attemptColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?)`
	const row = ` WHERE account = ? AND device = ?`
	set(&a.load, "load", read, `SELECT device, epoch, round, used, debt FROM `+table+` WHERE account = ? AND device IN (?, ?)`)
	set(&a.insert, "insert", write, insert+into+nothing)
	set(&a.update, "update", write, `UPDATE `+table+` SET round = ?, used = ?, debt = ?, `+
		`expires_at = CASE WHEN expires_at > ? THEN expires_at ELSE ? END`+row+` AND round = ? AND used = ? AND debt = ?`)
	set(&a.refund, "refund", write, `UPDATE `+table+` SET used = used - 1, `+
		`debt = CASE WHEN debt > ? THEN debt - ? ELSE 0 END`+row+` AND round = ? AND used > 0`)
	a.refund.once = true // a second one would take back the attempt of someone else
	set(&a.reset, "reset", write, `INSERT`+into+raise)
	set(&a.ended, "ended", read, `SELECT account FROM `+table+` WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`)
	set(&a.none, "none", read, `SELECT `+attemptColumns+` FROM `+table+` WHERE 1 = 0`)
}

// attemptRow is a row that counts attempts.
type attemptRow struct {
	device  string
	epoch   int64
	counter attempts.Counter
}

// rows returns the rows of an account and a device that exist.
func (a *Attempts) rows(ctx context.Context, account, device string) ([]attemptRow, error) {
	args := []any{[]byte(account), []byte(noDevice), []byte(device)}
	return again(ctx, func() ([]attemptRow, error) {
		return query(ctx, a.store, &a.load, args, func(scan scanFunc) (attemptRow, bool, error) {
			var device []byte
			var epoch, round, used, debt sql.Null[int64]
			err := scan(&device, &epoch, &round, &used, &debt)
			return attemptRow{string(device), epoch.V, attempts.Counter{Round: round.V, Used: used.V, Debt: debt.V}}, device != nil, err
		})
	})
}

// maxCollisions is the number of attempts that may be faster than one. It is
// more than the largest limit of package guard.
const maxCollisions = 2000

var errCollisions = errors.New("other attempts were always faster")

// Reserve implements guard.Store.
func (a *Attempts) Reserve(ctx context.Context, account, device string, epoch int64, now time.Time, limit int, window, longest time.Duration) (
	known bool, current, round int64, left int, wait time.Duration, err error) {
	rule := attempts.NewRule(limit, window, longest)
	for range maxCollisions {
		rows, err := a.rows(ctx, account, device)
		if err != nil {
			return false, 0, 0, 0, 0, unavailable(ctx, "attempts: reserve", err)
		}
		current = 0
		for _, row := range rows {
			if row.device == noDevice {
				current = row.epoch
			}
		}
		counted := noDevice
		if known = device != "" && epoch >= current; known {
			counted = device
		}
		var counter attempts.Counter
		exists := false
		for _, row := range rows {
			if row.device == counted {
				counter, exists = row.counter, true
			}
		}
		next, rest, pause := rule.Reserve(counter, now.UnixMilli())
		if pause > 0 {
			return known, current, next.Round, 0, time.Duration(pause) * time.Millisecond, nil
		}
		changed, err := a.write(ctx, account, counted, exists, counter, next, rule.Calm(next))
		if err != nil {
			return false, 0, 0, 0, 0, unavailable(ctx, "attempts: reserve", err)
		}
		if changed {
			return known, current, next.Round, int(rest), 0, nil
		}
	}
	return false, 0, 0, 0, 0, unavailable(ctx, "attempts: reserve", errCollisions)
}

// change executes a statement and returns the number of changed rows.
func (a *Attempts) change(ctx context.Context, st *statement, args ...any) (int64, error) {
	return again(ctx, func() (int64, error) { return a.store.exec(ctx, st, args...) })
}

// again executes a statement, and repeats it if the database rolls it back
// because of another one. At the isolation level SERIALIZABLE, PostgreSQL also
// does so to a SELECT.
func again[T any](ctx context.Context, execute func() (T, error)) (result T, err error) {
	for range maxCollisions {
		result, err = execute()
		if !rolledBack(err) || ctx.Err() != nil {
			break
		}
	}
	return result, err
}

// rolledBack reports whether the database has rolled a statement back because
// of another one at the same time: a deadlock or, at higher isolation levels, a
// conflict. Databases expect that the caller repeats it. Drivers have a method
// that returns the SQLSTATE, or their texts contain it.
func rolledBack(err error) bool {
	if err == nil {
		return false
	}
	if coded, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return coded.SQLState() == "40001" || coded.SQLState() == "40P01"
	}
	return strings.Contains(err.Error(), "(40001)")
}

// write replaces a counter, and reports whether it still had the old value.
func (a *Attempts) write(ctx context.Context, account, device string, exists bool, old, next attempts.Counter, expires int64) (bool, error) {
	key := []any{[]byte(account), []byte(device)}
	var n int64
	var err error
	if exists {
		n, err = a.change(ctx, &a.update,
			next.Round, next.Used, next.Debt, expires, expires, key[0], key[1], old.Round, old.Used, old.Debt)
	} else {
		n, err = a.change(ctx, &a.insert, key[0], key[1], int64(0), next.Round, next.Used, next.Debt, expires)
	}
	return n > 0, err
}

// Refund implements guard.Store.
func (a *Attempts) Refund(ctx context.Context, account, device string, round int64, limit int, longest time.Duration) error {
	if device == "" {
		device = noDevice
	}
	cost := attempts.NewRule(limit, longest, longest).Cost()
	if _, err := a.change(ctx, &a.refund, cost, cost, []byte(account), []byte(device), round); err != nil {
		return unavailable(ctx, "attempts: refund", err)
	}
	return nil
}

// Reset implements guard.Store.
func (a *Attempts) Reset(ctx context.Context, account string, now, until time.Time) error {
	_, err := a.change(ctx, &a.reset, []byte(account), []byte(noDevice), now.UnixMilli(), int64(0), int64(0), int64(0), until.UnixMilli())
	if err != nil {
		return unavailable(ctx, "attempts: reset", err)
	}
	return nil
}

// Epoch implements guard.Store.
func (a *Attempts) Epoch(ctx context.Context, account string) (int64, error) {
	rows, err := a.rows(ctx, account, noDevice)
	switch {
	case err != nil:
		return 0, unavailable(ctx, "attempts: epoch", err)
	case len(rows) == 0:
		return 0, nil
	}
	return rows[0].epoch, nil
}

// Cleanup deletes rows that say no more than no row: those of at most limit
// accounts, the oldest first. It returns the number of deleted rows: 0 if there
// are no more, or if another instance was faster. Call it at intervals like
// [Store.Cleanup], because an attacker who tries many user names adds a row for
// each.
//
// Pass the current time, or an earlier one if the clock of this instance may
// be ahead of the others: if a row is deleted too early, the next pauses of its
// account are shorter.
//
// Cleanup deletes the rows of at most 200 accounts in one statement, so it does
// not hold locks for long. Several instances may call it at once. limit must be
// at least 1. Any other error wraps [jwtauth.ErrUnavailable]; some rows may
// have been deleted before it.
func (a *Attempts) Cleanup(ctx context.Context, now time.Time, limit int) (int, error) {
	if limit < 1 {
		return 0, fmt.Errorf("jwtauth: sqlstore: Attempts.Cleanup: limit %d is below 1", limit)
	}
	n := 0
	for limit > 0 {
		size := min(limit, maxBatch)
		accounts, err := again(ctx, func() ([]any, error) {
			return a.store.find(ctx, &a.ended, now.UnixMilli(), int64(size))
		})
		if err != nil {
			return n, unavailable(ctx, "attempts: cleanup", err)
		}
		if len(accounts) == 0 {
			break
		}
		deleted, err := a.deleteEnded(ctx, accounts, now)
		if err != nil {
			return n, unavailable(ctx, "attempts: cleanup", err)
		}
		n += int(deleted)
		if len(accounts) < size || deleted == 0 {
			break
		}
		limit -= size
	}
	return n, nil
}

// deleteEnded deletes the old rows of accounts. It finds them by the primary
// key: InnoDB locks index entries in the order of access, and a DELETE that
// finds its rows by their end would make attempts at the same time fail with a
// deadlock. Adding 0 keeps it from using that index.
func (a *Attempts) deleteEnded(ctx context.Context, accounts []any, now time.Time) (int64, error) {
	var st statement
	a.store.set(&st, "attempts delete", write,
		`DELETE FROM `+a.table()+` WHERE account IN (?`+strings.Repeat(`, ?`, len(accounts)-1)+`) AND expires_at + 0 <= ?`)
	return a.change(ctx, &st, append(accounts[:len(accounts):len(accounts)], now.UnixMilli())...)
}

// The index of the primary key starts with the account.
var attemptSchemas = map[Dialect][]string{
	PostgreSQL: {`CREATE TABLE IF NOT EXISTS {table} (
	account    BYTEA  NOT NULL,
	device     BYTEA  NOT NULL,
	epoch      BIGINT NOT NULL,
	round      BIGINT NOT NULL,
	used       BIGINT NOT NULL,
	debt       BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (account, device)
)`, `CREATE INDEX IF NOT EXISTS {index} ON {table} (expires_at)`},
	SQLite: {`CREATE TABLE IF NOT EXISTS {table} (
	account    BLOB    NOT NULL,
	device     BLOB    NOT NULL,
	epoch      INTEGER NOT NULL,
	round      INTEGER NOT NULL,
	used       INTEGER NOT NULL,
	debt       INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	PRIMARY KEY (account, device)
)`, `CREATE INDEX IF NOT EXISTS {index} ON {table} (expires_at)`},
	MySQL: {`CREATE TABLE IF NOT EXISTS {table} (
	account    VARBINARY(64) NOT NULL,
	device     VARBINARY(64) NOT NULL,
	epoch      BIGINT NOT NULL,
	round      BIGINT NOT NULL,
	used       BIGINT NOT NULL,
	debt       BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (account, device),
	INDEX {index} (expires_at)
) ENGINE=InnoDB`},
}

func attemptSchema(dialect Dialect, table string) []string {
	names := strings.NewReplacer("{table}", dialect.quote(table+"_attempts"), "{index}", dialect.quote(table+"_attempts_end"))
	var list []string
	for _, statement := range attemptSchemas[dialect] {
		list = append(list, names.Replace(statement))
	}
	return list
}

// AttemptsSchema is like [Schema] for the table of [Attempts].
func AttemptsSchema(dialect Dialect, opts Options) string {
	table, err := opts.table()
	if err != nil {
		return ""
	}
	var text strings.Builder
	for _, statement := range attemptSchema(dialect, table) {
		text.WriteString(statement)
		text.WriteString(";\n")
	}
	return text.String()
}

// Migrate creates the table of [AttemptsSchema] if it does not exist. It may be
// called at every start and by several instances at once. Errors wrap
// [jwtauth.ErrUnavailable].
func (a *Attempts) Migrate(ctx context.Context) error {
	exists := func() error {
		_, err := query(ctx, a.store, &a.none, nil, func(scan scanFunc) (struct{}, bool, error) {
			var columns [7]any
			err := scan(&columns[0], &columns[1], &columns[2], &columns[3], &columns[4], &columns[5], &columns[6])
			return struct{}{}, false, err
		})
		return err
	}
	if exists() == nil {
		return nil
	}
	_, err := await(ctx, a.store, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, a.store.makeTables(ctx, attemptSchema(a.store.dialect, a.store.table))
	})
	if err == nil {
		err = exists()
	}
	if err != nil {
		return unavailable(ctx, "attempts: migrate", err)
	}
	return nil
}
