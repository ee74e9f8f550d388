package stores_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
)

// calls are all methods of a store, for one session.
func calls(store jwtauth.SessionStore, s jwtauth.Session) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Create": func(ctx context.Context) error { return store.Create(ctx, s) },
		"Load":   func(ctx context.Context) error { _, err := store.Load(ctx, s.ID, now()); return err },
		"Swap": func(ctx context.Context) error {
			won, err := store.Swap(ctx, s, rotated(s), now())
			if won {
				return errors.New("won")
			}
			return err
		},
		"Delete":        func(ctx context.Context) error { return store.Delete(ctx, s.ID) },
		"DeleteSubject": func(ctx context.Context) error { return store.DeleteSubject(ctx, s.Subject) },
		"List":          func(ctx context.Context) error { _, err := store.List(ctx, s.Subject, now()); return err },
	}
}

const patience = 300 * time.Millisecond

// wantBounded calls a store whose server does not respond. Each call ends with
// the context and returns ErrUnavailable.
func wantBounded(t *testing.T, store jwtauth.SessionStore) {
	t.Helper()
	for name, call := range calls(store, session("ada")) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		begin := time.Now()
		err := call(ctx)
		took := time.Since(begin)
		cancel()
		if !errors.Is(err, jwtauth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v; want ErrUnavailable and the context's error", name, err)
		}
		if took > patience+time.Second {
			t.Errorf("%s returned after %v; its context was over after %v", name, took, patience)
		}
	}
}

// While its server is down, a store returns ErrUnavailable in time and without
// the driver's errors. Afterwards it works again.
func TestServerDown(t *testing.T) {
	type backend struct {
		kind *servers.Kind
		open func(t *testing.T, s *servers.Server) jwtauth.SessionStore
	}
	backends := map[string]backend{
		"redis": {servers.Redis, func(t *testing.T, s *servers.Server) jwtauth.SessionStore { return redisStore(t, redisClient(t, s)) }},
	}
	for _, d := range []database{postgres, mariadb} {
		backends[d.name] = backend{d.kind, func(t *testing.T, s *servers.Server) jwtauth.SessionStore {
			return d.on(t, s.Open(t, s.NewDatabase(t)))
		}}
	}
	for name, b := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := servers.Start(t, b.kind)
			store := b.open(t, server)
			s := session("ada")
			create(t, store, s)
			if _, err := store.Load(t.Context(), s.ID, now()); err != nil { // with prepared statements from now on
				t.Fatal(err)
			}

			server.Kill(t)
			for name, call := range calls(store, s) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				begin := time.Now()
				err := call(ctx)
				cancel()
				if !errors.Is(err, jwtauth.ErrUnavailable) || errors.Is(err, jwtauth.ErrSessionEnded) {
					t.Errorf("%s: %v; want ErrUnavailable", name, err)
				}
				if op := (*net.OpError)(nil); errors.As(err, &op) {
					t.Errorf("%s: the driver's error can be reached: %v", name, err)
				}
				if took := time.Since(begin); took > 4*time.Second {
					t.Errorf("%s took %v", name, took)
				}
			}

			server.Restart(t)
			var got jwtauth.Session
			var err error
			for range 100 { // a pool may hold broken connections, or not dial for a while
				if got, err = store.Load(t.Context(), s.ID, now()); !errors.Is(err, jwtauth.ErrUnavailable) {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if err != nil || got != s {
				t.Errorf("after the restart: %+v, %v", got, err)
			}
			if won, err := store.Swap(t.Context(), s, rotated(s), now()); !won || err != nil {
				t.Errorf("after the restart: Swap %v, %v", won, err)
			}
		})
	}
}

// A database that hangs: another client has locked the row, or for SQLite the
// file.
func TestSQLContextEndsCall(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			db := d.open(t)
			store := d.on(t, db)
			s := session("ada")
			create(t, store, s)
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.ExecContext(t.Context(), "UPDATE jwtauth_sessions SET label = subject"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begin := time.Now()
			won, err := store.Swap(ctx, s, rotated(s), now())
			if won || !errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("Swap of a locked row: %v, %v; want ErrUnavailable", won, err)
			}
			if took := time.Since(begin); took < patience/2 || took > patience+2*time.Second {
				t.Errorf("it took %v, with %v to go", took, patience)
			}
			if strings.Contains(err.Error(), s.ID) {
				t.Errorf("%v: names the session", err)
			}
		})
	}
}
