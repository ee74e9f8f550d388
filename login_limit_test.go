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
