// Package sqlstore keeps sessions in a table of a PostgreSQL, SQLite, MySQL or
// MariaDB database. It needs no driver of its own: it takes the [database/sql.DB]
// that the service has.
//
//	db, err := sql.Open("pgx", url)
//	…
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL)
//	…
//	err = store.Migrate(ctx) // or put sqlstore.Schema into the service's own migrations
//	…
//	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
//
// Rows of sessions that have ended by themselves stay until [Store.Cleanup] removes them.
//
// # What it promises
//
// A call that returned without an error is committed. Each is one statement (DeleteSubject on MySQL and
// Cleanup: several, each of them complete in itself) and right at the database's default
// isolation: READ COMMITTED on PostgreSQL, REPEATABLE READ on MySQL and MariaDB, SQLite's own. Of any
// number of processes that rotate one generation, one wins. At REPEATABLE READ or above, PostgreSQL
// refuses some of the others instead of letting them lose: [jwtauth.ErrUnavailable], and the
// next try goes on.
//
// What was committed is as durable as the database is set up to be:
//
//   - PostgreSQL: with synchronous_commit = off, a crash loses the last moments; with a standby that is not
//     synchronous, a failover does.
//   - MySQL and MariaDB: the same with innodb_flush_log_at_trx_commit other than 1, and with
//     asynchronous replicas. The engine is InnoDB. Galera clusters certify at commit: a row that two nodes
//     rotate at once fails on one of them, which is ErrUnavailable; for loads, set wsrep_sync_wait=1.
//   - SQLite: with journal_mode=WAL and synchronous=NORMAL, a power failure loses the last
//     moments, a crash of the process loses nothing.
//
// Lost rotations log nobody out: the issuer takes over the generation that a client holds. A lost login is a session
// that does not exist: its client logs in again. A lost deletion is a session that
// stands again, until it is ended once more or its time is over.
//
// # What it needs
//
//   - A db that asks the primary. One that reads from a replica takes rotations back.
//   - PostgreSQL 9.5 or later. Drivers that prepare by themselves and those that do not are fine, so is PgBouncer.
//   - MySQL 5.7 or MariaDB 10.2 or later, autocommit on, as it is by default. It does not matter whether the
//     driver counts found or changed rows (clientFoundRows).
//   - SQLite 3.24 or later. It has one writer at a time: give the others a busy timeout and readers their
//     peace, with modernc.org/sqlite by "file:…?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)".
//     Without, concurrent writers get ErrUnavailable. A call
//     ends by its context even where the driver waits on for a lock; what it asked for may still be done then, and
//     its connection is taken until the busy timeout is over.
//     A file on a network file system is not safe.
//
// Identifiers and subjects are kept and compared as bytes: upper and lower case, trailing spaces and
// what Unicode holds for equal are different. In a SQL shell they are
// convert_from(subject, 'UTF8') on PostgreSQL, CAST(subject AS TEXT) on SQLite. Times are milliseconds since 1970 in UTC.
//
// # Errors
//
// Load returns [jwtauth.ErrSessionEnded] where there is no session. Create refuses, with an error that is neither that nor ErrUnavailable, an id
// that another session has and a session that exceeds [MaxIDBytes], [MaxSubjectBytes] or
// [MaxLabelBytes]. All else, a missing table included, is [jwtauth.ErrUnavailable] with the driver's text
// but not its error: what happened to the row is not known then. When the context is over, its
// error is wrapped, too.
package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-0a072700/jwtauth"
)

// Dialect is the kind of SQL that a database speaks. The zero Dialect is none.
type Dialect uint8

const (
	PostgreSQL Dialect = iota + 1
	SQLite
	MySQL // and MariaDB
)

// The longest values that are stored. An issuer makes ids of 35 bytes and keeps within the others.
const (
	MaxIDBytes      = 255
	MaxSubjectBytes = 1024
	MaxLabelBytes   = 128
)

// Store is a [jwtauth.SessionStore] on a SQL database, for any number of goroutines
// and processes at once. Make one with [New].
type Store struct {
	db      *sql.DB
	dialect Dialect
	workers workers       // for SQLite
	running chan struct{} // as many as calls are under way, for SQLite

	create, load, swap, same, list    statement
	delete, deleteSubject, ids, ended statement
}

var _ jwtauth.SessionStore = (*Store)(nil)

// maxRunning is how many calls are made at once of a SQLite database for which SetMaxOpenConns sets no lower limit.
const maxRunning = 64

// New returns a store on a database of that dialect. It does not ask the database, and
// leaves db open and its settings as they are; the store needs no closing. Of SQLite
// it makes at most 64 calls at once, or as many as db's MaxOpenConns where that was set before and is less. Where it is lowered later, the
// calls beyond it wait in db, and are carried out when a connection is free, even where they were given up long before.
//
// The error says that db is nil or the dialect none of those above.
func New(db *sql.DB, dialect Dialect) (*Store, error) {
	var faults []error
	if db == nil {
		faults = append(faults, errors.New("jwtauth: sqlstore.New: db is nil"))
	}
	if dialect < PostgreSQL || dialect > MySQL {
		faults = append(faults, fmt.Errorf("jwtauth: sqlstore.New: there is no dialect %d", dialect))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	running := maxRunning
	if n := db.Stats().MaxOpenConnections; n > 0 {
		running = min(n, maxRunning)
	}
	s := &Store{db: db, dialect: dialect, workers: make(workers), running: make(chan struct{}, running)}
	s.prepareTexts()
	return s, nil
}
