package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Ids and subjects are of binary types: text compares by collations, of which some
// hold "Ann" and "ann " for the same person, and PostgreSQL's holds no NUL. MySQL's index takes the
// first 255 bytes of a subject, which every row format has room for.
var schemas = map[Dialect][]string{
	PostgreSQL: {`CREATE TABLE IF NOT EXISTS jwtauth_sessions (
	id         BYTEA  PRIMARY KEY,
	subject    BYTEA  NOT NULL,
	label      BYTEA  NOT NULL,
	generation BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	auth_time  BIGINT NOT NULL,
	rotated_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	ends_at    BIGINT NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS jwtauth_sessions_subject ON jwtauth_sessions (subject)`,
		`CREATE INDEX IF NOT EXISTS jwtauth_sessions_expires_at ON jwtauth_sessions (expires_at)`},

	SQLite: {`CREATE TABLE IF NOT EXISTS jwtauth_sessions (
	id         BLOB    NOT NULL PRIMARY KEY,
	subject    BLOB    NOT NULL,
	label      BLOB    NOT NULL,
	generation INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	auth_time  INTEGER NOT NULL,
	rotated_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	ends_at    INTEGER NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS jwtauth_sessions_subject ON jwtauth_sessions (subject)`,
		`CREATE INDEX IF NOT EXISTS jwtauth_sessions_expires_at ON jwtauth_sessions (expires_at)`},

	MySQL: {`CREATE TABLE IF NOT EXISTS jwtauth_sessions (
	id         VARBINARY(255)  NOT NULL PRIMARY KEY,
	subject    VARBINARY(1024) NOT NULL,
	label      VARBINARY(128)  NOT NULL,
	generation BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	auth_time  BIGINT NOT NULL,
	rotated_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	ends_at    BIGINT NOT NULL,
	INDEX jwtauth_sessions_subject (subject(255)),
	INDEX jwtauth_sessions_expires_at (expires_at)
) ENGINE=InnoDB`},
}

// Schema returns the statements that make the store's table, jwtauth_sessions, and its indexes: for
// the service's own migrations. Each ends with a semicolon, and does nothing where its object exists. The result is
// "" for what is no dialect.
func Schema(dialect Dialect) string {
	var text strings.Builder
	for _, statement := range schemas[dialect] {
		text.WriteString(statement)
		text.WriteString(";\n")
	}
	return text.String()
}

const anyRow = `SELECT ` + columns + ` FROM jwtauth_sessions WHERE 1 = 0`

// Migrate makes the table with its indexes where there is no table, as [Schema] has them. It may be
// called at every start and by several instances at once; where the table is there, it asks for no right to create one, and
// looks at its columns alone: whether it has the indexes, without which List, DeleteSubject and Cleanup read all of
// it, is for those who made it to see to.
//
// The error is [jwtauth.ErrUnavailable]: the database cannot be asked, refuses, or has a
// table of that name with other columns.
func (s *Store) Migrate(ctx context.Context) error {
	_, err := await(ctx, s, func(ctx context.Context) (struct{}, error) {
		if s.hasTable(ctx) == nil {
			return struct{}{}, nil
		}
		if err := s.makeTable(ctx); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.hasTable(ctx)
	})
	if err != nil {
		return unavailable(ctx, "migrate", err)
	}
	return nil
}

func (s *Store) hasTable(ctx context.Context) error {
	rows, err := s.db.QueryContext(ctx, anyRow)
	if err != nil {
		return err
	}
	defer rows.Close()
	rows.Next()
	return rows.Err()
}

func (s *Store) makeTable(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if s.dialect == PostgreSQL {
		// There, two that create one table at once disturb each other in spite of IF NOT EXISTS.
		if err := lockMigration(ctx, tx); err != nil {
			return err
		}
	}
	for _, statement := range schemas[s.dialect] {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// migrationLock is any number that others are unlikely to lock: "jwtauth" in ASCII.
const migrationLock int64 = 0x6a777461757468

func lockMigration(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock))
	return err
}
