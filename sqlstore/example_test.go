package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

func ExampleNew() {
	// The driver "pgx" comes with import _ "github.com/jackc/pgx/v5/stdlib".
	db, err := sql.Open("pgx", "postgres://localhost/app")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	// All instances together must stay below the limit of the database.
	db.SetMaxOpenConns(20)
	db.SetMaxIdleConns(20)

	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwtauth.GenerateKey("ES256")
	if err != nil {
		log.Fatal(err)
	}
	_, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
	fmt.Println(err)

	_, err = sqlstore.New(nil, 0, sqlstore.Options{})
	fmt.Println(err)
	// Output:
	// <nil>
	// jwtauth: sqlstore.New: db is nil
	// jwtauth: sqlstore.New: unknown dialect 0
}

func ExampleStore_Migrate() {
	db, err := sql.Open("pgx", "postgres://localhost/app")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	// Every instance calls Migrate when it starts.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(store.Migrate(ctx))
	// Output: <nil>
}

func ExampleStore_Cleanup() {
	db, err := sql.Open("pgx", "postgres://localhost/app")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	// Call Cleanup every ten minutes, for example.
	n, err := store.Cleanup(context.Background(), time.Now(), 10_000)
	fmt.Println(n, "sessions deleted,", err)
	// Output: 0 sessions deleted, <nil>
}

// Add the statements to your own migrations.
func ExampleSchema() {
	fmt.Print(sqlstore.Schema(sqlstore.PostgreSQL, sqlstore.Options{}))
	// Output:
	// CREATE TABLE IF NOT EXISTS "jwtauth_sessions" (
	// 	id         BYTEA  PRIMARY KEY,
	// 	subject    BYTEA  NOT NULL,
	// 	label      BYTEA  NOT NULL,
	// 	attributes BYTEA  NOT NULL DEFAULT '',
	// 	revision   BIGINT NOT NULL DEFAULT 1,
	// 	generation BIGINT NOT NULL,
	// 	created_at BIGINT NOT NULL,
	// 	auth_time  BIGINT NOT NULL,
	// 	rotated_at BIGINT NOT NULL,
	// 	expires_at BIGINT NOT NULL,
	// 	ends_at    BIGINT NOT NULL
	// );
	// CREATE INDEX IF NOT EXISTS "jwtauth_sessions_subject" ON "jwtauth_sessions" (subject, id);
	// CREATE INDEX IF NOT EXISTS "jwtauth_sessions_expires_at" ON "jwtauth_sessions" (expires_at);
}

// Instances that share a database limit guesses together (package guard).
func ExampleStore_Attempts() {
	db, err := sql.Open("pgx", "postgres://localhost/service")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	attempts := store.Attempts()
	if err := attempts.Migrate(context.Background()); err != nil {
		log.Fatal(err)
	}
	secret := make([]byte, 32) // read it from the configuration
	_, err = guard.New(guard.Options{Secret: secret, Store: attempts})
	fmt.Println(err)
	// Output: <nil>
}
