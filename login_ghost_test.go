package jwtauth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// wantSessions checks how many sessions user-1 has.
func wantSessions(t *testing.T, s *service, want int) {
	t.Helper()
	list, err := s.Sessions(context.Background(), "user-1")
	if err != nil || len(list) != want {
		t.Errorf("%d sessions are left, %v; want %d", len(list), err, want)
	}
}

// A panic of a callback leaves no session behind whose tokens are lost.
func TestLoginPanic(t *testing.T) {
	boom := func() { panic("a test") }
	for name, c := range map[string]struct {
		left   int // sessions of earlier logins
		change func(o *jwtauth.IssuerOptions, armed *bool)
	}{
		"Claims": {1, func(o *jwtauth.IssuerOptions, armed *bool) {
			o.Claims = func(context.Context, jwtauth.Session) (any, error) {
				if *armed {
					boom()
				}
				return nil, nil
			}
		}},
		"CredentialVersion": {1, func(o *jwtauth.IssuerOptions, armed *bool) {
			o.CredentialVersion = func(context.Context, string) (string, error) {
				if *armed {
					boom()
				}
				return "1", nil
			}
		}},
		"OnEvent of the login": {1, func(o *jwtauth.IssuerOptions, armed *bool) {
			o.OnEvent = func(context.Context, jwtauth.Event) {
				if *armed {
					boom()
				}
			}
		}},
		"OnEvent of the limit": {0, func(o *jwtauth.IssuerOptions, armed *bool) {
			o.MaxSessions = 1
			o.OnEvent = func(_ context.Context, e jwtauth.Event) {
				if *armed && e.Reason == jwtauth.ReasonLimit {
					boom()
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			armed := false
			s := newService(t, func(o *jwtauth.IssuerOptions) { c.change(o, &armed) })
			login := func() { _, _ = s.Login(t.Context(), "user-1", jwtauth.CredentialVersion("1")) }
			login()
			wantSessions(t, s, 1)
			s.at(1e9)
			armed = true
			func() {
				defer func() {
					if recover() != "a test" {
						t.Error("the panic is lost")
					}
				}()
				login()
			}()
			wantSessions(t, s, c.left)
		})
	}
}

// A panic while the browser's old session ends leaves no session behind either.
func TestBeginSessionPanic(t *testing.T) {
	armed := false
	s := newCookieSite(t, func(o *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		o.OnEvent = func(_ context.Context, e jwtauth.Event) {
			if armed && e.Kind == jwtauth.EventLogout {
				panic("a test")
			}
		}
	})
	s.login(t)
	armed = true
	func() {
		defer func() { _ = recover() }()
		s.login(t)
	}()
	wantSessions(t, s.service, 0)
}

// A client that hangs up while it logs in leaves no session behind.
func TestLoginHangUp(t *testing.T) {
	for name, at := range map[string]string{"after Create": "Create", "during Claims": "Claims"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := newService(t, func(o *jwtauth.IssuerOptions) {
				o.Claims = func(context.Context, jwtauth.Session) (any, error) {
					if at == "Claims" {
						cancel()
					}
					return nil, nil // does not look at the context
				}
			})
			s.store.after = func(op string) error {
				if op == at {
					cancel()
					return context.Canceled
				}
				return nil
			}
			_, err := s.Login(ctx, "user-1")
			if !errors.Is(err, jwtauth.ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			wantSessions(t, s, 0)
		})
	}
}
