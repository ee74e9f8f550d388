// Package sqlstore stores sessions in a table of a PostgreSQL, SQLite, MySQL or
// MariaDB database. It uses the service's [database/sql.DB] and imports no
// driver.
//
//	db, err := sql.Open("pgx", url)
//	…
//	db.SetMaxOpenConns(20) // see Requirements
//	db.SetMaxIdleConns(20)
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL)
//	…
//	err = store.Migrate(ctx) // or add sqlstore.Schema to your own migrations
//	…
//	opts := jwtauth.IssuerOptions{Sessions: store}
//	issuer, err := jwtauth.NewIssuer(key, opts)
//
// Call [Store.Cleanup] at intervals: expired sessions stay in the table until
// then.
//
// # Guarantees
//
// If a method returns without an error, its changes are committed. Each method
// runs one statement, except DeleteSubject on MySQL and Cleanup, which run
// several independent ones. The default isolation level of the database is
// sufficient: READ COMMITTED on PostgreSQL, REPEATABLE READ on MySQL and
// MariaDB. If several processes rotate the same generation, exactly one
// succeeds. At REPEATABLE READ or above, PostgreSQL fails some of the others
// with [jwtauth.ErrUnavailable]; the next attempt succeeds.
//
// How durable a commit is depends on the configuration of the database:
//
//   - PostgreSQL loses the last moments in a crash if synchronous_commit is
//     off, and in a failover if the standby is not synchronous.
//   - MySQL and MariaDB lose the last moments in a crash if
//     innodb_flush_log_at_trx_commit is not 1, and in a failover if the
//     replicas are asynchronous. The engine is InnoDB. In a Galera cluster, two
//     nodes can rotate the same row at once; one of them then fails with
//     ErrUnavailable. Set wsrep_sync_wait=1, so that Load sees all earlier
//     commits.
//   - SQLite with journal_mode=WAL and synchronous=NORMAL loses the last
//     moments in a power failure, and loses no commit if only the process
//     crashes.
//
// A lost rotation logs no user out, because the issuer adopts the generation
// that the client presents. A lost login means that the user has to log in
// again. A lost deletion means that the session is active again, until it is
// ended once more or expires.
//
// # Requirements
//
//   - The connections must go to the primary. A replica may return an earlier
//     state of a session, which would undo a rotation.
//   - The pool has a size, for example 20 open and 20 idle connections per
//     instance. By default database/sql opens any number of connections under
//     load and keeps two of them. A burst of refreshes can then exceed the
//     limit of the database, and the refreshes beyond it fail with
//     ErrUnavailable.
//   - PostgreSQL 9.5 or later. A connection pooler that shares a server
//     connection between clients, such as PgBouncer in transaction mode, breaks
//     drivers that prepare statements on the server.
//   - MySQL 5.7 or later, or MariaDB 10.2 or later, with autocommit, the
//     default. The driver may count found rows or changed rows
//     (clientFoundRows).
//   - SQLite 3.24 or later, on a local file system. SQLite allows one writer at
//     a time, and without a busy timeout concurrent writers get ErrUnavailable.
//     WAL mode lets readers work beside a writer. With modernc.org/sqlite, use
//     "file:…?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)". A method
//     returns when its context ends, even while the driver waits for a lock.
//     The statement may still be executed then, and it occupies a connection
//     until the busy timeout ends.
//
// IDs and subjects are stored and compared as bytes, so case, trailing spaces
// and Unicode normalization matter. To read them in a SQL shell, use
// convert_from(subject, 'UTF8') on PostgreSQL and CAST(subject AS TEXT) on
// SQLite. Times are stored in milliseconds since 1970 UTC.
//
// # Errors
//
// Load returns [jwtauth.ErrSessionEnded] if the session does not exist or has
// expired. Create returns a permanent error, which is neither that nor
// ErrUnavailable, if another session has the ID or the session exceeds
// [MaxIDBytes], [MaxSubjectBytes], [MaxLabelBytes] or [MaxAttributesBytes]. So
// does Swap for the last two. Every other error, for example about a missing
// table, wraps [jwtauth.ErrUnavailable] and contains the text of the driver's
// error, but does not wrap it. The change may have happened or not. If the
// context has ended, the error also wraps the context's error.
package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/seed-0a072700/jwtauth"
)

// Dialect is the SQL dialect of a database. The zero Dialect is invalid.
type Dialect uint8

const (
	PostgreSQL Dialect = iota + 1
	SQLite
	MySQL // also for MariaDB
)

// The maximum lengths of the texts in a session. An issuer creates IDs of 35
// bytes and enforces the other limits itself.
const (
	MaxIDBytes         = 255
	MaxSubjectBytes    = 1024
	MaxLabelBytes      = 128
	MaxAttributesBytes = 2048
)

// Store is a [jwtauth.SessionStore] in a SQL database. Create one with [New].
// It is safe for concurrent use, also by several processes.
type Store struct {
	db      *sql.DB
	dialect Dialect
	workers workers       // for SQLite
	running chan struct{} // holds one element for each running call, for SQLite

	create, load, swap, same, list    statement
	delete, deleteSubject, ids, ended statement
}

var _ jwtauth.SessionStore = (*Store)(nil)

// maxRunning is the maximum number of calls that run at once on a SQLite
// database, unless SetMaxOpenConns sets a lower one.
const maxRunning = 64

// New returns a store in db. It does not connect to the database and changes no
// setting of db. The caller closes db; the store itself needs no Close.
//
// On SQLite at most 64 calls run at once, or fewer if db.SetMaxOpenConns was
// called with a lower number before New. Do not lower that number later: calls
// beyond it would wait inside db and be executed even after their contexts have
// ended.
//
// New returns an error if db is nil or the dialect is unknown.
func New(db *sql.DB, dialect Dialect) (*Store, error) {
	var faults []error
	if db == nil {
		faults = append(faults, errors.New("jwtauth: sqlstore.New: db is nil"))
	}
	if dialect < PostgreSQL || dialect > MySQL {
		faults = append(faults, fmt.Errorf("jwtauth: sqlstore.New: unknown dialect %d", dialect))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	running := maxRunning
	if n := db.Stats().MaxOpenConnections; n > 0 {
		running = min(n, maxRunning)
	}
	s := &Store{db: db, dialect: dialect, workers: make(workers), running: make(chan struct{}, running)}
	s.setStatements()
	return s, nil
}
