package sqlstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

func TestInsertOfEachDialect(t *testing.T) {
	for name, d := range dialects {
		f := &fake{affected: 1}
		if err := open(t, f, d).Create(t.Context(), ada); err != nil {
			t.Fatal(err)
		}
		text := f.texts[0]
		isMySQL := d == sqlstore.MySQL
		if strings.HasPrefix(text, "INSERT IGNORE ") != isMySQL || strings.HasSuffix(text, " ON CONFLICT (id) DO NOTHING") == isMySQL {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// On SQLite and MySQL, a statement is prepared once. On PostgreSQL, that is
// left to the driver, which this fake does each time.
func TestPrepared(t *testing.T) {
	for name, d := range dialects {
		prepared := 0
		f := &fake{affected: 1, block: func(context.Context, string) error { prepared++; return nil }}
		store := open(t, f, d)
		for range 3 {
			if err := store.Delete(t.Context(), ada.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := store.List(t.Context(), ada.Subject, when); err != nil {
				t.Fatal(err)
			}
		}
		want := 2
		if d == sqlstore.PostgreSQL {
			want = 6
		}
		if prepared != want {
			t.Errorf("%s: prepared %d statements in six calls, want %d", name, prepared, want)
		}
	}
}

// If a statement cannot be prepared, the next call prepares it again.
func TestPrepareFails(t *testing.T) {
	fails := true
	f := &fake{affected: 1, block: func(context.Context, string) error {
		if fails {
			return errRun
		}
		return nil
	}}
	store := open(t, f, sqlstore.MySQL)
	if err := store.Delete(t.Context(), ada.ID); !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("%v; want ErrUnavailable", err)
	}
	if _, err := store.List(t.Context(), ada.Subject, when); !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("%v; want ErrUnavailable", err)
	}
	fails = false
	if err := store.Delete(t.Context(), ada.ID); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// The drivers of PostgreSQL and MySQL get the context of the call. The drivers
// of SQLite get one that does not end.
func TestDriverContext(t *testing.T) {
	for name, d := range dialects {
		ends := false
		f := &fake{affected: 1, block: func(ctx context.Context, _ string) error { ends = ctx.Done() != nil; return nil }}
		ctx, cancel := context.WithCancel(context.Background())
		if err := open(t, f, d).Delete(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		cancel()
		if want := d != sqlstore.SQLite; ends != want {
			t.Errorf("%s: the context of the driver can end: %v, want %v", name, ends, want)
		}
	}
}

// Migrate creates the table if a query of it fails. On PostgreSQL it locks
// first.
func TestMigrate(t *testing.T) {
	const lock = "SELECT pg_advisory_xact_lock(29967689266328680)" // the same in all versions
	for name, d := range dialects {
		var schema []string
		if d == sqlstore.PostgreSQL {
			schema = []string{lock}
		}
		for text := range strings.SplitAfterSeq(sqlstore.Schema(d, sqlstore.Options{}), ";\n") {
			if text != "" {
				schema = append(schema, strings.TrimSuffix(text, ";\n"))
			}
		}
		exists := false
		f := &fake{}
		f.run = func(text string, _ []driver.Value) (int64, [][]driver.Value, error) {
			switch {
			case strings.HasPrefix(text, "CREATE TABLE"):
				exists = true
			case strings.HasPrefix(text, "SELECT id") && !exists:
				return 0, nil, errRun
			}
			return 0, nil, nil
		}
		store := open(t, f, d)
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		created := slices.DeleteFunc(slices.Clone(f.texts), func(text string) bool { return strings.HasPrefix(text, "SELECT id") })
		if !slices.Equal(created, schema) {
			t.Errorf("%s: executed %q, want %q", name, created, schema)
		}
		f.texts = nil
		if err := store.Migrate(t.Context()); err != nil || len(f.texts) != 1 {
			t.Errorf("%s: with a table: %v, executed %q", name, err, f.texts)
		}
	}
}

func TestMigrateFails(t *testing.T) {
	for _, fails := range []string{"SELECT pg_advisory", "CREATE TABLE", "CREATE INDEX"} {
		f := &fake{run: func(text string, _ []driver.Value) (int64, [][]driver.Value, error) {
			if strings.HasPrefix(text, "SELECT id") || strings.HasPrefix(text, fails) {
				return 0, nil, errRun
			}
			return 0, nil, nil
		}}
		if err := open(t, f, sqlstore.PostgreSQL).Migrate(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%s fails: %v; want ErrUnavailable", fails, err)
		}
		if last := f.texts[len(f.texts)-1]; !strings.HasPrefix(last, fails) {
			t.Errorf("%s fails: executed %s afterwards", fails, last)
		}
	}
}

// Migrate adds the columns that a table of an earlier version lacks.
func TestMigrateAddsColumns(t *testing.T) {
	for name, d := range dialects {
		for lacking := range 3 {
			var altered []string
			f := &fake{}
			f.run = func(text string, _ []driver.Value) (int64, [][]driver.Value, error) {
				switch {
				case strings.HasPrefix(text, "ALTER TABLE"):
					altered = append(altered, text)
					if lacking == 1 && len(altered) == 1 { // the other column exists
						return 0, nil, errRun
					}
				case strings.HasPrefix(text, "SELECT id") && lacking > 0 && len(altered) < 2:
					return 0, nil, errRun
				}
				return 0, nil, nil
			}
			if err := open(t, f, d).Migrate(t.Context()); err != nil {
				t.Errorf("%s, %d columns lacking: %v", name, lacking, err)
			}
			if want := min(lacking, 1) * 2; len(altered) != want {
				t.Errorf("%s, %d columns lacking: executed %q", name, lacking, altered)
			}
		}
	}
}

// A query whose rows cannot be read is an error, not an empty result.
func TestMigrateChecksRows(t *testing.T) {
	f := &fake{rowErr: errRun}
	if err := open(t, f, sqlstore.SQLite).Migrate(t.Context()); !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("%v; want ErrUnavailable", err)
	}
}
