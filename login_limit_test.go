package jwtauth_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Logins of one subject at once share one list of its sessions, and each
// session that exceeds the limit ends once. A client that hangs up does not
// stop that.
func TestMaxSessionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, func(o *jwtauth.IssuerOptions) { o.MaxSessions = 3 })
		hold := make(chan struct{})
		s.store.before = func(_ context.Context, op string) error {
			if op == "List" {
				<-hold
			}
			return nil
		}
		var wg sync.WaitGroup
		ctx, hangUp := context.WithCancel(t.Context())
		for n := range 9 {
			s.at(time.Duration(n) * time.Second)
			wg.Go(func() {
				if _, err := s.Login(ctx, "user-1", jwtauth.Label(fmt.Sprint(n))); err != nil {
					t.Errorf("login %d: %v", n, err)
				}
			})
			synctest.Wait()
		}
		hangUp()
		close(hold)
		wg.Wait()
		calls := map[string]int{}
		for _, op := range s.store.took() {
			calls[op]++
		}
		// The first login lists while the others wait, and ends no later one.
		if calls["Create"] != 9 || calls["List"] != 2 || calls["Delete"] != 6 {
			t.Errorf("calls %v; want 9 of Create, 2 of List and 6 of Delete", calls)
		}
		ended := map[string]int{}
		for _, e := range s.told() {
			if e.Reason == jwtauth.ReasonLimit {
				ended[e.SessionID]++
			}
		}
		list, err := s.Sessions(t.Context(), "user-1")
		if err != nil || len(list) != 3 || list[0].Label != "8" || list[2].Label != "6" || len(ended) != 6 {
			t.Errorf("sessions %v, %v, events for %d", list, err, len(ended))
		}
		for id, events := range ended {
			if events != 1 {
				t.Errorf("%d events for %s", events, id)
			}
		}
	})
}

// OnEvent may log the subject in whose session has just ended.
func TestMaxSessionsLoginInEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *service
		again := true
		s = newService(t, func(o *jwtauth.IssuerOptions) {
			o.MaxSessions = 1
			o.OnEvent = func(ctx context.Context, e jwtauth.Event) {
				if e.Reason == jwtauth.ReasonLimit && again {
					again = false
					s.at(time.Minute)
					if _, err := s.Login(ctx, "user-1"); err != nil {
						t.Error(err)
					}
				}
			}
		})
		s.login(t)
		s.at(time.Second)
		s.login(t)
		wantSessions(t, s, 1)
		if again {
			t.Error("no session has ended")
		}
	})
}

// A panic of OnEvent or of the store hides no event of a session that has
// ended. The login that panics has no tokens, so its own session ends.
func TestMaxSessionsPanic(t *testing.T) {
	for where, ended := range map[string]int{"OnEvent": 3, "Delete": 1} {
		t.Run(where, func(t *testing.T) {
			many := newService(t)
			for n := range 4 {
				many.at(time.Duration(n) * time.Second)
				many.login(t)
			}
			events := 0
			s := newService(t, func(o *jwtauth.IssuerOptions) {
				o.Sessions, o.MaxSessions = many.store, 2
				o.OnEvent = func(_ context.Context, e jwtauth.Event) {
					if e.Reason != jwtauth.ReasonLimit {
						return
					}
					if events++; events == 1 && where == "OnEvent" {
						panic("jwtauth: a test")
					}
				}
			})
			deletes := 0
			many.store.before = func(_ context.Context, op string) error {
				if op == "Delete" {
					if deletes++; deletes == 2 && where == "Delete" {
						panic("jwtauth: a test")
					}
				}
				return nil
			}
			s.at(time.Minute)
			mustPanic(t, "a test", func() { _, _ = s.Login(t.Context(), "user-1") })
			if events != ended {
				t.Errorf("%d events; want %d", events, ended)
			}
			wantSessions(t, many, 4-ended)
		})
	}
}
