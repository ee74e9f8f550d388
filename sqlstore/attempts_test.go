package sqlstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/attempts/storetest"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

func reserve(t *testing.T, a *sqlstore.Attempts) (left int, wait time.Duration) {
	t.Helper()
	_, _, _, left, wait, err := a.Reserve(t.Context(), "account", "", 0, when, 3, time.Minute, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return left, wait
}

// A login executes one SELECT and one change before the check, and one change
// after it. A refused attempt changes no row.
func TestAttemptsStatements(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			f := &fake{affected: 1}
			a := open(t, f, d).Attempts()
			if left, wait := reserve(t, a); left != 2 || wait != 0 {
				t.Errorf("%d left, wait %v", left, wait)
			}
			if err := a.Refund(t.Context(), "account", "", when.UnixMilli(), 3, time.Hour); err != nil {
				t.Fatal(err)
			}
			if s, i, u, all := len(f.did(t, "SELECT")), len(f.did(t, "INSERT")), len(f.did(t, "UPDATE")), len(f.did(t, "")); s != 1 || i != 1 || u != 1 || all != 3 {
				t.Errorf("%d SELECT, %d INSERT and %d UPDATE of %d statements", s, i, u, all)
			}
			f.rows = [][]driver.Value{{[]byte("-"), int64(0), when.UnixMilli(), int64(3), time.Hour.Milliseconds()}}
			if left, wait := reserve(t, a); left != 0 || wait != 2*time.Minute {
				t.Errorf("a used up counter: %d left, wait %v", left, wait)
			}
			if changes := len(f.did(t, "")) - len(f.did(t, "SELECT")); changes != 2 {
				t.Errorf("a refused attempt changed a row: %q", f.did(t, ""))
			}
		})
	}
}

// If the row was changed since it was read, the attempt starts over.
func TestAttemptsCollide(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			used, lost := int64(0), 0
			f := &fake{}
			f.run = func(text string, _ []driver.Value) (int64, [][]driver.Value, error) {
				switch {
				case strings.HasPrefix(text, "SELECT") && used > 0:
					return 0, [][]driver.Value{{[]byte("-"), int64(0), when.UnixMilli(), used, used * 20 * 60 * 1000}}, nil
				case strings.HasPrefix(text, "SELECT"):
					return 0, nil, nil
				}
				lost++
				used++ // another attempt was faster
				return 0, nil, nil
			}
			a := open(t, f, d).Attempts()
			if left, wait := reserve(t, a); left != 0 || wait != 2*time.Minute || lost != 3 {
				t.Errorf("%d left, wait %v after %d collisions", left, wait, lost)
			}
		})
	}
	a := open(t, &fake{}, sqlstore.SQLite).Attempts() // no change ever succeeds
	_, _, _, _, _, err := a.Reserve(t.Context(), "account", "", 0, when, 3, time.Minute, time.Hour)
	if !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("collisions without end: %v", err)
	}
}

func TestAttemptsErrors(t *testing.T) {
	broken := errors.New("driver: bad things")
	foreign := "other"
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			check := func(f *fake, ctx context.Context, want error, part string) {
				t.Helper()
				a := open(t, f, d).Attempts()
				errs := map[string]error{"Migrate": a.Migrate(ctx)}
				_, errs["Cleanup"] = a.Cleanup(ctx, when, 1)
				for name, err := range storetest.Calls(ctx, a) {
					errs[name] = err
				}
				for name, err := range errs {
					if !errors.Is(err, jwtauth.ErrUnavailable) || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), part) {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
			over, cancel := context.WithCancel(t.Context())
			cancel()
			check(&fake{err: broken}, t.Context(), nil, "sqlstore: attempts: ")
			check(&fake{err: broken}, over, context.Canceled, "")
			if d == sqlstore.PostgreSQL {
				check(&fake{affected: 1, mark: &foreign}, t.Context(), nil, "the result of another statement")
			}
			if _, err := open(t, &fake{}, d).Attempts().Cleanup(t.Context(), when, 0); err == nil || errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("limit 0: %v", err)
			}
		})
	}
}

type coded string

func (c coded) Error() string    { return "driver: an error" }
func (c coded) SQLState() string { return string(c) }

// A change is repeated if the database has rolled it back because of another
// one.
func TestAttemptsRolledBack(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int // changes
	}{
		{coded("40001"), 2},
		{coded("40P01"), 2},
		{coded("23505"), 1},
		{errors.New("Error 1213 (40001): Deadlock found when trying to get lock; try restarting transaction"), 2},
		{errors.New("Error 1205 (HY000): Lock wait timeout exceeded"), 1},
	} {
		for _, d := range dialects {
			changes := 0
			f := &fake{}
			a := open(t, f, d).Attempts()
			f.run = func(text string, _ []driver.Value) (int64, [][]driver.Value, error) {
				if strings.HasPrefix(text, "SELECT") {
					return 0, nil, nil
				}
				if changes++; changes == 1 {
					return 0, nil, c.err
				}
				return 1, nil, nil
			}
			for name, err := range storetest.Calls(t.Context(), a) {
				if name != "Epoch" && (changes != c.want || (err == nil) != (c.want == 2)) {
					t.Errorf("%s, %v: %d changes, %v", name, c.err, changes, err)
				}
				changes = 0
			}
		}
	}
}

// So is a SELECT, which PostgreSQL rolls back at the isolation level
// SERIALIZABLE.
func TestAttemptsReadRolledBack(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			a := open(t, f, d).Attempts()
			reads := 0
			f.run = func(text string, _ []driver.Value) (int64, [][]driver.Value, error) {
				if !strings.HasPrefix(text, "SELECT") {
					return 1, nil, nil
				}
				if reads++; reads == 1 {
					return 0, nil, coded("40001")
				}
				return 0, nil, nil
			}
			check := func(name string, err error, want int) {
				t.Helper()
				if reads != want || err != nil {
					t.Errorf("%s: %d reads, %v; want %d", name, reads, err, want)
				}
				reads = 0
			}
			reserve(t, a)
			check("Reserve", nil, 2)
			_, err := a.Epoch(t.Context(), "account")
			check("Epoch", err, 2)
			_, err = a.Cleanup(t.Context(), when, 1)
			check("Cleanup", err, 2)
		})
	}
}

// A refund is not repeated if a driver of PostgreSQL says that the connection is
// bad: the server may have executed it, and a second one would take back the
// attempt of someone else.
func TestRefundIsNotRepeated(t *testing.T) {
	f := &fake{err: driver.ErrBadConn}
	a := open(t, f, sqlstore.PostgreSQL).Attempts()
	if err := a.Refund(t.Context(), "account", "", when.UnixMilli(), 3, time.Hour); !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if n := len(f.did(t, "UPDATE")); n != 1 {
		t.Errorf("%d statements, want 1", n)
	}
}

// Services with different tables have different counters.
func TestAttemptsSchema(t *testing.T) {
	for name, d := range dialects {
		own := sqlstore.AttemptsSchema(d, sqlstore.Options{})
		if !strings.Contains(own, "jwtauth_sessions_attempts") || strings.Contains(own, "{") || strings.Count(own, ";\n") < 1 {
			t.Errorf("%s: %s", name, own)
		}
		long := sqlstore.Options{Table: strings.Repeat("x", 48)}
		if text := sqlstore.AttemptsSchema(d, long); !strings.Contains(text, long.Table+"_attempts_end") || len(long.Table+"_attempts_end") > 63 {
			t.Errorf("%s: %s", name, text)
		}
	}
	if sqlstore.AttemptsSchema(0, sqlstore.Options{}) != "" || sqlstore.AttemptsSchema(sqlstore.SQLite, sqlstore.Options{Table: "A"}) != "" {
		t.Error("a schema of an unknown dialect or an invalid table")
	}
}
