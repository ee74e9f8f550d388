package stores_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// Several instances start at once on an empty database, and again later.
func TestMigrateConcurrently(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			for range 5 {
				db := d.open(t)
				const instances = 8
				errs := make([]error, instances)
				var wg sync.WaitGroup
				for i := range instances {
					wg.Go(func() {
						store, err := sqlstore.New(db, d.dialect, sqlstore.Options{})
						if err == nil {
							err = store.Migrate(t.Context())
						}
						errs[i] = err
					})
				}
				wg.Wait()
				if err := errors.Join(errs...); err != nil {
					t.Fatal(err)
				}
				s := session("ada")
				store := d.on(t, db)
				create(t, store, s)
				if err := store.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got, err := store.Load(t.Context(), s.ID, now()); err != nil || got != s {
					t.Errorf("after a second Migrate: %v, %v", got, err)
				}
			}
		})
	}
}

// A foreign table of that name is reported at the start.
func TestMigrateForeignTable(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			if _, err := db.ExecContext(t.Context(), "CREATE TABLE jwtauth_sessions (id INTEGER, expires_at INTEGER, subject INTEGER)"); err != nil {
				t.Fatal(err)
			}
			store, err := sqlstore.New(db, d.dialect, sqlstore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Migrate(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("Migrate: %v; want ErrUnavailable", err)
			}
		})
	}
}

// The schema can be executed statement by statement, and twice.
func TestSchema(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			for range 2 {
				for _, statement := range strings.SplitAfter(sqlstore.Schema(d.dialect, sqlstore.Options{}), ";\n") {
					if statement == "" {
						continue
					}
					if _, err := db.ExecContext(t.Context(), strings.TrimSuffix(statement, ";\n")); err != nil {
						t.Fatalf("%v in:\n%s", err, statement)
					}
				}
			}
			store, err := sqlstore.New(db, d.dialect, sqlstore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := session("ada")
			create(t, store, s)
			if list, err := store.List(t.Context(), "ada", now()); err != nil || len(list) != 1 || list[0] != s {
				t.Errorf("List: %v, %v", list, err)
			}
		})
	}
}

// Cleanup deletes expired sessions, the oldest first, up to the limit.
func TestCleanup(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			store := d.migrated(t)
			begin := now()
			const ended = 450 // more than fits one step
			var all []jwtauth.Session
			for i := range ended + 3 {
				s := session(fmt.Sprint("user", i%7))
				s.ExpiresAt = begin.Add(time.Duration(i) * time.Second)
				all = append(all, s)
			}
			create(t, store, all...)
			at := all[ended-1].ExpiresAt // the last expired session

			if n, err := store.Cleanup(t.Context(), at, 0); n != 0 || err == nil {
				t.Errorf("with limit 0: %d, %v; want an error", n, err)
			}
			gone := 0
			for _, step := range []struct{ limit, want int }{{1, 1}, {210, 210}, {10_000, ended - 211}, {10, 0}} {
				n, err := store.Cleanup(t.Context(), at, step.limit)
				if n != step.want || err != nil {
					t.Fatalf("Cleanup of at most %d: %d, %v; want %d", step.limit, n, err, step.want)
				}
				gone += n
				for i, s := range all {
					_, err := store.Load(t.Context(), s.ID, begin.Add(-time.Second)) // before the first expiry
					if i < gone != errors.Is(err, jwtauth.ErrSessionEnded) {
						t.Fatalf("after %d went, number %d: %v", gone, i, err)
					}
				}
			}
		})
	}
}

// Several instances clean up at once. None fails, and each row is counted once.
func TestCleanupConcurrently(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			store := d.migrated(t)
			const ended = 600
			for range ended {
				s := session("ada")
				s.ExpiresAt = s.CreatedAt
				create(t, store, s)
			}
			var counts [4]int
			var errs [4]error
			var wg sync.WaitGroup
			for i := range counts {
				wg.Go(func() { counts[i], errs[i] = store.Cleanup(t.Context(), now(), ended) })
			}
			wg.Wait()
			if err := errors.Join(errs[:]...); err != nil {
				t.Error(err)
			}
			rest, err := store.Cleanup(t.Context(), now(), ended)
			sum := rest
			for _, n := range counts {
				sum += n
			}
			if err != nil || sum != ended {
				t.Errorf("%v and then %d, %v: not %d in all", counts, rest, err, ended)
			}
		})
	}
}

// One device logs out while all devices are logged out. On InnoDB, locks in
// different orders would make one of them fail.
func TestLogoutsDoNotDeadlock(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			store := d.migrated(t)
			for i := range 1000 { // other subjects, so that the databases use the index
				create(t, store, session(fmt.Sprint("user", i)))
			}
			for range 40 {
				var sessions []jwtauth.Session
				for range 8 {
					sessions = append(sessions, session("ada"))
				}
				create(t, store, sessions...)
				var wg sync.WaitGroup
				for _, s := range sessions {
					wg.Go(func() {
						if err := store.Delete(t.Context(), s.ID); err != nil {
							t.Errorf("Delete: %v", err)
						}
					})
					wg.Go(func() {
						if _, err := store.Swap(t.Context(), s, rotated(s), now()); err != nil {
							t.Errorf("Swap: %v", err)
						}
					})
				}
				for range 3 {
					wg.Go(func() {
						if err := store.DeleteSubject(t.Context(), "ada"); err != nil {
							t.Errorf("DeleteSubject: %v", err)
						}
					})
				}
				wg.Wait()
				if list, err := store.List(t.Context(), "ada", now()); len(list) != 0 || err != nil {
					t.Fatalf("left: %v, %v", list, err)
				}
			}
		})
	}
}

// Too long texts are refused and not cut, in any SQL mode of the server.
func TestTooLong(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			store := d.migrated(t)
			for name, change := range map[string]func(*jwtauth.Session, int){
				"ID": func(s *jwtauth.Session, more int) {
					s.ID += strings.Repeat("x", sqlstore.MaxIDBytes-len(s.ID)+more)
				},
				"Subject": func(s *jwtauth.Session, more int) { *s = session(strings.Repeat("x", sqlstore.MaxSubjectBytes+more)) },
				"Label":   func(s *jwtauth.Session, more int) { s.Label = strings.Repeat("x", sqlstore.MaxLabelBytes+more) },
			} {
				s := session("ada")
				change(&s, 1)
				err := store.Create(t.Context(), s)
				if err == nil || errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s, a byte too long: %v; want an error that names it", name, err)
				}
				s = session("ada")
				change(&s, 0)
				create(t, store, s)
				if got, err := store.Load(t.Context(), s.ID, now()); err != nil || got != s {
					t.Errorf("%s of the full length came back as %v, %v", name, got, err)
				}
			}
		})
	}
}

// Two processes share a file. Two pools represent them, because SQLite locks
// files and does not distinguish pools from processes.
func TestSQLiteShared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	var stores []*sqlstore.Store
	for range 2 {
		stores = append(stores, sqlite.on(t, openSQLite(t, file)))
	}
	s := session("ada")
	create(t, stores[0], s)
	for range 20 {
		const callers = 8
		var won [callers]bool
		var next [callers]jwtauth.Session
		var wg sync.WaitGroup
		for i := range callers {
			next[i] = rotated(s)
			next[i].RotatedAt = next[i].RotatedAt.Add(time.Duration(i) * time.Millisecond)
			wg.Go(func() {
				var err error
				if won[i], err = stores[i%2].Swap(t.Context(), s, next[i], now()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		winners := 0
		for i := range callers {
			if won[i] {
				winners++
				s = next[i]
			}
		}
		if winners != 1 {
			t.Fatalf("%d of %d won", winners, callers)
		}
		if got, err := stores[0].Load(t.Context(), s.ID, now()); err != nil || got != s {
			t.Fatalf("%v, %v; want what won, %v", got, err, s)
		}
	}
}
