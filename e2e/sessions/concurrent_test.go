package sessions_test

import (
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

const (
	concurrent = 50
	rounds     = 5
)

// Fifty requests with one refresh token reach three instances at once. One
// generation begins, and all get its token. There may be several refresh
// events: if two instances write the same row in the same millisecond, both
// have won.
func TestConcurrentRefreshes(t *testing.T) {
	onEach(t, func(t *testing.T, p place) {
		t.Run("under the race detector", func(t *testing.T) {
			s := newSetup()
			instances := s.instances(t, p)
			var urls []string
			for _, i := range instances {
				urls = append(urls, i.url)
			}
			tokens := login(t, urls[0], "ada", "secret")
			for round := range int64(rounds) {
				s.clock.advance(coalesces)
				s.events.forget()
				tokens.RefreshToken = refreshAtOnce(t, urls, tokens.RefreshToken, 2+round)
				told := s.told()
				if told["rotated"] < 1 || told["rotated"]+told["repeated"]+told["retried"] != concurrent {
					t.Errorf("events: %v; want refreshes, and nothing but that", told)
				}
				t.Logf("generation %d: %d refreshes answered 200 with one token; events: %v", 2+round, concurrent, told)
				wantRow(t, instances[0], "ada", tokens.RefreshToken)
			}
		})
		t.Run("processes", func(t *testing.T) {
			var list []*process
			var urls []string
			for range 3 {
				i := startProcess(t, "-store", p.flag)
				list, urls = append(list, i), append(urls, i.url)
			}
			for range rounds {
				last := refreshAtOnce(t, urls, login(t, urls[0], "admin", "password").RefreshToken, 2)
				wantRow(t, newSetup().instance(t, p.open(t), 0), "1", last)
			}
			for _, p := range list {
				p.kill()
			}
			refreshed, again := countAll(list, "rotated"), countAll(list, "repeated")+countAll(list, "retried")
			t.Logf("%d times: %d refreshes answered 200 with one token; events: %d refreshed, %d answered again", rounds, concurrent, refreshed, again)
			if refreshed < rounds || refreshed+again != rounds*concurrent {
				t.Errorf("want at least %d refreshes, and %d in all", rounds, rounds*concurrent)
			}
		})
	})
}

// refreshAtOnce sends a token to all instances. It requires the same response
// of generation gen from each and returns it.
func refreshAtOnce(t *testing.T, urls []string, token string, gen int64) string {
	t.Helper()
	answers := make([]answer, concurrent)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			<-begin
			answers[i] = refresh(t, urls[i%len(urls)], token)
		})
	}
	close(begin)
	wg.Wait()
	successors := map[string]int{}
	for _, a := range answers {
		if a.status != 200 {
			t.Fatalf("answered %d %s", a.status, a.code)
		}
		successors[a.tokens.RefreshToken]++
	}
	if len(successors) != 1 {
		t.Fatalf("%d successors; want one", len(successors))
	}
	successor := answers[0].tokens.RefreshToken
	if got := read(t, successor).Gen; got != gen {
		t.Fatalf("generation %d; want %d", got, gen)
	}
	return successor
}

// wantRow checks that the store holds the session of a token in the generation
// of the token.
func wantRow(t *testing.T, i instance, subject, token string) {
	t.Helper()
	want := read(t, token)
	list, err := i.Sessions(t.Context(), subject)
	check(t, err)
	for _, row := range list {
		if row.ID == want.SID {
			if row.Generation != want.Gen {
				t.Errorf("the store is at generation %d, the token at %d", row.Generation, want.Gen)
			}
			return
		}
	}
	t.Errorf("of %d sessions of %s, none is the token's", len(list), subject)
}

// told counts the events: refreshes by their reason, others by their kind.
func (s setup) told() map[string]int {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	counts := map[string]int{}
	for _, e := range s.events.list {
		if e.Kind == jwtauth.EventRefresh {
			counts[string(e.Reason)]++
		} else {
			counts[string(e.Kind)]++
		}
	}
	return counts
}
