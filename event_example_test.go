package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// The kind of an event decides its level in a log.
func ExampleEventKind() {
	level := func(kind jwtauth.EventKind) string {
		switch kind {
		case jwtauth.EventReuse: // ReasonStolen or ReasonLateRetry
			return "alarm"
		case jwtauth.EventDenied:
			return "warning"
		case jwtauth.EventLogin, jwtauth.EventRefresh, jwtauth.EventLogout:
			return "info"
		}
		return "unknown"
	}
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			fmt.Println(level(e.Kind), e.Kind, e.Subject)
		},
	})
	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	if err := issuer.Logout(ctx, tokens.RefreshToken); err != nil {
		log.Fatal(err)
	}
	// Output:
	// info login user-1
	// info logout user-1
}

// The reason of a refresh shows if clients retry often, or if the store has
// lost writes.
func ExampleEventReason() {
	count := make(map[jwtauth.EventReason]int)
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{
		OnEvent: func(_ context.Context, e jwtauth.Event) { count[e.Reason]++ },
	})
	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	for range 3 { // a client that does not get the response
		if _, err := issuer.Refresh(ctx, tokens.RefreshToken); err != nil {
			log.Fatal(err)
		}
	}
	for _, reason := range []jwtauth.EventReason{
		jwtauth.ReasonRotated, jwtauth.ReasonRepeated, jwtauth.ReasonRetried, jwtauth.ReasonAdopted,
	} {
		fmt.Println(reason, count[reason])
	}
	// Output:
	// rotated 1
	// repeated 0
	// retried 2
	// adopted 0
}

func ExampleEvent() {
	ctx := context.Background()
	issuer, clock := exampleSessions(jwtauth.IssuerOptions{
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			if e.Kind == jwtauth.EventReuse {
				fmt.Println("alert: an old refresh token was reused for", e.Subject)
			}
		},
	})
	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		if _, err = issuer.Refresh(ctx, tokens.RefreshToken); err != nil {
			fmt.Println(err)
		}
		clock.Set(clock.Now().Add(time.Hour))
	}
	// Output:
	// alert: an old refresh token was reused for user-1
	// jwtauth: refresh token reused
}

// Reasons explain the end of a session. A late retry may be a thief as well.
func ExampleEvent_reasons() {
	text := map[jwtauth.EventReason]string{
		jwtauth.ReasonUpdated:           "session data or authentication changed",
		jwtauth.ReasonLateRetry:         "an old token, and its successor is current",
		jwtauth.ReasonStolen:            "two parties hold tokens",
		jwtauth.ReasonDisabled:          "the subject is disabled",
		jwtauth.ReasonCredentialChanged: "the password was changed",
		jwtauth.ReasonLimit:             "too many sessions",
	}
	issuer, clock := exampleSessions(jwtauth.IssuerOptions{
		MaxSessions: 1,
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			if why, ok := text[e.Reason]; ok {
				fmt.Println(e.Kind+":", why)
			}
		},
	})
	for range 2 {
		if _, err := issuer.Login(context.Background(), "user-1"); err != nil {
			log.Fatal(err)
		}
		clock.Set(clock.Now().Add(time.Second))
	}
	// Output: logout: too many sessions
}
