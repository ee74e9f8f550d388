package jwtauth_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// One sequence of calls with every kind of event.
func TestEvents(t *testing.T) {
	var disabled error
	var told []string
	type mark struct{}
	ctx := context.WithValue(t.Context(), mark{}, "here")
	names := map[string]string{"": "none"}
	var s *service
	s = newService(t, func(o *jwtauth.IssuerOptions) {
		o.Claims = func(context.Context, jwtauth.Session) (any, error) { return nil, disabled }
		o.OnEvent = func(ctx context.Context, e jwtauth.Event) {
			if names[e.SessionID] == "" {
				names[e.SessionID] = fmt.Sprint("session ", len(names))
			}
			what := string(e.Kind)
			if e.Reason != "" {
				what += " (" + string(e.Reason) + ")"
			}
			told = append(told, fmt.Sprintf("%s %s %s", what, e.Subject, names[e.SessionID]))
			if ctx.Value(mark{}) != "here" {
				t.Error("the event comes without the call's context")
			}
			// The event comes after the change.
			_, err := s.store.SessionStore.Load(context.Background(), e.SessionID, s.clock.Now())
			ended := e.Kind == jwtauth.EventReuse || e.Kind == jwtauth.EventLogout || e.Kind == jwtauth.EventDenied
			if (err != nil) != ended {
				t.Errorf("%s: the session: %v", e.Kind, err)
			}
		}
	})
	login := func() string {
		tokens, err := s.Login(ctx, "user-1")
		if err != nil {
			t.Fatal(err)
		}
		return tokens.RefreshToken
	}
	refresh := func(token string) string {
		tokens, _ := s.Refresh(ctx, token)
		return tokens.RefreshToken
	}

	first := login()
	second := refresh(first)
	refresh(second)
	refresh(first)
	refresh(s.forge(second, 5))
	s.at(afterwards)
	refresh(first)
	refresh(second) // ended: no event

	first = login()
	_ = s.Logout(ctx, first)
	first = login()
	_ = s.EndSession(ctx, "user-1", refreshPayload(first).SessionID)
	first = login()
	disabled = jwtauth.ErrSubjectDisabled
	refresh(first)
	if _, err := s.Login(ctx, "user-2"); err == nil {
		t.Error("a disabled subject logged in")
	}
	disabled = errDown
	refresh(first)
	_ = s.LogoutAll(ctx, "user-1")
	_ = s.Logout(ctx, "x")

	want := []string{
		"login user-1 session 1",
		"refresh (rotated) user-1 session 1",
		"refresh (repeated) user-1 session 1",
		"refresh (retried) user-1 session 1",
		"refresh (adopted) user-1 session 1",
		"reuse (stolen) user-1 session 1",
		"login user-1 session 2",
		"logout user-1 session 2",
		"login user-1 session 3",
		"logout user-1 session 3",
		"login user-1 session 4",
		"denied (disabled) user-1 session 4",
		"denied (disabled) user-2 session 5",
		"logout user-1 none",
	}
	if !slices.Equal(told, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

// No event contains a token.
func TestEventsHoldNoToken(t *testing.T) {
	s := newService(t)
	first, err := s.Login(t.Context(), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	second := s.refresh(t, first.RefreshToken)
	s.refresh(t, first.RefreshToken)
	s.at(afterwards)
	_, _ = s.Refresh(t.Context(), first.RefreshToken)
	text := fmt.Sprintf("%+v", s.events)
	for _, token := range []string{first.AccessToken, first.RefreshToken, second.AccessToken, second.RefreshToken} {
		for _, segment := range strings.Split(token, ".") {
			if strings.Contains(text, segment) {
				t.Errorf("an event contains a part of a token: %s", text)
			}
		}
	}
	if len(s.events) != 4 {
		t.Errorf("events %s", text)
	}
}
