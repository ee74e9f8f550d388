package jwtauth_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// slowCalls is a store that reports slow calls of another one.
type slowCalls struct {
	jwtauth.SessionStore
	limit time.Duration
}

func (s slowCalls) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	start := time.Now()
	session, err := s.SessionStore.Load(ctx, id, now)
	if took := time.Since(start); took > s.limit {
		log.Printf("loading a session took %v", took)
	}
	return session, err
}

// A store can wrap another one, such as to measure its calls.
func ExampleSessionStore() {
	var store jwtauth.SessionStore = slowCalls{memstore.New(), time.Second}
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := issuer.Login(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	_, err = issuer.Refresh(context.Background(), tokens.RefreshToken)
	fmt.Println(err)
	// Output: <nil>
}

// A session lasts as long as its user comes back, up to a fixed end.
func ExampleSession() {
	ctx := context.Background()
	issuer, clock := exampleSessions(jwtauth.IssuerOptions{})
	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	show := func(s jwtauth.Session) {
		fmt.Println("generation", s.Generation, "expires", s.ExpiresAt.Format(time.DateOnly), "ends", s.EndsAt.Format(time.DateOnly))
	}
	for range 2 {
		list, err := issuer.Sessions(ctx, "user-1")
		if err != nil {
			log.Fatal(err)
		}
		show(list[0])
		clock.Set(clock.Now().AddDate(0, 0, 5))
		if tokens, err = issuer.Refresh(ctx, tokens.RefreshToken); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// generation 1 expires 2030-03-24 ends 2030-04-16
	// generation 2 expires 2030-03-29 ends 2030-04-16
}
