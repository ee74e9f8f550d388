package stores_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// sessionsVariable is the largest number of sessions of BenchmarkLive. If it is
// set, the benchmark has several rounds.
const sessionsVariable = "JWTAUTH_TEST_SESSIONS"

const (
	defaultSessions = 100_000
	activeSessions  = 100 // whose tokens are verified
	fillTimeout     = 2 * time.Minute
)

// liveDelays are the values of maxDelay.
var liveDelays = []time.Duration{0, 5 * time.Second}

// BenchmarkLive measures one verification behind Live, of the tokens of a
// hundred sessions in turn. The store holds 1,000 sessions, ten times as many,
// and so on. The sizes take turns, so that other load on the machine slows all
// of them.
func BenchmarkLive(b *testing.B) {
	sizes, rounds := liveSizes(b)
	for _, s := range liveStores {
		b.Run("store="+s.name, func(b *testing.B) {
			open := s.start(b)
			verifiers := make(map[int]map[time.Duration]*liveTokens)
			for _, n := range sizes {
				verifiers[n] = fillAndLogIn(b, open(b, n), n)
			}
			for round := 1; round <= rounds; round++ {
				for _, n := range sizes {
					for _, delay := range liveDelays {
						b.Run(fmt.Sprintf("sessions=%d/delay=%v/round=%d", n, delay, round), verifiers[n][delay].measure)
					}
				}
			}
		})
	}
}

// liveSizes returns the numbers of sessions, and the number of rounds.
func liveSizes(b *testing.B) (sizes []int, rounds int) {
	largest, rounds := defaultSessions, 1
	if text := os.Getenv(sessionsVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 || n > 10_000_000 {
			b.Fatalf("%s: %q is not a number from 1,000 to 10,000,000", sessionsVariable, text)
		}
		largest, rounds = n, 9
	}
	for n := 1000; n <= largest; n *= 10 {
		sizes = append(sizes, n)
	}
	return sizes, rounds
}

// liveTokens are the tokens of active sessions, and a verifier for them.
type liveTokens struct {
	verifier jwtauth.TokenVerifier
	tokens   []string
}

// fillAndLogIn fills the store with n sessions, a hundred of which are those of
// the tokens.
func fillAndLogIn(b *testing.B, store bulkStore, n int) map[time.Duration]*liveTokens {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), fillTimeout)
	defer cancel()
	begin := time.Now()
	if err := store.fill(ctx, n-activeSessions); err != nil {
		b.Fatalf("%d sessions: %v", n, err)
	}
	b.Logf("filled with %d sessions in %v", n, time.Since(begin).Round(time.Millisecond))
	issuer := newIssuer(b, store.SessionStore, jwtauth.IssuerOptions{
		Issuer: "https://issuer.example", Audience: []string{"https://api.example"},
		AccessTTL: time.Hour, MaxSessions: -1, // no List at each login
	})
	tokens := make([]string, activeSessions)
	for i := range tokens {
		t, err := issuer.Login(ctx, fmt.Sprint("user-", i))
		if err != nil {
			b.Fatal(err)
		}
		tokens[i] = t.AccessToken
	}
	all := make(map[time.Duration]*liveTokens)
	for _, delay := range liveDelays {
		all[delay] = &liveTokens{jwtauth.Live(issuer, store.SessionStore, delay), tokens}
	}
	return all
}

func (l *liveTokens) measure(b *testing.B) {
	next := 0
	verify := func() {
		if _, err := l.verifier.VerifyToken(b.Context(), l.tokens[next]); err != nil {
			b.Fatal(err)
		}
		next = (next + 1) % len(l.tokens)
	}
	for range 3 * len(l.tokens) { // until all tokens and sessions are remembered
		verify()
	}
	b.ReportAllocs()
	for b.Loop() {
		verify()
	}
}
