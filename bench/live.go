package main

import (
	"context"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

// liveDelay is the maxDelay of the measurements with a memory of sessions.
const liveDelay = 5 * time.Second

// logins are the sessions of an issuer in a store.
type logins struct {
	issuer *jwtauth.Issuer
	store  jwtauth.SessionStore
	tokens []string // the first hundred
}

// logIn logs in n times, each time another subject.
func logIn(store jwtauth.SessionStore, n int) (*logins, error) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		return nil, err
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer: fixture.Issuer, Audience: []string{fixture.Audience}, Sessions: store,
		AccessTTL: time.Hour, MaxSessions: -1,
	})
	if err != nil {
		return nil, err
	}
	l := &logins{issuer: issuer, store: store}
	for i := range n {
		t, err := issuer.Login(context.Background(), fixture.Subject(i))
		if err != nil {
			return nil, err
		}
		if i < 100 {
			l.tokens = append(l.tokens, t.AccessToken)
		}
	}
	return l, nil
}

// verify returns a function that verifies the tokens in turn, behind Live.
func (l *logins) verify(delay time.Duration) func(n int) error {
	return verifyAll(jwtauth.Live(l.issuer, l.store, delay), l.tokens...)
}
