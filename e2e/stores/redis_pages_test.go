package stores_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
)

// The hash of a subject with many sessions is read in pages. No session is
// missing or listed twice, and all of them end.
func TestRedisPages(t *testing.T) {
	for name, client := range map[string]func() redis.UniversalClient{
		"one server": func() redis.UniversalClient { return redisClient(t, servers.Shared(t, servers.Redis)) },
		"cluster":    func() redis.UniversalClient { return clusterClient(t, startCluster(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			store := redisStore(t, client())
			const sessions = 2500
			created := createMany(t, store, "ada", sessions)
			wantAll(t, store, "ada", created)
			if err := store.DeleteSubject(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
			wantAll(t, store, "ada", nil)
			for id := range created {
				if _, err := store.Load(t.Context(), id, now()); err == nil {
					t.Fatal("a session is active after DeleteSubject")
				}
			}
		})
	}
}

// The server closes the connection between two pages. The next connection
// starts at the first page.
func TestRedisPagesLostConnection(t *testing.T) {
	server := servers.Start(t, servers.Redis) // other clients lose their connections too
	client := redisClient(t, server)
	admin := redisClient(t, server)
	pages := &pageSpy{}
	client.AddHook(pages)
	store := redisStore(t, client)
	const sessions = 2500
	created := createMany(t, store, "ada", sessions)
	kills := 0
	kill := func(page int) {
		if page == 2 {
			kills++
			if err := admin.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
				t.Error(err)
			}
		}
	}
	for _, call := range []func(){
		func() { wantAll(t, store, "ada", created) },
		func() {
			if err := store.DeleteSubject(t.Context(), "ada"); err != nil {
				t.Error(err)
			}
		},
	} {
		kills = 0
		pages.reset(kill)
		call()
		if pages.restarts() < 1 || kills != 1 {
			t.Errorf("%d restarts after %d lost connections, want 1", pages.restarts(), kills)
		}
		pages.reset(nil)
	}
	wantAll(t, store, "ada", nil)
}

// pageSpy is a hook that counts the scripts in transactions. Only the scripts
// for pages run in one.
type pageSpy struct {
	mu      sync.Mutex
	watches int
	pages   int
	before  func(page int)
}

func (s *pageSpy) reset(before func(page int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches, s.pages, s.before = 0, 0, before
}

func (s *pageSpy) restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watches - 1
}

func (s *pageSpy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *pageSpy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s.mu.Lock()
		var before func(int)
		if cmd.Name() == "watch" {
			s.watches++
		} else if cmd.Name() == "evalsha" && s.watches > 0 {
			s.pages++
			before = s.before
		}
		page := s.pages
		s.mu.Unlock()
		if before != nil {
			before(page)
		}
		return next(ctx, cmd)
	}
}

func (s *pageSpy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// createMany creates sessions of one subject and returns them by ID.
func createMany(t testing.TB, store jwtauth.SessionStore, subject string, n int) map[string]jwtauth.Session {
	t.Helper()
	created := make(map[string]jwtauth.Session, n)
	var mu sync.Mutex
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				s := session(subject)
				if err := store.Create(t.Context(), s); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				created[s.ID] = s
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return created
}

// wantAll fails the test unless List returns exactly these sessions.
func wantAll(t testing.TB, store jwtauth.SessionStore, subject string, want map[string]jwtauth.Session) {
	t.Helper()
	list, err := store.List(t.Context(), subject, now())
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool, len(list))
	for _, s := range list {
		if listed[s.ID] || s != want[s.ID] {
			t.Fatalf("List returned %+v; want %+v once", s, want[s.ID])
		}
		listed[s.ID] = true
	}
	if len(listed) != len(want) {
		t.Fatalf("List returned %d sessions, want %d", len(listed), len(want))
	}
}
