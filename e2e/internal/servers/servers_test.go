package servers_test

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// Committed data exists after a kill and after a stop, at the same address. In
// between, there is no response.
func TestSQLServerComesBack(t *testing.T) {
	for name, kind := range map[string]*servers.Kind{"postgres": servers.PostgreSQL, "mariadb": servers.MariaDB} {
		t.Run(name, func(t *testing.T) {
			s := servers.Start(t, kind)
			db := s.Open(t, s.NewDatabase(t))
			var err error
			exec := func(text string) {
				t.Helper()
				if _, err := db.ExecContext(t.Context(), text); err != nil {
					t.Fatal(err)
				}
			}
			exec("CREATE TABLE kept (n BIGINT)")
			for i, end := range []func(testing.TB){s.Kill, s.Stop} {
				exec("INSERT INTO kept VALUES (1)")
				end(t)
				wantDown(t, s)
				s.Restart(t)
				var n int
				for range 10 { // each broken connection of db fails once
					if err = db.QueryRowContext(t.Context(), "SELECT count(*) FROM kept").Scan(&n); err == nil {
						break
					}
				}
				if err != nil || n != i+1 {
					t.Errorf("%d rows, %v; want %d", n, err, i+1)
				}
			}
		})
	}
}

func TestRedisComesBack(t *testing.T) {
	s := servers.Start(t, servers.Redis, "--appendfsync", "always")
	client := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer client.Close()
	if got := client.ConfigGet(t.Context(), "appendfsync").Val()["appendfsync"]; got != "always" {
		t.Errorf("appendfsync is %q: the test's own arguments are not in force", got)
	}
	for i, end := range []func(testing.TB){s.Kill, s.Stop} {
		if err := client.Incr(t.Context(), "kept").Err(); err != nil {
			t.Fatal(err)
		}
		end(t)
		wantDown(t, s)
		s.Restart(t)
		if n, err := client.Get(t.Context(), "kept").Int(); err != nil || n != i+1 {
			t.Errorf("%d, %v; want %d", n, err, i+1)
		}
	}
}

func TestSharedIsOne(t *testing.T) {
	a, b := servers.Shared(t, servers.Redis), servers.Shared(t, servers.Redis)
	if a != b {
		t.Errorf("two servers, %s and %s", a.Addr, b.Addr)
	}
}

// A server from Start does not outlive its test.
func TestStartedEndsWithTest(t *testing.T) {
	var s *servers.Server
	t.Run("inner", func(t *testing.T) { s = servers.Start(t, servers.Redis) })
	if s != nil { // nil if the test was skipped
		wantDown(t, s)
	}
}

func wantDown(t *testing.T, s *servers.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr); err == nil {
		conn.Close()
		t.Errorf("%s still listens", s.Addr)
	}
}
