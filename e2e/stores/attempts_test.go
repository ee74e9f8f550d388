package stores_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/internal/attempts/storetest"
	"github.com/seed-0a072700/jwtauth/redisstore"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

var (
	_ guard.Store = (*sqlstore.Attempts)(nil)
	_ guard.Store = (*redisstore.Attempts)(nil)
)

// attempts returns counters on an empty database.
func (d database) attempts(t testing.TB) *sqlstore.Attempts {
	t.Helper()
	a := d.migrated(t).Attempts()
	for range 2 {
		if err := a.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// TestAttempts compares the counters of each store with those of package
// attempts.
func TestAttempts(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			a := d.attempts(t)
			storetest.Run(t, func(*testing.T) storetest.Store { return a })
		})
	}
	t.Run("mariadb/found-rows", func(t *testing.T) {
		a := mariadb.on(t, openMariaDB(t, "?clientFoundRows=true&interpolateParams=true")).Attempts()
		if err := a.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		storetest.Run(t, func(*testing.T) storetest.Store { return a })
	})
	t.Run("redis", func(t *testing.T) {
		a := redisStore(t, redisClient(t, servers.Shared(t, servers.Redis))).Attempts()
		storetest.Run(t, func(*testing.T) storetest.Store { return a })
	})
	t.Run("redis/cluster", func(t *testing.T) {
		a := redisStore(t, clusterClient(t, startCluster(t))).Attempts()
		storetest.Run(t, func(*testing.T) storetest.Store { return a })
	})
}

// Cleanup deletes the rows of old attempts and of old epochs, and no other.
func TestAttemptsCleanup(t *testing.T) {
	const window, longest = time.Minute, time.Hour // a failure is forgotten after 21 minutes
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			a, ctx, start := d.attempts(t), t.Context(), now()
			for i := range 30 {
				account, device := fmt.Sprintf("%022d", i), ""
				if i%2 == 0 {
					device = "device"
				}
				if _, _, _, _, _, err := a.Reserve(ctx, account, device, 0, start.Add(time.Duration(i)*time.Minute), 3, window, longest); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.Reset(ctx, "reset", start, start.Add(24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			if err := a.Reset(ctx, fmt.Sprintf("%022d", 1), start, start.Add(24*time.Hour)); err != nil {
				t.Fatal(err)
			}
			deleted := 0
			for later := start.Add(30 * time.Minute); ; {
				n, err := a.Cleanup(ctx, later, 4)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 {
					break
				}
				deleted += n
			}
			if deleted != 9 { // of ten accounts, one has an epoch
				t.Errorf("%d rows deleted, want 9", deleted)
			}
			for _, account := range []string{"reset", fmt.Sprintf("%022d", 1)} {
				if epoch, err := a.Epoch(ctx, account); epoch != start.UnixMilli() || err != nil {
					t.Errorf("the epoch of %s: %d, %v", account, epoch, err)
				}
			}
			if n, err := a.Cleanup(ctx, start.Add(48*time.Hour), 100); n != 22 || err != nil {
				t.Errorf("two days later: %d rows, %v, want 22", n, err)
			}
		})
	}
}
