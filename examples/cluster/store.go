package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/redisstore"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// store is a session store and a function that closes its connections.
type store struct {
	jwtauth.SessionStore
	close func() error
}

// openStore opens the store that the flag -store names.
func openStore(ctx context.Context, name string) (*store, error) {
	kind, where, _ := strings.Cut(name, ":")
	if strings.HasPrefix(where, "//") {
		where = name // a URL
	}
	switch kind {
	case "memory":
		return &store{memstore.New(), func() error { return nil }}, nil
	case "sqlite":
		if where == "" {
			return nil, errors.New("-store: sqlite: needs a FILE")
		}
		// SQLite has one writer at a time, so writers wait up to 5 s. With WAL,
		// readers do not wait.
		return openSQL(ctx, sqlstore.SQLite, "sqlite", "file:"+where+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	case "mysql":
		return openSQL(ctx, sqlstore.MySQL, "mysql", where)
	case "postgres":
		return openSQL(ctx, sqlstore.PostgreSQL, "pgx", where)
	case "redis":
		return openRedis(where)
	}
	return nil, fmt.Errorf("-store: unknown kind %q: use memory, sqlite:FILE, mysql:DSN, postgres:URL or redis:URL", kind)
}

// maxConnections is the pool size of one instance. The pools of all instances
// together must stay below the limit of the database.
const maxConnections = 20

func openSQL(ctx context.Context, dialect sqlstore.Dialect, driver, dsn string) (*store, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	// The default pool has no upper limit and keeps only two idle connections:
	// under load it would open and close connections all the time.
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	sessions, err := sqlstore.New(db, dialect, sqlstore.Options{})
	if err == nil {
		err = sessions.Migrate(ctx)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return &store{sessions, db.Close}, nil
}

func openRedis(url string) (*store, error) {
	opts, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("-store: the text after redis: is not the URL of a server") // err may quote the password
	}
	opts.ContextTimeoutEnabled = true
	client := redis.NewClient(opts)
	sessions, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		client.Close()
		return nil, err
	}
	return &store{sessions, client.Close}, nil
}

// cleanUp removes expired sessions from SQL stores until ctx ends. Several
// instances may do so at the same time.
func (s *store) cleanUp(ctx context.Context, log *slog.Logger) {
	sessions, ok := s.SessionStore.(*sqlstore.Store)
	if !ok {
		return
	}
	for tick := time.Tick(time.Minute); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-tick:
			if _, err := sessions.Cleanup(ctx, now, 10_000); err != nil {
				log.Warn("removing expired sessions failed", "err", err)
			}
		}
	}
}
