package jwtauth_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func TestRefreshClaims(t *testing.T) {
	var private any
	var refusal error
	var mark struct{ a int }
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(ctx context.Context, session jwtauth.Session) (any, error) {
			subject := session.Subject
			if subject != "user-1" || ctx.Value(&mark) != nil && ctx.Value(&mark) != "here" {
				t.Errorf("called for %q with %v", subject, ctx)
			}
			return private, refusal
		}
	})
	private = map[string]any{"role": "a"}
	token := s.login(t).RefreshToken

	private = map[string]any{"role": "b"}
	tokens, err := s.Refresh(context.WithValue(t.Context(), &mark, "here"), token)
	if err != nil {
		t.Fatal(err)
	}
	if _, payload := parts(t, tokens.AccessToken); payload["role"] != "b" {
		t.Errorf("claims %v are not the new ones", payload)
	}

	row := s.row(token)
	s.at(afterwards)
	s.told()
	for name, c := range map[string]struct {
		private any
		refusal error
		want    []error
	}{
		"outage":               {nil, errDown, []error{jwtauth.ErrUnavailable}},
		"a session that ended": {nil, jwtauth.ErrSessionEnded, []error{jwtauth.ErrUnavailable}},
		"no object":            {7, nil, nil},
		"registered claims":    {map[string]any{"sub": "admin"}, nil, nil},
	} {
		private, refusal = c.private, c.refusal
		s.store.took()
		answer, err := s.Refresh(t.Context(), tokens.RefreshToken)
		if err == nil || answer != (jwtauth.Tokens{}) {
			t.Errorf("%s: got tokens", name)
		}
		wantError(t, name, err, c.want...)
		s.wantOps(t, name, "Load")
		s.wantKinds(t, name)
		if s.row(token) != row {
			t.Errorf("%s: the row changed", name)
		}
	}

	private, refusal = nil, fmt.Errorf("user-1 left: %w", jwtauth.ErrSubjectDisabled)
	s.store.before = func(_ context.Context, op string) error {
		if op == "Delete" {
			return errDown
		}
		return nil
	}
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "disabled, and the delete fails", err, jwtauth.ErrUnavailable)
	s.wantKinds(t, "disabled, and the delete fails")
	s.store.before = nil
	s.store.took()
	_, err = s.Refresh(t.Context(), tokens.RefreshToken)
	wantError(t, "disabled", err, jwtauth.ErrSessionEnded, jwtauth.ErrSubjectDisabled)
	s.wantOps(t, "disabled", "Load", "Delete")
	s.wantKinds(t, "disabled", jwtauth.EventDenied)
	if row := s.row(token); row.ID != "" {
		t.Errorf("the session of a disabled subject is active: %+v", row)
	}
}

func TestRefreshClientHangsUp(t *testing.T) {
	t.Run("before the swap", func(t *testing.T) {
		ctx, hangUp := context.WithCancel(t.Context())
		asked := 0
		s := newService(t, func(o *jwtauth.IssuerOptions) {
			o.Claims = func(context.Context, jwtauth.Session) (any, error) {
				if asked++; asked == 2 {
					hangUp()
				}
				return nil, nil
			}
		})
		token := s.login(t).RefreshToken
		_, err := s.Refresh(ctx, token)
		wantError(t, "hung up", err, jwtauth.ErrUnavailable)
		s.wantOps(t, "hung up", "Load")
		s.wantKinds(t, "hung up")
		if row := s.row(token); row.Generation != 1 {
			t.Errorf("the session moved on to %d", row.Generation)
		}
	})
	for _, op := range []string{"Swap", "Delete", "Delete for a disabled subject", "Logout", "LogoutAll", "EndSession", "Login"} {
		t.Run("during "+op, func(t *testing.T) {
			type key struct{}
			ctx, hangUp := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
			var disabled error
			s := newService(t, func(o *jwtauth.IssuerOptions) {
				o.Claims = func(context.Context, jwtauth.Session) (any, error) { return nil, disabled }
			})
			token := s.login(t).RefreshToken
			id := s.row(token).ID
			if op == "Delete" {
				s.refresh(t, s.refresh(t, token).RefreshToken)
				s.at(afterwards)
			}
			writes := 0
			s.store.before = func(ctx context.Context, op string) error {
				if op == "Load" || op == "Create" {
					return ctx.Err()
				}
				writes++
				hangUp()
				if ctx.Value(key{}) != "kept" {
					t.Error("the context's values are lost")
				}
				if _, ok := ctx.Deadline(); !ok {
					t.Error("the operation has no time limit")
				}
				return ctx.Err()
			}
			switch op {
			case "Swap":
				if _, err := s.Refresh(ctx, token); err != nil {
					t.Error(err)
				}
				if row := s.row(token); row.Generation != 2 {
					t.Errorf("generation %d, want 2", row.Generation)
				}
			case "Delete":
				_, err := s.Refresh(ctx, token)
				wantError(t, op, err, jwtauth.ErrTokenReused)
			case "Delete for a disabled subject":
				disabled = jwtauth.ErrSubjectDisabled
				_, err := s.Refresh(ctx, token)
				wantError(t, op, err, jwtauth.ErrSubjectDisabled, jwtauth.ErrSessionEnded)
			case "Logout":
				wantError(t, op, s.Logout(ctx, token))
			case "LogoutAll":
				wantError(t, op, s.LogoutAll(ctx, "user-1"))
			case "EndSession":
				wantError(t, op, s.EndSession(ctx, "user-1", id))
			case "Login":
				disabled = jwtauth.ErrSubjectDisabled
				_, err := s.Login(ctx, "user-1")
				wantError(t, op, err, jwtauth.ErrSubjectDisabled)
				s.store.before = nil
				if list, _ := s.Sessions(t.Context(), "user-1"); len(list) != 1 {
					t.Errorf("%d sessions, want that of before", len(list))
				}
			}
			if row := s.row(token); op != "Swap" && op != "Login" && row.ID != "" {
				t.Errorf("the session is active: %+v", row)
			}
			if writes != 1 || ctx.Err() == nil {
				t.Errorf("%d writes, context %v", writes, ctx.Err())
			}
		})
	}
}
