package stores_test

import (
	"crypto/rand"
	"fmt"
	mrand "math/rand/v2"
	"sync"
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

// A user can fail with any number of known devices. An attempt for the account
// checks few of their counters on Redis, so it does not delay other commands.
func TestAttemptsOfRedisWithManyDevices(t *testing.T) {
	ctx := t.Context()
	client := redisClient(t, servers.Start(t, servers.Redis, "--appendonly", "no"))
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const key, devices = "jwtauth:attempts:{account}", 2000
	a, start := store.Attempts(), now()
	counters := make(map[string]any)
	for i := range devices {
		counters[fmt.Sprintf("device %015d", i)] = fmt.Sprintf("%d 1 %d", start.UnixMilli(), (20 * time.Minute).Milliseconds())
	}
	client.HSet(ctx, key, counters)
	reserve := func(at time.Time) {
		t.Helper()
		if _, _, _, _, _, err := a.Reserve(ctx, "account", "", 0, at, 3, time.Minute, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	reserve(start)
	later := start.Add(22 * time.Minute) // all counters of devices are old
	before := client.HLen(ctx, key).Val()
	reserve(later)
	if removed := before - client.HLen(ctx, key).Val(); removed < 1 || removed > 100 {
		t.Errorf("one attempt removes %d counters, want about ten", removed)
	}
	for i := range devices / 5 {
		reserve(later.Add(time.Duration(i) * time.Hour))
	}
	if n := client.HLen(ctx, key).Val(); n > 66 {
		t.Errorf("%d fields are left, want at most 66", n)
	}
}

// Attempts succeed while old rows are deleted. On InnoDB, locks in different
// orders would make some of them fail.
func TestAttemptsCleanupDoesNotDeadlock(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			a, ctx, at := d.pooled(t).attempts(t), t.Context(), now()
			over := make(chan struct{})
			var cleaner, attackers sync.WaitGroup
			cleaner.Go(func() {
				for {
					if _, err := a.Cleanup(ctx, at, 100); err != nil {
						t.Errorf("Cleanup: %v", err)
						return
					}
					select {
					case <-over:
						return
					default:
					}
				}
			})
			for range 8 {
				attackers.Go(func() {
					for range 100 {
						account := rand.Text()[:22]
						old := at.Add(-time.Duration(mrand.IntN(3000)) * time.Hour)
						for i := range 6 { // a changed row is old, too
							_, _, _, _, _, err := a.Reserve(ctx, account, "", 0, old.Add(time.Duration(i)*time.Minute), 3, time.Minute, 2*time.Minute)
							if err != nil {
								t.Errorf("Reserve: %v", err)
							}
						}
					}
				})
			}
			attackers.Wait()
			close(over)
			cleaner.Wait()
		})
	}
}
