package stores_test

import (
	"testing"

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
