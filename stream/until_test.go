package stream_test

import (
	"context"
	"errors"
	"log"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/stream"
)

const (
	ttl      = 10 * time.Minute
	maxDelay = 30 * time.Second
)

// service is an issuer whose store can fail.
type service struct {
	*jwtauth.Issuer
	store *flakyStore
}

type flakyStore struct {
	jwtauth.SessionStore
	loads  atomic.Int64
	broken atomic.Bool // Load fails
	fail   func()      // called if it fails; may be nil

	// stuck is a channel for which Load waits, although it must return when its
	// context ends.
	stuck atomic.Pointer[chan struct{}]
}

var errDown = errors.New("down")

func (s *flakyStore) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	s.loads.Add(1)
	if stuck := s.stuck.Load(); stuck != nil {
		<-*stuck
	}
	if s.broken.Load() {
		if s.fail != nil {
			s.fail()
		}
		return jwtauth.Session{}, errDown
	}
	return s.SessionStore.Load(ctx, id, now)
}

func newService(t *testing.T, leeway time.Duration) *service {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{store: &flakyStore{SessionStore: memstore.New()}}
	s.Issuer, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{AccessTTL: ttl, Leeway: leeway, Sessions: s.store})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// login returns the tokens of a new session, and the claims of its access
// token.
func (s *service) login(t *testing.T) (jwtauth.Tokens, *jwtauth.Claims) {
	t.Helper()
	tokens, err := s.Login(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	return tokens, s.verify(t, tokens.AccessToken)
}

func (s *service) verify(t *testing.T, token string) *jwtauth.Claims {
	t.Helper()
	claims, err := s.VerifyToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// wait waits until ctx ends. It returns how long that takes, and the cause.
func wait(t *testing.T, ctx context.Context) (time.Duration, error) {
	t.Helper()
	begin := time.Now()
	<-ctx.Done()
	return time.Since(begin), context.Cause(ctx)
}

func TestUntilExpiry(t *testing.T) {
	for _, test := range []struct {
		name   string
		leeway time.Duration
		after  time.Duration // of the login, when the stream begins
		want   time.Duration
	}{
		{"at the login", -1, 0, ttl},
		{"later", -1, ttl - time.Second, time.Second},
		{"with leeway", time.Minute, 0, ttl + time.Minute},
		{"within the leeway", time.Minute, ttl + 10*time.Second, 50 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, test.leeway)
				tokens, err := s.Login(t.Context(), "ann")
				if err != nil {
					t.Fatal(err)
				}
				wakeUp(test.after)
				ctx, cancel := stream.UntilExpiry(t.Context(), s.verify(t, tokens.AccessToken))
				defer cancel()
				after, cause := wait(t, ctx)
				if after != test.want || !errors.Is(cause, jwtauth.ErrTokenExpired) {
					t.Errorf("ends after %v with %v, want %v", after, cause, test.want)
				}
				if _, err := s.VerifyToken(t.Context(), tokens.AccessToken); !errors.Is(err, jwtauth.ErrTokenExpired) {
					t.Errorf("a request at that time: %v", err)
				}
			})
		})
	}
}

// wakeUp returns after d of the time of a bubble.
func wakeUp(d time.Duration) { <-time.After(d) }

// A context that ends for another reason has the cause of that reason.
func TestUntilExpiryOtherEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, claims := newService(t, -1).login(t)
		ctx, cancel := stream.UntilExpiry(t.Context(), claims)
		cancel()
		if after, cause := wait(t, ctx); after != 0 || cause != context.Canceled {
			t.Errorf("cancel: %v, %v", after, cause)
		}
		parent, end := context.WithCancelCause(t.Context())
		ctx, cancel = stream.UntilExpiry(parent, claims)
		defer cancel()
		end(errDown)
		if after, cause := wait(t, ctx); after != 0 || cause != errDown {
			t.Errorf("the parent: %v, %v", after, cause)
		}
		for _, claims := range []*jwtauth.Claims{{Subject: "ann"}, {ExpiresAt: time.Now()}, {ExpiresAt: time.Now().Add(-time.Hour)}} {
			ctx, cancel = stream.UntilExpiry(t.Context(), claims)
			defer cancel()
			after, cause := wait(t, ctx)
			if after != 0 || !errors.Is(cause, jwtauth.ErrTokenExpired) {
				t.Errorf("%v: %v, %v", claims.ExpiresAt, after, cause)
			}
			if noExpiry := strings.HasSuffix(cause.Error(), "the claims have no ExpiresAt"); noExpiry != claims.ExpiresAt.IsZero() {
				t.Errorf("%v: %v", claims.ExpiresAt, cause)
			}
		}
	})
}

// After a logout, an update or the end of all sessions, the stream ends within
// maxDelay. Without one it ends when the token expires.
func TestUntilLogout(t *testing.T) {
	for _, test := range []struct {
		name  string
		do    func(t *testing.T, s *service, tokens jwtauth.Tokens)
		ended bool // whether the cause is ErrSessionEnded
	}{
		{"logout", func(t *testing.T, s *service, tokens jwtauth.Tokens) {
			if err := s.Logout(t.Context(), tokens.RefreshToken); err != nil {
				t.Error(err)
			}
		}, true},
		{"logout everywhere", func(t *testing.T, s *service, _ jwtauth.Tokens) {
			if err := s.LogoutAll(t.Context(), "ann"); err != nil {
				t.Error(err)
			}
		}, true},
		{"update", func(t *testing.T, s *service, tokens jwtauth.Tokens) {
			if _, err := s.Refresh(t.Context(), tokens.RefreshToken, jwtauth.SetSessionData("team 2")); err != nil {
				t.Error(err)
			}
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, -1)
				tokens, claims := s.login(t)
				ctx, cancel := stream.UntilLogout(s.store, maxDelay)(t.Context(), claims)
				defer cancel()
				wakeUp(5 * maxDelay)
				if ctx.Err() != nil {
					t.Fatalf("ends early: %v", context.Cause(ctx))
				}
				test.do(t, s, tokens)
				after, cause := wait(t, ctx)
				if after > maxDelay || !errors.Is(cause, jwtauth.ErrTokenInvalid) || errors.Is(cause, jwtauth.ErrSessionEnded) != test.ended {
					t.Errorf("ends after %v with %v", after, cause)
				}
			})
		})
	}
}

// A refresh without changes leaves the stream alone until its token expires.
func TestUntilLogoutExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, -1)
		tokens, claims := s.login(t)
		ctx, cancel := stream.UntilLogout(s.store, maxDelay)(t.Context(), claims)
		defer cancel()
		wakeUp(time.Minute)
		if _, err := s.Refresh(t.Context(), tokens.RefreshToken); err != nil {
			t.Fatal(err)
		}
		loads := s.store.loads.Load()
		after, cause := wait(t, ctx)
		if after != ttl-time.Minute || !errors.Is(cause, jwtauth.ErrTokenExpired) {
			t.Errorf("ends after %v with %v", after, cause)
		}
		// Each check comes a fourth to five twelfths of maxDelay after the last.
		calls := s.store.loads.Load() - loads
		if least, most := int64(after*12/5/maxDelay), int64(after*4/maxDelay)+1; calls < least || calls > most {
			t.Errorf("%d calls of the store, want %d to %d", calls, least, most)
		}
	})
}

// The stream survives one failure of the store, and ends if the store is down
// or does not return for maxDelay.
func TestUntilLogoutOutage(t *testing.T) {
	for _, kind := range []string{"broken", "stuck"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, -1)
				_, claims := s.login(t)
				ctx, cancel := stream.UntilLogout(s.store, maxDelay)(t.Context(), claims)
				defer cancel()
				s.store.broken.Store(true)
				for before := s.store.loads.Load(); s.store.loads.Load() == before && ctx.Err() == nil; {
					wakeUp(time.Second)
				}
				s.store.broken.Store(false)
				wakeUp(3 * maxDelay)
				if ctx.Err() != nil {
					t.Fatalf("ends after one failure: %v", context.Cause(ctx))
				}
				stuck := make(chan struct{})
				defer close(stuck)
				if kind == "broken" {
					s.store.broken.Store(true)
				} else {
					s.store.stuck.Store(&stuck)
				}
				after, cause := wait(t, ctx)
				if after > maxDelay || after < maxDelay/2 || !errors.Is(cause, jwtauth.ErrUnavailable) {
					t.Errorf("ends after %v with %v", after, cause)
				}
			})
		})
	}
}

// A store that is down from the beginning ends the stream as well, however it
// fails, and not the program.
func TestUntilLogoutDown(t *testing.T) {
	var logged strings.Builder
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	for name, fail := range map[string]func(){"error": nil, "panic": func() { panic("lost") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, -1)
				_, claims := s.login(t)
				s.store.fail = fail
				s.store.broken.Store(true)
				ctx, cancel := stream.UntilLogout(s.store, maxDelay)(t.Context(), claims)
				defer cancel()
				if after, cause := wait(t, ctx); after != maxDelay || !errors.Is(cause, jwtauth.ErrUnavailable) {
					t.Errorf("ends after %v with %v", after, cause)
				}
			})
		})
	}
	if text := logged.String(); !strings.Contains(text, "panic in the store of sessions: lost") || !strings.Contains(text, "until_test.go") {
		t.Errorf("logged %q", text)
	}
}

// Tokens without a session end at once, and so do ended contexts.
func TestUntilLogoutAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, -1)
		until := stream.UntilLogout(s.store, maxDelay)
		token, err := s.Sign("ann", nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := until(t.Context(), s.verify(t, token))
		defer cancel()
		if after, cause := wait(t, ctx); after != 0 || !errors.Is(cause, jwtauth.ErrTokenInvalid) {
			t.Errorf("no session: %v, %v", after, cause)
		}
		_, claims := s.login(t)
		ctx, cancel = until(t.Context(), claims)
		cancel()
		if after, cause := wait(t, ctx); after != 0 || cause != context.Canceled {
			t.Errorf("cancel: %v, %v", after, cause)
		}
		loads := s.store.loads.Load()
		wakeUp(time.Hour) // the goroutines have ended
		if calls := s.store.loads.Load() - loads; calls != 0 {
			t.Errorf("%d calls of the store after the end", calls)
		}
	})
}

func TestUntilLogoutPanics(t *testing.T) {
	for want, f := range map[string]func(){
		"jwtauth: stream: UntilLogout: store is nil":                            func() { stream.UntilLogout(nil, maxDelay) },
		"jwtauth: stream: UntilLogout: maxDelay: 999ms is less than one second": func() { stream.UntilLogout(memstore.New(), 999*time.Millisecond) },
		"jwtauth: stream: UntilLogout: maxDelay: -1ns is less than one second":  func() { stream.UntilLogout(memstore.New(), -1) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			f()
		}()
	}
}
