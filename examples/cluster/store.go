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

// store is a session store and how to end its connections.
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
		// One process writes at a time, so the others wait; who reads waits for nobody.
		return openSQL(ctx, sqlstore.SQLite, "sqlite", "file:"+where+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	case "mysql":
		return openSQL(ctx, sqlstore.MySQL, "mysql", where)
	case "postgres":
		return openSQL(ctx, sqlstore.PostgreSQL, "pgx", where)
	case "redis":
		return openRedis(where)
	}
	return nil, fmt.Errorf("-store: %q is none of memory, sqlite:FILE, mysql:DSN, postgres:URL and redis:URL", kind)
}

// maxConnections of one instance; all instances together stay below what the database takes.
const maxConnections = 20

func openSQL(ctx context.Context, dialect sqlstore.Dialect, driver, dsn string) (*store, error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	sessions, err := sqlstore.New(db, dialect)
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
		return nil, errors.New("-store: what follows redis: is no URL of a server") // what is wrong with it would quote its password
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

// cleanUp removes, until ctx ends, sessions that have ended by themselves from a
// store that does not. It does not matter how many instances do so.
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
				log.Warn("ended sessions stay for now", "err", err)
			}
		}
	}
}
