package jwtauth_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// A maxDelay of 5 s limits the calls of the store to one per session and 5 s,
// and the effect of a logout on another instance to 5 s.
func TestLiveFigures(t *testing.T) {
	const sessions, requests, delay = 100, 10_000, 5 * time.Second
	for _, c := range []struct {
		name         string
		delay, every time.Duration // between two requests
		calls        int
	}{
		{"no delay", 0, 10 * time.Millisecond, requests},
		{"each session once per second", delay, 10 * time.Millisecond, requests / 5},
		{"each session 20 times per second", delay, 500 * time.Microsecond, sessions},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &spyStore{SessionStore: memstore.New()}
				issuer, err := jwtauth.NewIssuer(generate(t, jwtauth.HS256), jwtauth.IssuerOptions{Sessions: store})
				if err != nil {
					t.Fatal(err)
				}
				var tokens []jwtauth.Tokens
				for n := range sessions {
					login, err := issuer.Login(t.Context(), fmt.Sprint("user ", n))
					if err != nil {
						t.Fatal(err)
					}
					tokens = append(tokens, login)
				}
				live := jwtauth.Live(issuer, store, c.delay)
				store.took()
				for n := range requests {
					if _, err := live.VerifyToken(t.Context(), tokens[n%sessions].AccessToken); err != nil {
						t.Fatal(err)
					}
					time.Sleep(c.every)
				}
				calls := len(store.took())
				t.Logf("maxDelay %v: %d calls of the store for %d requests of %d sessions in %v", c.delay, calls, requests, sessions, requests*c.every)
				if calls > c.calls {
					t.Errorf("%d calls of the store, want %d", calls, c.calls)
				}
				logoutElsewhere(t, live, store.SessionStore, tokens[0], c.delay)
			})
		})
	}
}

// logoutElsewhere ends a session without the knowledge of this process, and
// checks how long its token is accepted.
func logoutElsewhere(t *testing.T, live jwtauth.TokenVerifier, store jwtauth.SessionStore, tokens jwtauth.Tokens, delay time.Duration) {
	t.Helper()
	time.Sleep(delay)
	if _, err := live.VerifyToken(t.Context(), tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), refreshPayload(tokens.RefreshToken).SessionID); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for {
		if _, err := live.VerifyToken(t.Context(), tokens.AccessToken); err != nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("a logout on another instance is effective after %v", time.Since(began))
	if time.Since(began) != delay {
		t.Errorf("want %v", delay)
	}
}

// million is a verifier and a store with any number of sessions.
type million struct{ jwtauth.SessionStore }

func (million) VerifyToken(_ context.Context, token string) (*jwtauth.Claims, error) {
	return &jwtauth.Claims{Subject: "subject " + token, SessionID: jwtauth.SubjectTag(token) + "-" + token}, nil
}

func (million) Load(_ context.Context, id string, now time.Time) (jwtauth.Session, error) {
	return jwtauth.Session{ID: id, Subject: "subject " + id[len(id)-26:], ExpiresAt: now.Add(time.Hour)}, nil
}

// BenchmarkLiveMillion reports the memory of a Live that a million sessions
// have used within maxDelay.
func BenchmarkLiveMillion(b *testing.B) {
	for range b.N {
		live := jwtauth.Live(million{}, million{}, time.Hour)
		before := heap()
		for n := range 1_000_000 {
			if _, err := live.VerifyToken(b.Context(), fmt.Sprintf("%026d", n)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(heap()-before)/1e6, "MB")
		runtime.KeepAlive(live)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkLive(b *testing.B) {
	store := memstore.New()
	issuer, err := jwtauth.NewIssuer(generate(b, jwtauth.HS256), jwtauth.IssuerOptions{Sessions: store})
	if err != nil {
		b.Fatal(err)
	}
	tokens, err := issuer.Login(b.Context(), "user-1")
	if err != nil {
		b.Fatal(err)
	}
	for name, v := range map[string]jwtauth.TokenVerifier{
		"session=unchecked":  issuer,
		"session=loaded":     jwtauth.Live(issuer, store, 0),
		"session=remembered": jwtauth.Live(issuer, store, time.Hour),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.VerifyToken(b.Context(), tokens.AccessToken); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
