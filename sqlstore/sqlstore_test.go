package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

var dialects = map[string]sqlstore.Dialect{
	"PostgreSQL": sqlstore.PostgreSQL, "SQLite": sqlstore.SQLite, "MySQL": sqlstore.MySQL,
}

var when = time.UnixMilli(1_800_000_000_000).UTC()

var ada = jwtauth.Session{
	ID: jwtauth.SubjectTag("ada") + "-1", Subject: "ada", Label: "a test", Generation: 1,
	CreatedAt: when, AuthTime: when, RotatedAt: when, ExpiresAt: when.Add(time.Hour), EndsAt: when.Add(2 * time.Hour),
}

func open(t *testing.T, f *fake, d sqlstore.Dialect) *sqlstore.Store {
	t.Helper()
	store, err := sqlstore.New(f.open(t), d, sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestNewNamesAllFaults(t *testing.T) {
	_, err := sqlstore.New(nil, 0, sqlstore.Options{})
	if err == nil || !strings.Contains(err.Error(), "db is nil") || !strings.Contains(err.Error(), "dialect 0") {
		t.Errorf("%v; want both faults", err)
	}
	if _, err := sqlstore.New(new(sql.DB), sqlstore.MySQL+1, sqlstore.Options{}); err == nil {
		t.Error("New accepts a dialect after the last one")
	}
}

// The DSN of MySQL's driver selects whether it counts found or changed rows.
// For a row that has the new values already, the count is 1 or 0.
func TestSwapByEitherCount(t *testing.T) {
	tests := []struct {
		name     string
		affected int64
		inPlace  bool
		won      bool
	}{
		{"row changed", 1, false, true},
		{"values in place, found rows counted", 1, true, true},
		{"values in place, changed rows counted", 0, true, true},
		{"another generation", 0, false, false},
	}
	for name, d := range dialects {
		for _, test := range tests {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				f := &fake{affected: test.affected}
				if test.inPlace {
					f.rows = [][]driver.Value{sessionRow(ada)}
				}
				won, err := open(t, f, d).Swap(t.Context(), ada, ada, when)
				if won != test.won || err != nil {
					t.Errorf("%v, %v; want %v", won, err, test.won)
				}
			})
		}
	}
}

// A row that an earlier attempt of the same call has created is not another
// session.
func TestCreateRepeated(t *testing.T) {
	row := func(label string) [][]driver.Value {
		s := ada
		s.Label = label
		return [][]driver.Value{sessionRow(s)}
	}
	for name, d := range dialects {
		for _, test := range []struct {
			name  string
			found [][]driver.Value
			fault bool
		}{{"same", row(ada.Label), false}, {"other", row("another"), true}} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				finer := ada // the store truncates times to milliseconds
				finer.CreatedAt = finer.CreatedAt.Add(time.Microsecond)
				err := open(t, &fake{rows: test.found}, d).Create(t.Context(), finer)
				if test.fault != (err != nil) || errors.Is(err, jwtauth.ErrUnavailable) {
					t.Errorf("%v; want an error: %v, and never ErrUnavailable", err, test.fault)
				}
			})
		}
	}
}

func TestStatementsUseTheDialect(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			f := &fake{affected: 1}
			store := open(t, f, d)
			if err := store.Create(t.Context(), ada); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Swap(t.Context(), ada, ada, when); err != nil {
				t.Fatal(err)
			}
			for _, text := range f.did(t, "") {
				if strings.Contains(text, "$1") != (d == sqlstore.PostgreSQL) || strings.Contains(text, "?") != (d != sqlstore.PostgreSQL) {
					t.Errorf("placeholders of another dialect: %s", text)
				}
			}
			if n := len(f.did(t, "UPDATE")); n != 1 {
				t.Errorf("a rotation executed %d UPDATEs, want 1", n)
			}
			if n := len(f.did(t, "SELECT")); n != 0 {
				t.Errorf("successful calls executed %d SELECTs, want 0", n)
			}
		})
	}
}

// Errors contain the text of the driver's error and do not wrap it. They wrap
// the error of the context.
func TestErrors(t *testing.T) {
	broken := errors.New("driver: bad things")
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			store := open(t, &fake{err: broken}, d)
			over, cancel := context.WithCancel(t.Context())
			cancel()
			for call, do := range map[string]func(context.Context) error{
				"create":         func(ctx context.Context) error { return store.Create(ctx, ada) },
				"load":           func(ctx context.Context) error { _, err := store.Load(ctx, ada.ID, when); return err },
				"swap":           func(ctx context.Context) error { _, err := store.Swap(ctx, ada, ada, when); return err },
				"delete":         func(ctx context.Context) error { return store.Delete(ctx, ada.ID) },
				"delete subject": func(ctx context.Context) error { return store.DeleteSubject(ctx, ada.Subject) },
				"list":           func(ctx context.Context) error { _, err := store.List(ctx, ada.Subject, when); return err },
				"migrate":        store.Migrate,
				"cleanup":        func(ctx context.Context) error { _, err := store.Cleanup(ctx, when, 1); return err },
			} {
				err := do(t.Context())
				if !errors.Is(err, jwtauth.ErrUnavailable) || errors.Is(err, broken) || errors.Is(err, jwtauth.ErrSessionEnded) {
					t.Errorf("%s: %v; want ErrUnavailable only", call, err)
				}
				if text := err.Error(); !strings.Contains(text, "sqlstore: "+call+": driver: bad things") || strings.Contains(text, ada.ID) {
					t.Errorf("%s: %q; want the call and the driver's text, and no ID", call, text)
				}
				if err := do(over); !errors.Is(err, jwtauth.ErrUnavailable) || !errors.Is(err, context.Canceled) {
					t.Errorf("%s with an ended context: %v; want ErrUnavailable and its error", call, err)
				}
			}
		})
	}
}

func TestLoadUnknown(t *testing.T) {
	for name, d := range dialects {
		if _, err := open(t, &fake{}, d).Load(t.Context(), ada.ID, when); !errors.Is(err, jwtauth.ErrSessionEnded) || errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%s: %v; want ErrSessionEnded", name, err)
		}
	}
}

func TestSchemaOfUnknownDialect(t *testing.T) {
	if text := sqlstore.Schema(0, sqlstore.Options{}); text != "" {
		t.Errorf("Schema(0) returned %q", text)
	}
}

// A driver of SQLite ignores the context while it waits for a lock. Calls whose
// context has ended do not queue behind it and are not executed later.
func TestSQLiteAbandonedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locked := make(chan struct{})
		f := &fake{affected: 1, block: func(context.Context, string) error { <-locked; return nil }}
		db := f.open(t)
		db.SetMaxOpenConns(2)
		store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			_, err := store.Swap(ctx, ada, ada, when)
			cancel()
			if took := time.Since(began); !errors.Is(err, jwtauth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
				t.Fatalf("%v after %v; want ErrUnavailable and the context's error after a second", err, took)
			}
		}
		if n := db.Stats().WaitCount; n > 0 {
			t.Errorf("%d calls wait in the pool", n)
		}
		close(locked)
		synctest.Wait()
		if n := len(f.did(t, "UPDATE")); n > 2 {
			t.Errorf("%d of 20 abandoned calls were executed; there are 2 connections", n)
		}
		if won, err := store.Swap(t.Context(), ada, ada, when); !won || err != nil {
			t.Errorf("afterwards: %v, %v", won, err)
		}
		time.Sleep(time.Minute) // all workers end, or synctest fails the test
	})
}

// A driver that panics or ends its goroutine ends neither the program nor the
// store.
func TestSQLiteDriverPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var does func()
		f := &fake{affected: 1, block: func(context.Context, string) error { does(); return nil }}
		db := f.open(t)
		db.SetMaxOpenConns(1)
		store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		deletes := func() (panicked any, err error) {
			defer func() { panicked = recover() }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return nil, store.Delete(ctx, ada.ID)
		}
		for _, test := range []struct {
			name     string
			does     func()
			panicked any
			err      error
		}{
			{"panic", func() { panic("out of order") }, "out of order", nil},
			{"panic after the caller has returned", func() { time.Sleep(2 * time.Second); panic("out of order") }, nil, context.DeadlineExceeded},
			{"Goexit", runtime.Goexit, nil, jwtauth.ErrUnavailable},
			{"no panic", func() {}, nil, nil},
		} {
			does = test.does
			if panicked, err := deletes(); panicked != test.panicked || !errors.Is(err, test.err) {
				t.Errorf("%s: panic %v, error %v; want %v, %v", test.name, panicked, err, test.panicked, test.err)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
	})
}

// While the server does not respond to a prepare, every call still ends with
// its own context.
func TestPrepareHangs(t *testing.T) {
	asked := make(chan struct{}, 2)
	f := &fake{affected: 1, block: func(ctx context.Context, _ string) error {
		asked <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	store := open(t, f, sqlstore.MySQL)
	patient, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	swap := func(ctx context.Context) {
		_, err := store.Swap(ctx, ada, ada, when)
		ended <- err
	}
	go swap(patient)
	<-asked
	impatient, giveUp := context.WithCancel(t.Context())
	go swap(impatient)
	giveUp()
	select {
	case err := <-ended:
		if !errors.Is(err, jwtauth.ErrUnavailable) || patient.Err() != nil {
			t.Errorf("%v; want ErrUnavailable", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a call waits for another one although its context has ended")
	}
	cancel()
	<-ended
}
