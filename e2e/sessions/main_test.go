// Package sessions_test tests the guarantees of sessions on real stores and
// servers. go test -v prints all figures.
package sessions_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	_ "modernc.org/sqlite"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/redisstore"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

func TestMain(m *testing.M) {
	// Drivers log each broken connection, and here many break.
	_ = mysql.SetLogger(&mysql.NopLogger{})
	logging.Disable()
	code := servers.Main(m)
	removeProgram()
	os.Exit(code)
}

const (
	window = 30 * time.Second // the default ReuseWindow

	// From its rotation on, an old token counts as reuse after recovers, and
	// the current token begins the next generation after coalesces. Both
	// include a margin for clock skew and late responses.
	recovers  = window + 10*time.Second
	coalesces = window + 30*time.Second
)

// place is an empty store that any number of instances can open.
type place struct {
	flag string // flag -store of examples/cluster
	open func(t testing.TB) jwtauth.SessionStore
}

// backends are the kinds of places.
var backends = []struct {
	name string
	new  func(t testing.TB) place
}{
	{"postgres", func(t testing.TB) place { return postgresPlace(t, servers.Shared(t, servers.PostgreSQL)) }},
	{"mariadb", func(t testing.TB) place { return mariaPlace(t, servers.Shared(t, servers.MariaDB)) }},
	{"redis", func(t testing.TB) place { return redisPlace(t, servers.Shared(t, servers.Redis)) }},
	{"sqlite", sqlitePlace},
}

// onEach runs a test on all backends at once.
func onEach(t *testing.T, test func(t *testing.T, p place)) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			test(t, b.new(t))
		})
	}
}

// onAll runs a test on all backends and in memory, at once.
func onAll(t *testing.T, test func(t *testing.T, p place)) {
	onEach(t, test)
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		store := memstore.New()
		test(t, place{open: func(testing.TB) jwtauth.SessionStore { return store }})
	})
}

func postgresPlace(t testing.TB, s *servers.Server) place {
	t.Helper()
	dsn := s.DSN(s.NewDatabase(t))
	return place{"postgres:" + dsn, func(t testing.TB) jwtauth.SessionStore { return openSQL(t, sqlstore.PostgreSQL, "pgx", dsn) }}
}

func mariaPlace(t testing.TB, s *servers.Server) place {
	t.Helper()
	dsn := s.DSN(s.NewDatabase(t))
	return place{"mysql:" + dsn, func(t testing.TB) jwtauth.SessionStore { return openSQL(t, sqlstore.MySQL, "mysql", dsn) }}
}

// redisDatabases counts the places on Redis. A server has 16 databases, more
// than run at once.
var redisDatabases atomic.Int32

func redisPlace(t testing.TB, s *servers.Server) place {
	t.Helper()
	url := s.DSN(fmt.Sprint(redisDatabases.Add(1) % 16))
	check(t, redisClient(t, url).FlushDB(t.Context()).Err())
	return place{"redis:" + url, func(t testing.TB) jwtauth.SessionStore { return openRedis(t, redisClient(t, url)) }}
}

func sqlitePlace(t testing.TB) place {
	file := filepath.Join(t.TempDir(), "sessions.db")
	return place{"sqlite:" + file, func(t testing.TB) jwtauth.SessionStore {
		return openSQL(t, sqlstore.SQLite, "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)")
	}}
}

func openSQL(t testing.TB, dialect sqlstore.Dialect, driver, dsn string) jwtauth.SessionStore {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	check(t, err)
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	store, err := sqlstore.New(db, dialect, sqlstore.Options{})
	check(t, err)
	check(t, store.Migrate(t.Context()))
	return store
}

func redisClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	opts, err := redis.ParseURL(url)
	check(t, err)
	opts.ContextTimeoutEnabled = true
	client := redis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func openRedis(t testing.TB, client redis.UniversalClient) jwtauth.SessionStore {
	t.Helper()
	store, err := redisstore.New(client, redisstore.Options{})
	check(t, err)
	return store
}

// clock moves only if a test moves it, and only forward. So keys of Redis,
// which expire by the server's clock, live at least as long as their sessions.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) Now() time.Time          { return time.UnixMilli(c.now.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.now.Add(d.Milliseconds()) }

// to moves the clock to at, unless it is already later.
func (c *clock) to(at time.Time) { c.now.Store(max(c.now.Load(), at.UnixMilli())) }

// events records the events of all instances of a test.
type events struct {
	mu   sync.Mutex
	list []jwtauth.Event
}

func (e *events) add(_ context.Context, event jwtauth.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

// of returns the events of a kind.
func (e *events) of(kind jwtauth.EventKind) []jwtauth.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.list), func(event jwtauth.Event) bool { return event.Kind != kind })
}

func (e *events) count(kind jwtauth.EventKind) int { return len(e.of(kind)) }

func (e *events) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = nil
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
