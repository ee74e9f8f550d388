package sqlstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// On PostgreSQL, the result of another statement is an error in every method,
// even if it has the right columns or no rows.
func TestForeignResult(t *testing.T) {
	const noRow = "no row"
	marks := []string{noRow, "", "jwtauth_sessions: other", "other_table: load", "other_table: delete"}
	for _, mark := range marks {
		f := &fake{affected: 1, mark: &mark, empty: mark == noRow}
		store := open(t, f, sqlstore.PostgreSQL)
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
			if !errors.Is(err, jwtauth.ErrUnavailable) || errors.Is(err, jwtauth.ErrSessionEnded) || !strings.Contains(err.Error(), "the result of another statement") {
				t.Errorf("mark %q, %s: %v; want ErrUnavailable that names the reason", mark, call, err)
			}
		}
	}
}

// Every statement has another mark, and services with different tables have
// different marks.
func TestMarksDiffer(t *testing.T) {
	marks := make(map[string]string)
	for _, table := range []string{"a", "b"} {
		f := &fake{}
		f.block = func(_ context.Context, text string) error {
			parts := marked.FindStringSubmatch(text)
			if parts == nil {
				return nil // of Migrate
			}
			mark, inner := parts[1]+parts[4]+parts[6], parts[2]+parts[3]+parts[5]
			if other, known := marks[mark]; known && other != inner {
				t.Errorf("the mark %q names %s and %s", mark, other, inner)
			}
			marks[mark] = inner
			return nil
		}
		store, err := sqlstore.New(f.open(t), sqlstore.PostgreSQL, sqlstore.Options{Table: table})
		if err != nil {
			t.Fatal(err)
		}
		_ = store.Migrate(t.Context())
		_ = store.Create(t.Context(), ada)
		_, _ = store.Load(t.Context(), ada.ID, when)
		_, _ = store.Swap(t.Context(), ada, ada, when)
		_ = store.Delete(t.Context(), ada.ID)
		_ = store.DeleteSubject(t.Context(), ada.Subject)
		_, _ = store.List(t.Context(), ada.Subject, when)
		_, _ = store.Cleanup(t.Context(), when, 1)
	}
	if len(marks) != 16 {
		t.Errorf("%d marks, want 8 of each table: %v", len(marks), marks)
	}
}

// Create and Swap changed no row, and the table shows that they were not
// executed.
func TestNotExecuted(t *testing.T) {
	for name, d := range dialects {
		f := &fake{}
		store := open(t, f, d)
		if err := store.Create(t.Context(), ada); !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%s: Create of no row: %v; want ErrUnavailable", name, err)
		}
		f.rows = [][]driver.Value{sessionRow(ada)}
		next := ada
		next.Revision++
		if won, err := store.Swap(t.Context(), ada, next, when); won || !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%s: Swap that leaves old: %v, %v; want ErrUnavailable", name, won, err)
		}
	}
}

// sessionRow returns the columns of a session.
func sessionRow(s jwtauth.Session) []driver.Value {
	return []driver.Value{[]byte(s.ID), []byte(s.Subject), s.CreatedAt.UnixMilli(), s.EndsAt.UnixMilli(), s.Revision, s.Generation,
		s.AuthTime.UnixMilli(), s.RotatedAt.UnixMilli(), s.ExpiresAt.UnixMilli(), []byte(s.Label), []byte(s.Attributes)}
}

// A row of another session is an error as well, on every database.
func TestForeignRow(t *testing.T) {
	other := ada
	other.ID, other.Subject = jwtauth.SubjectTag("bob")+"-1", "bob"
	for name, d := range dialects {
		f := &fake{rows: [][]driver.Value{sessionRow(other)}}
		store := open(t, f, d)
		if _, err := store.Load(t.Context(), ada.ID, when); !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%s: Load of another ID returned %v; want ErrUnavailable", name, err)
		}
		f.rows = [][]driver.Value{sessionRow(other)}
		if list, err := store.List(t.Context(), ada.Subject, when); len(list) > 0 || !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%s: List of another subject returned %v, %v; want ErrUnavailable", name, list, err)
		}
	}
}

// List reads pages of 1,000 rows. Each one continues after the last ID.
func TestListPages(t *testing.T) {
	for name, d := range dialects {
		for _, n := range []int{0, 999, 1000, 1001, 2500} {
			queries := 0
			f := &fake{}
			f.run = func(_ string, args []driver.Value) (int64, [][]driver.Value, error) {
				queries++
				after, before := string(args[2].([]byte)), string(args[3].([]byte))
				var found [][]driver.Value
				for i := 0; i < n && len(found) < 1000; i++ {
					s := ada
					if s.ID = fmt.Sprintf("%s-%06d", jwtauth.SubjectTag("ada"), i); s.ID > after && s.ID < before {
						found = append(found, sessionRow(s))
					}
				}
				return 0, found, nil
			}
			list, err := open(t, f, d).List(t.Context(), ada.Subject, when)
			ids := make(map[string]bool)
			for _, s := range list {
				ids[s.ID] = true
			}
			if err != nil || len(list) != n || len(ids) != n || queries != n/1000+1 {
				t.Errorf("%s: %d rows, %d IDs in %d queries, %v; want %d", name, len(list), len(ids), queries, err, n)
			}
		}
	}
}
