package sessions_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// One of three instances is killed in the middle of 1,000 refreshes, and starts
// again. Its clients retry at the instance that a balancer chooses.
func TestInstanceKilled(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		var list []*process
		var urls []string
		for range 3 {
			i := startProcess(t, "-store", p.flag, "-reuse-window", "1m", "-idle-ttl", "1h")
			list, urls = append(list, i), append(urls, i.url)
		}
		// The sessions begin without a login, because 1,000 bcrypt checks take
		// too long.
		store := p.open(t)
		beside, err := jwtauth.NewIssuer(key(t), jwtauth.IssuerOptions{Sessions: store, MaxSessions: -1})
		check(t, err)
		all := make([]string, clients)
		inParallel(len(all), func(n int) {
			tokens, err := beside.Login(t.Context(), "1")
			for tries := 0; errors.Is(err, jwtauth.ErrUnavailable) && tries < 20; tries++ {
				tokens, err = beside.Login(t.Context(), "1") // SQLite has one writer at a time, and this one waited too long
			}
			if err != nil {
				t.Errorf("login: %v", err)
			}
			all[n] = tokens.RefreshToken
		})
		if t.Failed() {
			t.FailNow()
		}

		// The last responses of the instance do not arrive. A killed instance
		// loses some as well, but too few to count on.
		var answered, broken, refused, other, withheld atomic.Int64
		middle, dead := make(chan struct{}), make(chan struct{})
		isMiddle := sync.OnceFunc(func() { close(middle) })
		var killed sync.WaitGroup
		killed.Go(func() {
			<-middle
			list[0].kill()
			close(dead)
			list[0].start(t)
		})
		inParallel(len(all), func(n int) {
			deadline := time.Now().Add(50 * time.Second) // within the window
			for at := n; ; at++ {
				a := refresh(t, urls[at%len(urls)], all[n])
				switch {
				case a.status == 200 && at%len(urls) == 0 && answered.Load() < killedAfter && withheld.Add(1) <= lostAnswers:
					<-dead
				case a.status == 200:
					all[n] = a.tokens.RefreshToken
					if answered.Add(1) == killedAfter {
						isMiddle()
					}
					return
				case a.status == 0:
					broken.Add(1)
				case a.isOutage():
					refused.Add(1)
				default:
					other.Add(1)
					t.Errorf("client %d: answered %d %s", n, a.status, a.code)
					isMiddle() // no client waits for it any longer
					return
				}
				if time.Now().After(deadline) {
					t.Errorf("client %d is not answered", n)
					isMiddle()
					return
				}
			}
		})
		killed.Wait()

		// The acknowledged rotations are in the store, and the killed instance
		// accepts them.
		rows, err := beside.Sessions(t.Context(), "1")
		check(t, err)
		generations := map[string]int64{}
		for _, row := range rows {
			generations[row.ID] = row.Generation
		}
		lost := 0
		for _, token := range all {
			if c := read(t, token); generations[c.SID] != c.Gen {
				lost++
			}
		}
		var again atomic.Int64
		inParallel(len(all), func(n int) {
			if a := refresh(t, list[0].url, all[n]); a.status == 200 && a.tokens.RefreshToken == all[n] {
				again.Add(1)
			}
		})
		for _, p := range list {
			p.kill()
		}
		t.Logf("%d refreshes, one of 3 instances killed after %d: %d answered 200, %d connections broken, %d times 503, %d others; "+
			"events: %d rotated, %d retried (%d answers that were withheld, the others taken along); the restarted one answers %d again",
			clients, killedAfter, answered.Load(), broken.Load(), refused.Load(), other.Load(),
			countAll(list, "rotated"), countAll(list, "retried"), lostAnswers, again.Load())
		t.Logf("%d sessions lost, %d false alarms", lost, countAll(list, "reuse"))
		if lost != 0 || countAll(list, "reuse") != 0 || answered.Load() != clients || again.Load() != clients {
			t.Error("want all to go on")
		}
		if broken.Load() == 0 || countAll(list, "retried") < lostAnswers {
			t.Error("too little was lost")
		}
	})
}
