package sessions_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
)

const (
	clients     = 1000
	atOnce      = 32
	killedAfter = 400 // refreshes with a response
	lostAnswers = 20  // at least: swaps that were carried out, and no answer reached the instance
)

// The database is killed in the middle of 1,000 refreshes. It has executed some
// of them without a response. It stays down longer than any window, and its
// clients keep trying.
func TestDatabaseKilled(t *testing.T) {
	for _, c := range []struct {
		name string
		kind *servers.Kind
		args []string
		on   func(testing.TB, *servers.Server) place
	}{
		{"postgres", servers.PostgreSQL, []string{"-c", "fsync=on"}, postgresPlace},
		{"mariadb", servers.MariaDB, nil, mariaPlace},
		{"redis, appendfsync always", servers.Redis, []string{"--appendfsync", "always"}, redisPlace},
		{"redis, appendfsync everysec", servers.Redis, nil, redisPlace},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := servers.Start(t, c.kind, c.args...)
			p := c.on(t, server)
			s := newSetup()
			database := &losing{enough: make(chan struct{})}
			var urls []string
			var issuers []instance
			for range 3 {
				i := s.instance(t, losingStore{p.open(t), database}, 0)
				issuers, urls = append(issuers, i), append(urls, i.url)
			}
			all := logins(t, issuers[0])
			s.clock.advance(time.Minute)

			// Every client tries once, and the server dies in the middle.
			database.loseAfter.Store(killedAfter)
			killed := make(chan struct{})
			go func() {
				defer close(killed)
				select {
				case <-database.enough:
					server.Kill(t)
				case <-t.Context().Done():
				}
			}()
			first := all.refresh(t, urls)
			if n := database.lost.Load(); n < lostAnswers {
				t.Fatalf("%d swaps, %d without an answer: it was not killed", database.swaps.Load(), n)
			}
			<-killed
			first.want(t, "while it dies")
			if first.answered < killedAfter || first.refused < lostAnswers {
				t.Errorf("%d answered, %d refused: it did not die in the middle", first.answered, first.refused)
			}

			// An outage longer than the window: every response is 503.
			s.clock.advance(time.Second)
			during := all.refresh(t, urls)
			s.clock.advance(10 * coalesces)
			during.add(all.refresh(t, urls))
			during.want(t, "during the outage")
			if during.answered != 0 {
				t.Errorf("%d answered during the outage", during.answered)
			}

			server.Restart(t)
			database.loseAfter.Store(0)
			restarted := time.Now()
			after := all.refreshAll(t, urls)
			took := time.Since(restarted)
			after.want(t, "after the restart")
			events := s.told()

			// All clients continue, also with the next generation.
			s.clock.advance(coalesces)
			for _, c := range all {
				c.due = true
			}
			next := all.refreshAll(t, urls)
			next.want(t, "in the next generation")
			lost := clients - all.standing(t, issuers[0])
			t.Logf("%d refreshes, killed after %d answers, with %d swaps carried out and not answered: %d answered, %d times 503; "+
				"during the outage %d times 503; after it %d answered (%d times 503, %v); next generation %d answered",
				clients, killedAfter, database.lost.Load(), first.answered, first.refused,
				during.refused, after.answered, after.refused, took.Round(time.Millisecond), next.answered)
			t.Logf("%d sessions lost, %d false alarms; events up to then: %v", lost, s.events.count(jwtauth.EventReuse), events)
			if lost != 0 || s.events.count(jwtauth.EventReuse) != 0 {
				t.Error("want none")
			}
			if events["retried"] < int(database.lost.Load()) && events["adopted"] == 0 {
				t.Errorf("%d clients retried; want the %d whose answers were lost", events["retried"], database.lost.Load())
			}
		})
	}
}

// losing executes some swaps without a response: those after a number of swaps.
// A killed server does that to few, at a moment that no test can choose.
type losing struct {
	loseAfter   atomic.Int64 // 0: never
	swaps, lost atomic.Int64
	enough      chan struct{} // closed when enough swaps were lost
}

type losingStore struct {
	jwtauth.SessionStore
	*losing
}

func (l losingStore) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	won, err := l.SessionStore.Swap(ctx, old, next, now)
	if after := l.loseAfter.Load(); err != nil || !won || after == 0 || l.swaps.Add(1) <= after {
		return won, err
	}
	if l.lost.Add(1) == lostAnswers {
		close(l.enough)
	}
	return false, fmt.Errorf("%w: the connection broke", jwtauth.ErrUnavailable)
}

// client is a client that keeps trying.
type client struct {
	subject, token string
	due            bool
}

type population []*client

// logins begins a session for each client.
func logins(t testing.TB, i instance) population {
	t.Helper()
	all := make(population, clients)
	inParallel(len(all), func(n int) {
		subject := fmt.Sprintf("user-%d", n)
		tokens, err := i.Login(t.Context(), subject)
		if err != nil {
			t.Errorf("login: %v", err)
		}
		all[n] = &client{subject, tokens.RefreshToken, true}
	})
	if t.Failed() {
		t.FailNow()
	}
	return all
}

func inParallel(n int, do func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	wg.Wait()
}

// outcome counts responses: 200, 503 with Retry-After, no response, others.
type outcome struct{ answered, refused, broken, other int }

func (o *outcome) add(more outcome) {
	o.answered += more.answered
	o.refused += more.refused
	o.broken += more.broken
	o.other += more.other
}

// want reports responses that no client must see.
func (o outcome) want(t testing.TB, when string) {
	t.Helper()
	if o.other != 0 || o.broken != 0 {
		t.Errorf("%s: %d other answers, and none %d times", when, o.other, o.broken)
	}
}

// refresh lets every waiting client try once, at the instance of its choice.
func (all population) refresh(t testing.TB, urls []string) (sum outcome) {
	t.Helper()
	var mu sync.Mutex
	var turn atomic.Int64
	inParallel(len(all), func(n int) {
		c := all[n]
		if !c.due {
			return
		}
		a := refresh(t, urls[int(turn.Add(1))%len(urls)], c.token)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case a.status == 200:
			sum.answered++
			c.token, c.due = a.tokens.RefreshToken, false
		case a.isOutage():
			sum.refused++
		case a.status == 0:
			sum.broken++
		default:
			if sum.other++; sum.other < 5 {
				t.Errorf("%s: answered %d %s, Retry-After %q", c.subject, a.status, a.code, a.retryAfter)
			}
			c.due = false
		}
	})
	return sum
}

// refreshAll lets the clients try until all have succeeded.
func (all population) refreshAll(t testing.TB, urls []string) (sum outcome) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		tries := all.refresh(t, urls)
		sum.add(tries)
		if tries.refused+tries.broken == 0 {
			return sum
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d are still not answered", tries.refused+tries.broken)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// standing counts the clients whose session is in the store, in the generation
// of their token.
func (all population) standing(t testing.TB, i instance) int {
	t.Helper()
	var n atomic.Int64
	inParallel(len(all), func(k int) {
		want := read(t, all[k].token)
		list, err := i.Sessions(t.Context(), all[k].subject)
		if err != nil {
			t.Errorf("%s: %v", all[k].subject, err)
		}
		for _, row := range list {
			if row.ID == want.SID && row.Generation == want.Gen {
				n.Add(1)
			}
		}
	})
	return int(n.Load())
}
