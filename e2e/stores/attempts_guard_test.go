package stores_test

import (
	"database/sql"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// newGuard returns an instance of a service.
func newGuard(t testing.TB, store guard.Store) *guard.Guard {
	t.Helper()
	g, err := guard.New(guard.Options{Secret: []byte(strings.Repeat("s", 32)), Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// attempt makes an attempt and returns the device cookies after it.
func attempt(t testing.TB, g *guard.Guard, cookies []*http.Cookie, result error) ([]*http.Cookie, error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	ctx, err := g.Allow(r, "ada")
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	g.Report(w, r.WithContext(ctx), "ada", result)
	return w.Result().Cookies(), result
}

// eventually repeats an attempt from an unknown device while the store is
// unavailable: a call may take at most two seconds, and a loaded machine is
// sometimes slower.
func eventually(t testing.TB, g *guard.Guard, result error) (cookies []*http.Cookie, err error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		cookies, err = attempt(t, g, nil, result)
		if !errors.Is(err, jwtauth.ErrUnavailable) || time.Now().After(deadline) {
			return cookies, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// 32 instances share a server. An attacker makes 1,000 attempts at once, while
// the owner logs in from a known device.
func TestAttemptsOfManyInstances(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) guard.Store{
		"redis": func(t *testing.T) guard.Store {
			return redisStore(t, redisClient(t, servers.Shared(t, servers.Redis))).Attempts()
		},
		"postgres": func(t *testing.T) guard.Store { return postgres.pooled(t).attempts(t) },
		"mariadb":  func(t *testing.T) guard.Store { return mariadb.pooled(t).attempts(t) },
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t)
			const instances, attempts = 32, 1000
			guards := make([]*guard.Guard, instances)
			for i := range guards {
				guards[i] = newGuard(t, store)
			}
			cookies, err := eventually(t, guards[0], nil)
			if err != nil {
				t.Fatal(err)
			}
			var checked, refused atomic.Int64
			var wg sync.WaitGroup
			for i := range attempts {
				wg.Go(func() {
					switch _, err := attempt(t, guards[i%instances], nil, jwtauth.ErrWrongPassword); {
					case errors.Is(err, guard.ErrPaused):
						refused.Add(1)
					case errors.Is(err, jwtauth.ErrWrongPassword):
						checked.Add(1)
					}
				})
			}
			wg.Go(func() {
				for i := range 20 {
					if cookies, err = attempt(t, guards[i], cookies, nil); err != nil {
						t.Errorf("the owner's login %d: %v", i, err)
						return
					}
				}
			})
			wg.Wait()
			unavailable := attempts - checked.Load() - refused.Load()
			t.Logf("%d checked, %d refused, %d unavailable", checked.Load(), refused.Load(), unavailable)
			if checked.Load() > 10 || refused.Load() == 0 {
				t.Errorf("%d attempts checked, want at most 10", checked.Load())
			}
		})
	}
}

// pooled returns a database whose pool has a size, as the documentation of
// sqlstore requires.
func (d database) pooled(*testing.T) database {
	open := d.open
	d.open = func(t testing.TB) *sql.DB {
		db := open(t)
		db.SetMaxOpenConns(20)
		db.SetMaxIdleConns(20)
		return db
	}
	return d
}

// The counters survive a restart of a durable server. While the server is
// down, and after it was killed, the owner logs in from a known device.
func TestAttemptsSurvive(t *testing.T) {
	for name, c := range map[string]struct {
		start func(t *testing.T) *servers.Server
		open  func(t *testing.T, s *servers.Server) guard.Store
	}{
		"redis": {
			func(t *testing.T) *servers.Server {
				return servers.Start(t, servers.Redis, "--appendonly", "yes", "--appendfsync", "always")
			},
			func(t *testing.T, s *servers.Server) guard.Store { return redisStore(t, redisClient(t, s)).Attempts() },
		},
		"postgres": {
			func(t *testing.T) *servers.Server { return servers.Start(t, servers.PostgreSQL) },
			func(t *testing.T, s *servers.Server) guard.Store {
				store, err := sqlstore.New(s.Open(t, s.NewDatabase(t)), sqlstore.PostgreSQL, sqlstore.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if err := store.Attempts().Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				return store.Attempts()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := c.start(t)
			store := c.open(t, server)
			g := newGuard(t, store)
			cookies, err := eventually(t, g, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 11 {
				_, err = eventually(t, g, jwtauth.ErrWrongPassword)
			}
			if !errors.Is(err, guard.ErrPaused) {
				t.Fatalf("%v, want a pause", err)
			}
			server.Kill(t)
			if cookies, err = attempt(t, g, cookies, nil); err != nil {
				t.Errorf("a known device during the outage: %v", err)
			}
			if _, err := attempt(t, g, nil, nil); !errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("an unknown device during the outage: %v", err)
			}
			server.Restart(t)

			g = newGuard(t, store)
			_, err = eventually(t, g, jwtauth.ErrWrongPassword) // clients connect again after some time
			if !errors.Is(err, guard.ErrPaused) {
				t.Errorf("an unknown device after the restart: %v, want a pause", err)
			}
			if _, err = attempt(t, g, cookies, nil); err != nil {
				t.Errorf("a known device after the restart: %v", err)
			}
		})
	}
}
