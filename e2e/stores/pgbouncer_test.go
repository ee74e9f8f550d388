package stores_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/lib/pq"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// poolers are settings of drivers behind PgBouncer in transaction mode, and
// whether the documentation promises that they work.
var poolers = []struct {
	driver, setting string
	works           bool
}{
	{"pgx", "default_query_exec_mode=cache_describe", true},
	{"pgx", "default_query_exec_mode=exec", true},
	{"pgx", "default_query_exec_mode=simple_protocol", true},
	{"postgres", "binary_parameters=yes", true},
	{"pgx", "default_query_exec_mode=cache_statement", false}, // the default
	{"pgx", "default_query_exec_mode=describe_exec", false},
	{"postgres", "binary_parameters=no", false}, // the default
}

// Two services use one database through PgBouncer in transaction mode. With the
// documented settings no call fails. With the others calls may fail, but no
// call that returns without an error has a wrong result.
func TestPgBouncer(t *testing.T) {
	const workers = 8
	server := servers.Shared(t, servers.PostgreSQL)
	bouncer := servers.StartPgBouncer(t, server)
	for _, p := range poolers {
		t.Run(p.driver+"/"+p.setting, func(t *testing.T) {
			database := server.NewDatabase(t)
			direct := make([]*sqlstore.Store, 2)
			pooled := make([]*sqlstore.Store, 2)
			db, err := sql.Open(p.driver, bouncer.DSN(database)+"&"+p.setting)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(workers)
			db.SetMaxIdleConns(workers)
			for i, table := range []string{"shop", "forum"} {
				direct[i] = migrateTable(t, server.Open(t, database), table)
				if pooled[i], err = sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{Table: table}); err != nil {
					t.Fatal(err)
				}
			}

			rounds, repeat := int64(1000), 0
			if !p.works {
				rounds, repeat = 300, 20
			}
			var passed, next atomic.Int64
			var failed tally
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for {
						n := next.Add(1)
						if n > rounds {
							return
						}
						r := poolerRound{direct: direct[n%2], pooled: pooled[n%2], n: n, repeat: repeat, failed: &failed}
						call, err := r.run(t.Context())
						switch {
						case err == nil:
							passed.Add(1)
						case !errors.Is(err, jwtauth.ErrUnavailable):
							t.Errorf("wrong result of %s: %v", call, err)
						}
					}
				})
			}
			wg.Wait()
			t.Logf("%d of %d rounds passed; calls that failed: %v", passed.Load(), rounds, failed.counts)
			if p.works && passed.Load() != rounds {
				t.Errorf("%d of %d rounds failed, such as: %v", rounds-passed.Load(), rounds, failed.last)
			}
		})
	}
}

// tally counts failures by call.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
	last   error
}

func (c *tally) add(call string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	c.counts[call]++
	c.last = err
}

func migrateTable(t *testing.T, db *sql.DB, table string) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(db, sqlstore.PostgreSQL, sqlstore.Options{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// poolerRound is the life of two sessions of one subject. Each result of the
// pooled store is checked, with the direct store if it is not an error.
type poolerRound struct {
	direct, pooled *sqlstore.Store
	n              int64
	repeat         int // how often a call is repeated that fails with ErrUnavailable
	failed         *tally
}

// run returns the call that failed, and its error or a description of its wrong
// result.
func (r poolerRound) run(ctx context.Context) (call string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	subject := fmt.Sprint("user ", r.n)
	a, b := session(subject), session(subject)
	want := map[string]jwtauth.Session{a.ID: a, b.ID: b}
	next := rotated(a)
	steps := []struct {
		call string
		do   func() error
	}{
		{"Create", func() error { return r.pooled.Create(ctx, a) }},
		{"Create", func() error { return r.pooled.Create(ctx, b) }},
		{"Load", func() error { return wantLoaded(ctx, r.pooled, a) }},
		{"Swap", func() error {
			want[a.ID] = next
			return wantSwap(ctx, r.pooled, a, next, true)
		}},
		{"Swap of a rotated session", func() error {
			other := rotated(a)
			other.Label = "another"
			return wantSwap(ctx, r.pooled, a, other, false)
		}},
		{"List", func() error { return wantListed(ctx, r.pooled, subject, want) }},
		{"Delete", func() error {
			delete(want, a.ID)
			return r.pooled.Delete(ctx, a.ID)
		}},
		{"Load of an ended session", func() error { return wantUnknown(ctx, r.pooled, a.ID) }},
		{"DeleteSubject", func() error {
			delete(want, b.ID)
			return r.pooled.DeleteSubject(ctx, subject)
		}},
		{"List without sessions", func() error { return wantListed(ctx, r.pooled, subject, nil) }},
	}
	created := 0
	for _, step := range steps {
		err := step.do()
		for i := 0; errors.Is(err, jwtauth.ErrUnavailable); i++ {
			r.failed.add(step.call, err)
			if i >= r.repeat {
				break
			}
			err = step.do()
		}
		if err != nil {
			return step.call, err
		}
		if step.call == "Create" {
			if created++; created < 2 {
				continue
			}
		}
		// The database has what the results say.
		if err := wantListed(ctx, r.direct, subject, want); err != nil {
			return step.call, fmt.Errorf("afterwards: %v", err)
		}
	}
	return "", nil
}

func wantLoaded(ctx context.Context, store jwtauth.SessionStore, want jwtauth.Session) error {
	got, err := store.Load(ctx, want.ID, now())
	if err == nil && got != want {
		err = fmt.Errorf("%+v instead of %+v", got, want)
	}
	return err
}

func wantUnknown(ctx context.Context, store jwtauth.SessionStore, id string) error {
	switch _, err := store.Load(ctx, id, now()); {
	case errors.Is(err, jwtauth.ErrSessionEnded):
		return nil
	case err == nil:
		return errors.New("it is still active")
	default:
		return err
	}
}

func wantSwap(ctx context.Context, store jwtauth.SessionStore, old, next jwtauth.Session, want bool) error {
	won, err := store.Swap(ctx, old, next, now())
	if err == nil && won != want {
		err = fmt.Errorf("it returned %v", won)
	}
	return err
}

func wantListed(ctx context.Context, store jwtauth.SessionStore, subject string, want map[string]jwtauth.Session) error {
	list, err := store.List(ctx, subject, now())
	if err != nil {
		return err
	}
	got := make(map[string]jwtauth.Session)
	for _, s := range list {
		got[s.ID] = s
	}
	if len(list) != len(want) || !maps.Equal(got, want) {
		return fmt.Errorf("%+v instead of %+v", list, slices.Collect(maps.Values(want)))
	}
	return nil
}
