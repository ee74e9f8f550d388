package sqlstore_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

func TestTextLimits(t *testing.T) {
	for _, test := range []struct {
		field string
		max   int
		set   func(*jwtauth.Session, string)
	}{
		{"ID", 255, func(s *jwtauth.Session, text string) { s.ID = ada.ID + text[len(ada.ID):] }},
		{"Subject", 1024, func(s *jwtauth.Session, text string) {
			s.Subject, s.ID = text, jwtauth.SubjectTag(text)+"-1"
		}},
		{"Label", 128, func(s *jwtauth.Session, text string) { s.Label = text }},
		{"Attributes", 2048, func(s *jwtauth.Session, text string) { s.Attributes = text }},
	} {
		for extra, fits := range map[int]bool{0: true, 1: false} {
			f := &fake{affected: 1}
			s := ada
			test.set(&s, strings.Repeat("x", test.max+extra))
			err := open(t, f, sqlstore.MySQL).Create(t.Context(), s)
			if (err == nil) != fits || errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("%s of %d bytes: %v; want it accepted: %v", test.field, test.max+extra, err, fits)
			}
			if err != nil && !strings.Contains(err.Error(), "Session."+test.field+": ") {
				t.Errorf("%s: %v; want an error that names the field", test.field, err)
			}
			if len(f.texts) > 0 != fits {
				t.Errorf("%s of %d bytes: executed %q", test.field, test.max+extra, f.texts)
			}
		}
	}
}

// Swap refuses texts that are too long. No session has an ID that is too long,
// so such a Swap returns false.
func TestSwapLimits(t *testing.T) {
	for _, test := range []struct {
		id, label, attributes int
		refused               bool
	}{
		{255, 128, 2048, false},
		{255, 129, 0, true},
		{255, 0, 2049, true},
		{256, 0, 0, false},
		{256, 129, 0, false},
	} {
		next := ada
		next.ID, next.Label, next.Attributes = strings.Repeat("x", test.id), strings.Repeat("x", test.label), strings.Repeat("x", test.attributes)
		won, err := open(t, &fake{}, sqlstore.SQLite).Swap(t.Context(), ada, next, when)
		if won || (err != nil) != test.refused || errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%+v: %v, %v", test, won, err)
		}
	}
}

// TestRunningCalls blocks more calls than may run at once on SQLite.
func TestRunningCalls(t *testing.T) {
	for _, test := range []struct{ maxOpenConns, running int }{{0, 64}, {1, 1}, {2, 2}, {63, 63}, {65, 64}} {
		synctest.Test(t, func(t *testing.T) {
			unblock := make(chan struct{})
			running := 0
			f := &fake{affected: 1}
			f.block = func(context.Context, string) error {
				f.mu.Lock()
				running++
				f.mu.Unlock()
				<-unblock
				return nil
			}
			db := f.open(t)
			db.SetMaxOpenConns(test.maxOpenConns)
			store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range 70 {
				go func() { _ = store.Delete(ctx, ada.ID) }()
			}
			synctest.Wait()
			if running != test.running {
				t.Errorf("MaxOpenConns %d: %d calls run, want %d", test.maxOpenConns, running, test.running)
			}
			if n := db.Stats().WaitCount; n > 0 {
				t.Errorf("MaxOpenConns %d: %d calls wait for a connection", test.maxOpenConns, n)
			}
			close(unblock)
			time.Sleep(time.Minute) // all workers end
		})
	}
}

func TestLoadFound(t *testing.T) {
	ms := func(t time.Time) int64 { return t.UnixMilli() }
	for name, d := range dialects {
		s := ada
		s.Revision, s.Generation, s.Attributes = 3, 2, "attributes"
		f := &fake{rows: [][]driver.Value{{[]byte(s.ID), []byte(s.Subject), ms(s.CreatedAt), ms(s.EndsAt),
			s.Revision, s.Generation, ms(s.AuthTime), ms(s.RotatedAt), ms(s.ExpiresAt), []byte(s.Label), []byte(s.Attributes)}}}
		store := open(t, f, d)
		if got, err := store.Load(t.Context(), s.ID, when); got != s || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, s)
		}
		if got, err := store.List(t.Context(), s.Subject, when); !slices.Equal(got, []jwtauth.Session{s}) || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, s)
		}
	}
}

// If a statement of Swap fails, its result is false.
func TestSwapFails(t *testing.T) {
	for _, verb := range []string{"UPDATE", "SELECT"} {
		f := &fake{run: func(text string, _ []driver.Value) (int64, [][]driver.Value, error) {
			if strings.HasPrefix(text, verb) {
				return 0, nil, errRun
			}
			return 0, nil, nil
		}}
		won, err := open(t, f, sqlstore.PostgreSQL).Swap(t.Context(), ada, ada, when)
		if won || !errors.Is(err, jwtauth.ErrUnavailable) {
			t.Errorf("%s fails: %v, %v; want false and ErrUnavailable", verb, won, err)
		}
	}
}
