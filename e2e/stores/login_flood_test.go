package stores_test

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// floodVariable is the number of logins of TestLoginFlood. If it is set, the
// test also measures the refreshes of another subject.
const floodVariable = "JWTAUTH_TEST_LOGINS"

// One subject logs in very often, and clients of the service log in and refresh
// meanwhile. IssuerOptions.MaxSessions bounds the sessions of the subject in
// every store.
func TestLoginFlood(t *testing.T) {
	logins, measure := 400, false
	if text := os.Getenv(floodVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", floodVariable, err)
		}
		logins, measure = n, true
	}
	stores := map[string]func(t *testing.T) jwtauth.SessionStore{
		"memory": func(*testing.T) jwtauth.SessionStore { return memstore.New() },
		"redis": func(t *testing.T) jwtauth.SessionStore {
			return redisStore(t, redisClient(t, servers.Shared(t, servers.Redis)))
		},
	}
	for _, d := range databases {
		stores[d.name] = func(t *testing.T) jwtauth.SessionStore {
			db := d.open(t)
			db.SetMaxOpenConns(20)
			db.SetMaxIdleConns(20)
			return d.on(t, db)
		}
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			issuer := newIssuer(t, open(t), jwtauth.IssuerOptions{})
			begin := time.Now()
			took := flood(t, issuer, logins)
			rate := float64(logins) / time.Since(begin).Seconds()
			slices.Sort(took)
			if len(took) == 0 {
				t.Fatal("no refresh of another subject ended")
			}
			p99 := took[len(took)*99/100]
			t.Logf("%d logins, %.0f per second; %d refreshes of another subject: median %v, p99 %v, longest %v",
				logins, rate, len(took), took[len(took)/2], p99, took[len(took)-1])
			if bound := 50 * time.Millisecond; measure && p99 >= bound && (name == "redis" || name == "postgres") {
				t.Errorf("the p99 of the refreshes is %v, at least %v", p99, bound)
			}

			// The logins in flight may have exceeded the limit. A login whose
			// store fails leaves the excess to the next one.
			list, err := []jwtauth.Session(nil), error(nil)
			for range 10 {
				if _, err = issuer.Login(t.Context(), "mallory"); err != nil {
					continue
				}
				if list, err = issuer.Sessions(t.Context(), "mallory"); len(list) == 100 {
					break
				}
			}
			if len(list) != 100 || err != nil {
				t.Errorf("%d sessions, %v; want 100", len(list), err)
			}
		})
	}
}

// flood logs one subject in and returns how long each refresh of another
// subject has taken meanwhile.
func flood(t *testing.T, issuer *jwtauth.Issuer, logins int) (took []time.Duration) {
	const workers = 8
	var next, unavailable atomic.Int64
	var wg sync.WaitGroup
	over := make(chan struct{})
	for range workers {
		wg.Go(func() {
			for next.Add(1) <= int64(logins) {
				if _, err := issuer.Login(t.Context(), "mallory"); errors.Is(err, jwtauth.ErrUnavailable) {
					unavailable.Add(1) // a busy machine
				} else if err != nil {
					t.Errorf("login: %v", err)
					return
				}
			}
		})
	}
	go func() {
		wg.Wait()
		close(over)
	}()
	for {
		// A new session rotates with its first refresh. A later refresh within
		// the window would not write.
		tokens, err := issuer.Login(t.Context(), "ada")
		if err == nil {
			begin := time.Now()
			_, err = issuer.Refresh(t.Context(), tokens.RefreshToken)
			took = append(took, time.Since(begin))
		}
		if errors.Is(err, jwtauth.ErrUnavailable) {
			unavailable.Add(1)
		} else if err != nil {
			t.Errorf("another subject: %v", err)
		}
		select {
		case <-over:
			if n := unavailable.Load(); n > 0 {
				t.Logf("%d calls failed with ErrUnavailable", n)
			}
			return took
		default:
		}
	}
}
