package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

// liveDelay is the maxDelay of the measurements with a memory of sessions.
const liveDelay = 5 * time.Second

// fill creates n sessions in a store.
func fill(store jwtauth.SessionStore, n int) error {
	now := time.Now()
	for i := range n {
		if err := store.Create(context.Background(), jwtauth.Session{
			ID: fmt.Sprintf("session-%d", i), Subject: fixture.Subject(i), Generation: 1,
			CreatedAt: now, RotatedAt: now, AuthTime: now, ExpiresAt: now.Add(24 * time.Hour),
		}); err != nil {
			return err
		}
	}
	return nil
}

// liveOver logs in a hundred times, and returns a function that verifies the
// tokens in turn, behind Live.
func liveOver(store jwtauth.SessionStore, delay time.Duration) (func(int) error, error) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		return nil, err
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer: fixture.Issuer, Audience: []string{fixture.Audience}, Sessions: store, MaxSessions: -1,
	})
	if err != nil {
		return nil, err
	}
	const used = 100
	var tokens []string
	for i := range used {
		t, err := issuer.Login(context.Background(), fixture.Subject(i))
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t.AccessToken)
	}
	return verifyAll(jwtauth.Live(issuer, store, delay), tokens...), nil
}
