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
	store, err := sqlstore.New(f.open(t), d)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestNewNamesAllFaults(t *testing.T) {
	_, err := sqlstore.New(nil, 0)
	if err == nil || !strings.Contains(err.Error(), "db is nil") || !strings.Contains(err.Error(), "dialect 0") {
		t.Errorf("%v; want both faults", err)
	}
	if _, err := sqlstore.New(new(sql.DB), sqlstore.MySQL+1); err == nil {
		t.Error("a dialect after the last was taken")
	}
}

// A driver of MySQL counts the rows that were found, or those that were changed, as its DSN says. A row
// that holds the wanted values already is 1 to the first and 0 to the second.
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
					f.rows = [][]driver.Value{{int64(1)}}
				}
				won, err := open(t, f, d).Swap(t.Context(), 1, ada, when)
				if won != test.won || err != nil {
					t.Errorf("%v, %v; want %v", won, err, test.won)
				}
			})
		}
	}
}

// A row that the driver's own repetition finds is no other session.
func TestCreateRepeated(t *testing.T) {
	ms := func(t time.Time) int64 { return t.UnixMilli() }
	row := func(label string) [][]driver.Value {
		return [][]driver.Value{{[]byte(ada.ID), []byte(ada.Subject), []byte(label), int64(1),
			ms(ada.CreatedAt), ms(ada.AuthTime), ms(ada.RotatedAt), ms(ada.ExpiresAt), ms(ada.EndsAt)}}
	}
	for name, d := range dialects {
		for _, test := range []struct {
			name  string
			found [][]driver.Value
			fault bool
		}{{"same", row(ada.Label), false}, {"other", row("another"), true}, {"ended", nil, true}} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				finer := ada // what is finer than a millisecond is not stored
				finer.CreatedAt = finer.CreatedAt.Add(time.Microsecond)
				err := open(t, &fake{rows: test.found}, d).Create(t.Context(), finer)
				if test.fault != (err != nil) || errors.Is(err, jwtauth.ErrUnavailable) {
					t.Errorf("%v; want an error: %v, and never ErrUnavailable", err, test.fault)
				}
			})
		}
	}
}

func TestStatementsSpeakTheDialect(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			f := &fake{affected: 1}
			store := open(t, f, d)
			if err := store.Create(t.Context(), ada); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Swap(t.Context(), 1, ada, when); err != nil {
				t.Fatal(err)
			}
			for _, text := range f.did(t, "") {
				if strings.Contains(text, "$1") != (d == sqlstore.PostgreSQL) || strings.Contains(text, "?") != (d != sqlstore.PostgreSQL) {
					t.Errorf("placeholders of another dialect: %s", text)
				}
			}
			if n := len(f.did(t, "UPDATE")); n != 1 {
				t.Errorf("a rotation that won took %d UPDATEs", n)
			}
			if n := len(f.did(t, "SELECT")); n != 0 {
				t.Errorf("calls that succeeded asked %d times more", n)
			}
		})
	}
}

// No error of a driver gets out, but its text does; a context's error does, too.
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
				"swap":           func(ctx context.Context) error { _, err := store.Swap(ctx, 1, ada, when); return err },
				"delete":         func(ctx context.Context) error { return store.Delete(ctx, ada.ID) },
				"delete subject": func(ctx context.Context) error { return store.DeleteSubject(ctx, ada.Subject) },
				"list":           func(ctx context.Context) error { _, err := store.List(ctx, ada.Subject, when); return err },
				"migrate":        store.Migrate,
				"cleanup":        func(ctx context.Context) error { _, err := store.Cleanup(ctx, when, 1); return err },
			} {
				err := do(t.Context())
				if !errors.Is(err, jwtauth.ErrUnavailable) || errors.Is(err, broken) || errors.Is(err, jwtauth.ErrSessionEnded) {
					t.Errorf("%s: %v; want ErrUnavailable and nothing else", call, err)
				}
				if text := err.Error(); !strings.Contains(text, "sqlstore: "+call+": driver: bad things") || strings.Contains(text, ada.ID) {
					t.Errorf("%s: %q; want the call and the driver's text, and no id", call, text)
				}
				if err := do(over); !errors.Is(err, jwtauth.ErrUnavailable) || !errors.Is(err, context.Canceled) {
					t.Errorf("%s with a context that is over: %v; want ErrUnavailable and its error", call, err)
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

func TestSchemaOfNoDialect(t *testing.T) {
	if text := sqlstore.Schema(0); text != "" {
		t.Errorf("%q; want nothing", text)
	}
}

// A driver of SQLite hears of no context while it waits for a lock. Calls that were given up then do not pile up behind it, to
// be carried out when nobody wants them any longer.
func TestSQLiteAbandonedCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		locked := make(chan struct{})
		f := &fake{affected: 1, block: func(context.Context, string) error { <-locked; return nil }}
		db := f.open(t)
		db.SetMaxOpenConns(2)
		store, err := sqlstore.New(db, sqlstore.SQLite)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			began := time.Now()
			_, err := store.Swap(ctx, 1, ada, when)
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
			t.Errorf("%d of 20 calls that were given up were carried out all the same; there are 2 connections", n)
		}
		if won, err := store.Swap(t.Context(), 1, ada, when); !won || err != nil {
			t.Errorf("afterwards: %v, %v", won, err)
		}
		time.Sleep(time.Minute) // no worker is left
	})
}

// What a driver of SQLite does to the goroutine of a call ends neither the program nor the store.
func TestSQLiteDriverPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var does func()
		f := &fake{affected: 1, block: func(context.Context, string) error { does(); return nil }}
		db := f.open(t)
		db.SetMaxOpenConns(1)
		store, err := sqlstore.New(db, sqlstore.SQLite)
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
			{"panic when nobody waits", func() { time.Sleep(2 * time.Second); panic("out of order") }, nil, context.DeadlineExceeded},
			{"Goexit", runtime.Goexit, nil, jwtauth.ErrUnavailable},
			{"nothing", func() {}, nil, nil},
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

// A statement that the server does not prepare keeps nobody waiting for longer than they have the time.
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
		_, err := store.Swap(ctx, 1, ada, when)
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
		t.Error("a call waits for another one's, though its context is over")
	}
	cancel()
	<-ended
}
