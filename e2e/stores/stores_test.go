// Package stores_test tests every session store on its real database.
package stores_test

import (
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/redisstore"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

func TestConformance(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return memstore.New() })
	})
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			store := d.migrated(t) // one store for all rules, so that each rule meets rows of others
			jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return store })
		})
	}
	t.Run("mariadb/found-rows", func(t *testing.T) {
		store := mariadb.on(t, openMariaDB(t, "?clientFoundRows=true&interpolateParams=true"))
		jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return store })
	})
	t.Run("redis", func(t *testing.T) {
		store := redisStore(t, redisClient(t, servers.Shared(t, servers.Redis)))
		jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return store })
	})
	t.Run("redis/cluster", func(t *testing.T) {
		store := redisStore(t, clusterClient(t, startCluster(t)))
		jwtauthtest.RunSessionStore(t, func(*testing.T) jwtauth.SessionStore { return store })
	})
}

// database is an SQL database that sqlstore supports.
type database struct {
	name    string
	dialect sqlstore.Dialect
	kind    *servers.Kind // nil for SQLite
	open    func(t testing.TB) *sql.DB
}

var (
	postgres = database{"postgres", sqlstore.PostgreSQL, servers.PostgreSQL, func(t testing.TB) *sql.DB {
		s := servers.Shared(t, servers.PostgreSQL)
		return s.Open(t, s.NewDatabase(t))
	}}
	mariadb = database{"mariadb", sqlstore.MySQL, servers.MariaDB, func(t testing.TB) *sql.DB {
		return openMariaDB(t, "")
	}}
	sqlite = database{"sqlite", sqlstore.SQLite, nil, func(t testing.TB) *sql.DB {
		return openSQLite(t, filepath.Join(t.TempDir(), "sessions.db"))
	}}
	databases = []database{postgres, mariadb, sqlite}
)

func openMariaDB(t testing.TB, params string) *sql.DB {
	s := servers.Shared(t, servers.MariaDB)
	return s.Open(t, s.NewDatabase(t)+params)
}

func openSQLite(t testing.TB, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// on returns a store on an empty database with its table.
func (d database) on(t testing.TB, db *sql.DB) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(db, d.dialect, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func (d database) migrated(t testing.TB) *sqlstore.Store {
	t.Helper()
	return d.on(t, d.open(t))
}

func redisClient(t testing.TB, s *servers.Server) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: s.Addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// redisStore returns a store with an unused prefix.
func redisStore(t testing.TB, client redis.UniversalClient) *redisstore.Store {
	t.Helper()
	store, err := redisstore.New(client, redisstore.Options{Prefix: rand.Text()[:8] + ":"})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// now returns a time with the precision of stores.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// session returns a new session.
func session(subject string) jwtauth.Session {
	t := now()
	return jwtauth.Session{
		ID: jwtauth.SubjectTag(subject) + "-" + rand.Text(), Subject: subject, Label: "a test", Generation: 1,
		CreatedAt: t, AuthTime: t, RotatedAt: t, ExpiresAt: t.Add(24 * time.Hour), EndsAt: t.Add(48 * time.Hour),
	}
}

func rotated(s jwtauth.Session) jwtauth.Session {
	s.Revision++
	s.Generation++
	s.RotatedAt = now()
	s.ExpiresAt = s.RotatedAt.Add(24 * time.Hour)
	return s
}

func create(t testing.TB, store jwtauth.SessionStore, sessions ...jwtauth.Session) {
	t.Helper()
	for _, s := range sessions {
		if err := store.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}
