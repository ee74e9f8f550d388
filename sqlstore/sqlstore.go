// Package sqlstore stores sessions in a table of a PostgreSQL, SQLite, MySQL or
// MariaDB database. It uses the service's [database/sql.DB] and imports no
// driver.
//
//	db, err := sql.Open("pgx", url)
//	…
//	db.SetMaxOpenConns(20) // see Requirements
//	db.SetMaxIdleConns(20)
//	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
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
// If a method returns without an error, its changes are committed. Each change
// of a session is one statement. List reads up to 1,000 sessions in one
// statement. Cleanup, and DeleteSubject on SQLite and MySQL, delete up to 200
// sessions in one statement, so that other calls do not wait for long. If
// DeleteSubject fails, some of the sessions may have ended. The default
// isolation level of the database is sufficient: READ COMMITTED on PostgreSQL,
// REPEATABLE READ on MySQL and MariaDB. If several processes rotate the same
// generation, exactly one succeeds. At REPEATABLE READ or above, PostgreSQL
// fails some of the others with [jwtauth.ErrUnavailable]; the next attempt
// succeeds.
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
// ended once more or expires. A restored backup revives all sessions that have
// ended since: delete them before the service starts (see the README).
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
//   - PostgreSQL 9.5 or later. Behind a pooler such as PgBouncer, the driver
//     needs a setting (see "PgBouncer").
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
// # Several services
//
// Two services with the same table share the sessions of equal subjects: "42"
// of one service sees and ends the sessions of "42" of the other one. Give each
// service its own [Options].Table, or its own database. The instances of one
// service use the same table.
//
// # PgBouncer
//
// In transaction mode, PgBouncer may send each command of a client to another
// connection of the server. By default the drivers prepare a statement with one
// command and execute it with the next, which then fails or executes the
// statement of another client. These settings send both together:
//
//   - pgx: default_query_exec_mode=cache_describe, exec or simple_protocol in
//     the connection string.
//   - lib/pq: binary_parameters=yes in the connection string. PgBouncer needs
//     ignore_startup_parameters = extra_float_digits.
//
// With other settings, calls fail with [jwtauth.ErrUnavailable]. No method
// returns a wrong result: on PostgreSQL each statement also returns its own
// name, and the store compares it. Session mode needs no setting.
//
// # Errors
//
// Load returns [jwtauth.ErrSessionEnded] if the session does not exist or has
// expired. Create returns a permanent error, which is neither that nor
// ErrUnavailable, if another session has the ID, the ID does not start with the
// subject's [jwtauth.SubjectTag] and "-", or the session exceeds [MaxIDBytes],
// [MaxSubjectBytes], [MaxLabelBytes] or [MaxAttributesBytes]. So does Swap for
// the last two. Every other error, for example about a missing table, wraps
// [jwtauth.ErrUnavailable] and contains the text of the driver's error, but
// does not wrap it. The change may have happened or not. If the context has
// ended, the error also wraps the context's error.
package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"regexp"

	"github.com/seed-0a072700/jwtauth"
)

// Dialect is the SQL dialect of a database. The zero Dialect is invalid.
type Dialect uint8

const (
	PostgreSQL Dialect = iota + 1
	SQLite
	MySQL // also for MariaDB
)

// Options configures [New] and [Schema]. The zero value is valid.
type Options struct {
	// Table is the name of the table. Services that share a database must have
	// different tables (see "Several services"). It consists of at most 48
	// lower-case letters, digits and underscores and starts with a letter. Its
	// indexes are named after it. Default "jwtauth_sessions".
	Table string
}

// maxTableBytes leaves space for the names of the indexes. PostgreSQL truncates
// names after 63 bytes.
const maxTableBytes = 48

var tablePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// table returns the name of the table.
func (o Options) table() (string, error) {
	switch {
	case o.Table == "":
		return "jwtauth_sessions", nil
	case len(o.Table) > maxTableBytes:
		return "", fmt.Errorf("jwtauth: sqlstore.Options.Table: %d bytes exceed the maximum of %d", len(o.Table), maxTableBytes)
	case !tablePattern.MatchString(o.Table):
		return "", errors.New("jwtauth: sqlstore.Options.Table: does not consist of lower-case letters, digits and underscores, or does not start with a letter")
	}
	return o.Table, nil
}

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
	table   string
	workers workers       // for SQLite
	running chan struct{} // holds one element for each running call, for SQLite

	create, load, swap, list                statement
	delete, deleteSubject, ids, ended, none statement
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
// New returns an error if db is nil, the dialect is unknown or the table has an
// invalid name.
func New(db *sql.DB, dialect Dialect, opts Options) (*Store, error) {
	var faults []error
	if db == nil {
		faults = append(faults, errors.New("jwtauth: sqlstore.New: db is nil"))
	}
	if dialect < PostgreSQL || dialect > MySQL {
		faults = append(faults, fmt.Errorf("jwtauth: sqlstore.New: unknown dialect %d", dialect))
	}
	table, err := opts.table()
	if err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	running := maxRunning
	if n := db.Stats().MaxOpenConnections; n > 0 {
		running = min(n, maxRunning)
	}
	s := &Store{db: db, dialect: dialect, table: table, workers: make(workers), running: make(chan struct{}, running)}
	s.setStatements()
	return s, nil
}
