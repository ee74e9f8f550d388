package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// storeCalls returns all methods of an Issuer that call its store, and the
// operations that they call.
func storeCalls(s *service) map[string]struct {
	ops  []string
	call func(ctx context.Context, tokens jwtauth.Tokens) error
} {
	type c = struct {
		ops  []string
		call func(ctx context.Context, tokens jwtauth.Tokens) error
	}
	return map[string]c{
		"Login": {[]string{"Create"}, func(ctx context.Context, _ jwtauth.Tokens) error {
			_, err := s.Login(ctx, "user-1")
			return err
		}},
		"Refresh": {[]string{"Load", "Swap"}, func(ctx context.Context, tokens jwtauth.Tokens) error {
			_, err := s.Refresh(ctx, tokens.RefreshToken)
			return err
		}},
		"Logout": {[]string{"Delete"}, func(ctx context.Context, tokens jwtauth.Tokens) error {
			return s.Logout(ctx, tokens.RefreshToken)
		}},
		"LogoutAll": {[]string{"DeleteSubject"}, func(ctx context.Context, _ jwtauth.Tokens) error {
			return s.LogoutAll(ctx, "user-1")
		}},
		"Sessions": {[]string{"List"}, func(ctx context.Context, _ jwtauth.Tokens) error {
			_, err := s.Sessions(ctx, "user-1")
			return err
		}},
		"EndSession": {[]string{"Load", "Delete"}, func(ctx context.Context, tokens jwtauth.Tokens) error {
			return s.EndSession(ctx, "user-1", refreshPayload(tokens.RefreshToken).SessionID)
		}},
		"Live": {[]string{"Load"}, func(ctx context.Context, tokens jwtauth.Tokens) error {
			_, err := s.live().VerifyToken(ctx, tokens.AccessToken)
			return err
		}},
	}
}

// Every operation of a store has five seconds.
func TestStoreHangs(t *testing.T) {
	for name, c := range storeCalls(nil) {
		for _, hanging := range c.ops {
			t.Run(name+" in "+hanging, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newService(t, func(o *jwtauth.IssuerOptions) { o.Now = time.Now })
					tokens := s.login(t)
					s.store.before = func(ctx context.Context, op string) error {
						if op != hanging {
							return nil
						}
						<-ctx.Done()
						return ctx.Err()
					}
					began := time.Now()
					err := storeCalls(s)[name].call(t.Context(), tokens)
					wantError(t, name, err, jwtauth.ErrUnavailable)
					if took := time.Since(began); took != 5*time.Second {
						t.Errorf("it returned after %v, want 5s", took)
					}
					s.wantKinds(t, name)
				})
			})
		}
	}
}

// Every error that the contract of a store does not name is an outage. The
// error itself is not wrapped.
func TestStoreFails(t *testing.T) {
	own := errors.New("dial tcp: connection refused")
	for name, c := range storeCalls(nil) {
		for _, failing := range c.ops {
			failures := []error{own, context.DeadlineExceeded, fmt.Errorf("try later: %w", jwtauth.ErrUnavailable), jwtauth.ErrTokenReused,
				fmt.Errorf("%w: %w", jwtauth.ErrUnavailable, jwtauth.ErrSessionEnded)}
			if failing != "Load" { // which alone may return it
				failures = append(failures, jwtauth.ErrSessionEnded)
			}
			for _, failure := range failures {
				s := newService(t)
				tokens := s.login(t)
				s.store.before = func(_ context.Context, op string) error {
					if op == failing {
						return failure
					}
					return nil
				}
				err := storeCalls(s)[name].call(t.Context(), tokens)
				what := fmt.Sprintf("%s: %s returns %v", name, failing, failure)
				wantError(t, what, err, jwtauth.ErrUnavailable)
				text := strings.TrimPrefix(failure.Error(), "jwtauth: ") // err has the prefix already
				if errors.Is(err, own) || !strings.Contains(err.Error(), text) {
					t.Errorf("%s: %v", what, err)
				}
				s.wantKinds(t, what)
			}
		}
	}
}

// The one error that the contract names has the same meaning in every method.
func TestStoreSaysEnded(t *testing.T) {
	for name, want := range map[string][]error{
		"Refresh":    {jwtauth.ErrSessionEnded},
		"EndSession": {jwtauth.ErrSessionEnded},
		"Live":       {jwtauth.ErrSessionEnded, jwtauth.ErrTokenInvalid},
		"Logout":     nil, // the session has ended anyway
		"LogoutAll":  nil,
		"Sessions":   nil,
		"Login":      nil,
	} {
		s := newService(t)
		tokens := s.login(t)
		if err := s.store.SessionStore.DeleteSubject(t.Context(), "user-1"); err != nil {
			t.Fatal(err)
		}
		wantError(t, name, storeCalls(s)[name].call(t.Context(), tokens), want...)
	}
}
