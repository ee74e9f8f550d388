package otelauth_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

func TestSessionEvents(t *testing.T) {
	r := newRecorder(t)
	at := &clock{time.Now()}
	issuer := newIssuer(t, r, func(o *jwtauth.IssuerOptions) { o.Now = at.now })
	ctx, events := traced(t.Context())
	var sessions [2]jwtauth.Tokens
	for i := range sessions {
		var err error
		if sessions[i], err = issuer.Login(ctx, "user-"+secret); err != nil {
			t.Fatal(err)
		}
	}
	refresh := func(token string) string {
		next, err := issuer.Refresh(ctx, token)
		if err != nil && !errors.Is(err, jwtauth.ErrTokenReused) {
			t.Fatal(err)
		}
		return next.RefreshToken
	}
	first := sessions[0].RefreshToken
	second := refresh(first) // rotated
	refresh(second)          // repeated
	refresh(first)           // retried
	at.advance(5 * time.Minute)
	refresh(second) // rotated
	refresh(first)  // a theft
	if err := issuer.Logout(ctx, sessions[1].RefreshToken); err != nil {
		t.Fatal(err)
	}
	r.collect(t).want(t, figures{
		`jwtauth.session.events{jwtauth.session.event="login"}`:                                     2,
		`jwtauth.session.events{jwtauth.session.event="refresh",jwtauth.session.reason="rotated"}`:  2,
		`jwtauth.session.events{jwtauth.session.event="refresh",jwtauth.session.reason="repeated"}`: 1,
		`jwtauth.session.events{jwtauth.session.event="refresh",jwtauth.session.reason="retried"}`:  1,
		`jwtauth.session.events{jwtauth.session.event="reuse",jwtauth.session.reason="stolen"}`:     1,
		`jwtauth.session.events{jwtauth.session.event="logout"}`:                                    1,
	})
	got := events()
	if len(got) != 8 || !slices.Contains(got, `jwtauth.session{jwtauth.session.event="reuse",jwtauth.session.reason="stolen"}`) || strings.Contains(fmt.Sprint(got), secret) {
		t.Errorf("span events %q", got)
	}
}

// Each kind and each reason of the packages is an attribute, and no other text.
func TestKnownEvents(t *testing.T) {
	r := newRecorder(t)
	want := figures{
		`jwtauth.session.events{jwtauth.session.event="_OTHER",jwtauth.session.reason="_OTHER"}`: 2,
		`jwtauth.guard.events{jwtauth.guard.event="_OTHER"}`:                                     2,
	}
	for _, kind := range codesIn(t, "../event.go", `Event\w+ +EventKind = "(\w+)"`) {
		r.OnEvent(t.Context(), jwtauth.Event{Kind: jwtauth.EventKind(kind)})
		want[fmt.Sprintf(`jwtauth.session.events{jwtauth.session.event=%q}`, kind)] = 1
	}
	for _, reason := range codesIn(t, "../event.go", `Reason\w+ +EventReason = "(\w+)"`) {
		r.OnEvent(t.Context(), jwtauth.Event{Kind: jwtauth.EventRefresh, Reason: jwtauth.EventReason(reason)})
		want[fmt.Sprintf(`jwtauth.session.events{jwtauth.session.event="refresh",jwtauth.session.reason=%q}`, reason)] = 1
	}
	for _, kind := range codesIn(t, "../guard/event.go", `Event\w+ +EventKind = "(\w+)"`) {
		r.OnGuardEvent(t.Context(), guard.Event{Kind: guard.EventKind(kind), Account: secret, Err: errors.New(secret)})
		want[fmt.Sprintf(`jwtauth.guard.events{jwtauth.guard.event=%q}`, kind)] = 1
	}
	for i := range 2 {
		text := fmt.Sprint(secret, i)
		r.OnEvent(t.Context(), jwtauth.Event{Kind: jwtauth.EventKind(text), Reason: jwtauth.EventReason(text), Subject: text, SessionID: text})
		r.OnGuardEvent(t.Context(), guard.Event{Kind: guard.EventKind(text)})
	}
	if len(want) < 2+5+10+3 {
		t.Errorf("only %d events found", len(want))
	}
	r.collect(t).want(t, want)
}

// The events of a Guard arrive, and are span events.
func TestGuardEvents(t *testing.T) {
	r := newRecorder(t)
	g, err := guard.New(guard.Options{Secret: []byte(strings.Repeat("s", 32)), Failures: 3, OnEvent: r.OnGuardEvent})
	if err != nil {
		t.Fatal(err)
	}
	ctx, events := traced(t.Context())
	for range 3 {
		request := httptest.NewRequestWithContext(ctx, "POST", "/login", nil)
		allowed, err := g.Allow(request, secret)
		if err != nil {
			t.Fatal(err)
		}
		g.Report(httptest.NewRecorder(), request.WithContext(allowed), secret, jwtauth.ErrWrongPassword)
	}
	r.collect(t).want(t, figures{`jwtauth.guard.events{jwtauth.guard.event="account_paused"}`: 1})
	if got := events(); !slices.Equal(got, []string{`jwtauth.guard{jwtauth.guard.event="account_paused"}`}) {
		t.Errorf("span events %q", got)
	}
}
