package sqlstore_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// rows simulates a table with a number of rows of one subject, all of them
// expired.
type rows struct {
	*fake
	left    int
	kept    int   // rows that a DELETE leaves, as if another instance had deleted them
	batches []int // the numbers of IDs in each DELETE
	fail    int   // the DELETE that fails, counted from 1
}

var errRun = errors.New("driver: bad things")

func newRows(n int) *rows {
	r := &rows{fake: new(fake), left: n}
	r.run = func(text string, args []driver.Value) (int64, [][]driver.Value, error) {
		if strings.HasPrefix(text, "SELECT id") {
			n := r.left
			if strings.Contains(text, "LIMIT") {
				limit := int(args[1].(int64))
				if limit < 1 {
					return 0, nil, errRun
				}
				n = min(n, limit)
			}
			var found [][]driver.Value
			for i := range n {
				found = append(found, []driver.Value{fmt.Appendf(nil, "id %d", i)})
			}
			return 0, found, nil
		}
		ids := 0
		for _, arg := range args {
			if _, ok := arg.([]byte); ok {
				ids++
			}
		}
		r.batches = append(r.batches, ids)
		if len(r.batches) == r.fail {
			return 0, nil, errRun
		}
		r.left -= ids
		return int64(ids - r.kept), nil, nil
	}
	return r
}

func TestCleanup(t *testing.T) {
	for _, test := range []struct {
		name        string
		rows, limit int
		kept        int
		deleted     int
		batches     []int
	}{
		{"no rows", 0, 1000, 0, 0, nil},
		{"one row", 1, 1000, 0, 1, []int{1}},
		{"limit 1", 3, 1, 0, 1, []int{1}},
		{"a full batch", 200, 1000, 0, 200, []int{200}},
		{"one more than a batch", 201, 1000, 0, 201, []int{200, 1}},
		{"several batches", 450, 1000, 0, 450, []int{200, 200, 50}},
		{"limit in the second batch", 450, 250, 0, 250, []int{200, 50}},
		{"limit at the end of a batch", 450, 200, 0, 200, []int{200}},
		{"another instance deletes some of the rows", 450, 1000, 1, 447, []int{200, 200, 50}},
		{"another instance deletes all rows of a batch", 450, 1000, 200, 0, []int{200}},
	} {
		for name, d := range dialects {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				r := newRows(test.rows)
				r.kept = test.kept
				n, err := open(t, r.fake, d).Cleanup(t.Context(), when, test.limit)
				if n != test.deleted || err != nil {
					t.Errorf("deleted %d, %v; want %d", n, err, test.deleted)
				}
				if !slices.Equal(r.batches, test.batches) {
					t.Errorf("deleted in batches of %v, want %v", r.batches, test.batches)
				}
			})
		}
	}
}

func TestCleanupLimit(t *testing.T) {
	for _, limit := range []int{0, -1} {
		r := newRows(5)
		n, err := open(t, r.fake, sqlstore.SQLite).Cleanup(t.Context(), when, limit)
		if n != 0 || err == nil || errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("limit %d: %d, %v; want a permanent error", limit, n, err)
		}
		if len(r.texts) > 0 {
			t.Errorf("limit %d: executed %q", limit, r.texts)
		}
	}
}

func TestCleanupFails(t *testing.T) {
	r := newRows(450)
	r.fail = 2
	n, err := open(t, r.fake, sqlstore.PostgreSQL).Cleanup(t.Context(), when, 1000)
	if n != 200 || !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("%d, %v; want ErrUnavailable after 200", n, err)
	}
}

// On SQLite and MySQL, DeleteSubject deletes by IDs, in batches.
func TestDeleteSubject(t *testing.T) {
	for name, d := range dialects {
		if d == sqlstore.PostgreSQL {
			f := &fake{}
			if err := open(t, f, d).DeleteSubject(t.Context(), ada.Subject); err != nil || len(f.texts) != 1 {
				t.Errorf("%s: %v, %d statements; want 1", name, err, len(f.texts))
			}
			continue
		}
		for _, test := range []struct {
			rows, fail int
			batches    []int
		}{
			{0, 0, nil},
			{1, 0, []int{1}},
			{200, 0, []int{200}},
			{201, 0, []int{200, 1}},
			{450, 0, []int{200, 200, 50}},
			{450, 2, []int{200, 200}},
		} {
			r := newRows(test.rows)
			r.fail = test.fail
			err := open(t, r.fake, d).DeleteSubject(t.Context(), ada.Subject)
			if (err != nil) != (test.fail > 0) || err != nil && !errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("%s, %d rows: %v; want an error: %v", name, test.rows, err, test.fail > 0)
			}
			if !slices.Equal(r.batches, test.batches) {
				t.Errorf("%s, %d rows: deleted in batches of %v, want %v", name, test.rows, r.batches, test.batches)
			}
		}
	}
}
