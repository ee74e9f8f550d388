package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// IDs, subjects and labels have binary types. Text would be compared by a
// collation, and with some collations "Ann" and "ann " are equal. PostgreSQL's
// text also cannot contain NUL. MySQL's index covers the first 255 bytes of a
// subject, because not every row format allows more. It contains the ID anyway,
// like every secondary index of InnoDB.
//
// In the texts, {table}, {subject} and {expires_at} stand for the quoted names
// of the table and its indexes.
var schemas = map[Dialect][]string{
	PostgreSQL: {`CREATE TABLE IF NOT EXISTS {table} (
	id         BYTEA  PRIMARY KEY,
	subject    BYTEA  NOT NULL,
	label      BYTEA  NOT NULL,
	attributes BYTEA  NOT NULL DEFAULT '',
	revision   BIGINT NOT NULL DEFAULT 1,
	generation BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	auth_time  BIGINT NOT NULL,
	rotated_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	ends_at    BIGINT NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS {subject} ON {table} (subject, id)`,
		`CREATE INDEX IF NOT EXISTS {expires_at} ON {table} (expires_at)`},

	SQLite: {`CREATE TABLE IF NOT EXISTS {table} (
	id         BLOB    NOT NULL PRIMARY KEY,
	subject    BLOB    NOT NULL,
	label      BLOB    NOT NULL,
	attributes BLOB    NOT NULL DEFAULT '',
	revision   INTEGER NOT NULL DEFAULT 1,
	generation INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	auth_time  INTEGER NOT NULL,
	rotated_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	ends_at    INTEGER NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS {subject} ON {table} (subject, id)`,
		`CREATE INDEX IF NOT EXISTS {expires_at} ON {table} (expires_at)`},

	MySQL: {`CREATE TABLE IF NOT EXISTS {table} (
	id         VARBINARY(255)  NOT NULL PRIMARY KEY,
	subject    VARBINARY(1024) NOT NULL,
	label      VARBINARY(128)  NOT NULL,
	attributes VARBINARY(2048) NOT NULL DEFAULT '',
	revision   BIGINT NOT NULL DEFAULT 1,
	generation BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	auth_time  BIGINT NOT NULL,
	rotated_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	ends_at    BIGINT NOT NULL,
	INDEX {subject} (subject(255)),
	INDEX {expires_at} (expires_at)
) ENGINE=InnoDB`},
}

// added are the columns that an earlier version of the table did not have.
var added = map[Dialect][]string{
	PostgreSQL: {`attributes BYTEA NOT NULL DEFAULT ''`, `revision BIGINT NOT NULL DEFAULT 1`},
	SQLite:     {`attributes BLOB NOT NULL DEFAULT ''`, `revision INTEGER NOT NULL DEFAULT 1`},
	MySQL:      {`attributes VARBINARY(2048) NOT NULL DEFAULT ''`, `revision BIGINT NOT NULL DEFAULT 1`},
}

// Schema returns the statements that create the table of opts and its indexes,
// for use in your own migrations. Each statement ends with a semicolon and has
// no effect if the table or index exists. Schema returns "" for an unknown
// dialect or an invalid [Options].Table.
func Schema(dialect Dialect, opts Options) string {
	table, err := opts.table()
	if err != nil {
		return ""
	}
	var text strings.Builder
	for _, statement := range schema(dialect, table) {
		text.WriteString(statement)
		text.WriteString(";\n")
	}
	return text.String()
}

func schema(dialect Dialect, table string) []string {
	names := strings.NewReplacer(
		"{table}", dialect.quote(table),
		"{subject}", dialect.quote(table+"_subject"),
		"{expires_at}", dialect.quote(table+"_expires_at"),
	)
	var list []string
	for _, statement := range schemas[dialect] {
		list = append(list, names.Replace(statement))
	}
	return list
}

// quote quotes a valid name. The name may be a word of the SQL dialect, such as
// "session" or "user".
func (d Dialect) quote(name string) string {
	if d == MySQL {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

// Migrate creates the table and the indexes of [Schema] if the table does not
// exist, and adds columns that a table of an earlier version lacks. It may be
// called at every start and by several instances at once. If the table has all
// columns, Migrate needs no right to create or alter tables. It does not check
// the indexes, without which List, DeleteSubject and Cleanup read the whole
// table.
//
// Migrate returns an error that wraps [jwtauth.ErrUnavailable] if the database
// is unavailable, refuses a statement, or has a table of that name with other
// columns.
func (s *Store) Migrate(ctx context.Context) error {
	if s.hasTable(ctx) == nil {
		return nil
	}
	_, err := await(ctx, s, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.makeTables(ctx, schema(s.dialect, s.table))
	})
	if err == nil {
		s.addColumns(ctx)
		err = s.hasTable(ctx)
	}
	if err != nil {
		return unavailable(ctx, "migrate", err)
	}
	return nil
}

func (s *Store) hasTable(ctx context.Context) error {
	_, err := s.rows(ctx, &s.none)
	return err
}

// addColumns adds missing columns. A statement fails if the column exists, for
// example because another instance has just added it. The caller checks the
// result, so errors are ignored here.
func (s *Store) addColumns(ctx context.Context) {
	for _, column := range added[s.dialect] {
		if s.hasTable(ctx) != nil {
			_, _ = await(ctx, s, func(ctx context.Context) (sql.Result, error) {
				return s.db.ExecContext(ctx, `ALTER TABLE `+s.dialect.quote(s.table)+` ADD COLUMN `+column)
			})
		}
	}
}

// makeTables executes the statements of a schema.
func (s *Store) makeTables(ctx context.Context, statements []string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // has no effect after Commit
	if s.dialect == PostgreSQL {
		// On PostgreSQL, two transactions that create the same table at once
		// can fail in spite of IF NOT EXISTS.
		if err := lockMigration(ctx, tx); err != nil {
			return err
		}
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// migrationLock is a number that other programs are unlikely to lock: "jwtauth"
// in ASCII.
const migrationLock int64 = 0x6a777461757468

func lockMigration(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock))
	return err
}
