package sessions_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
)

const (
	knownSessions = 100
	lateSessions  = 5 // sessions that lose something in a failover
)

// A replica is cut off, misses the last writes, and becomes the primary after
// the old primary has died.
func TestStaleReplicaPromoted(t *testing.T) {
	primary := servers.Start(t, servers.Redis)
	replica := servers.Start(t, servers.Redis, "--replicaof", "127.0.0.1 "+primary.Port())
	old, next := redisClient(t, primary.DSN("0")), redisClient(t, replica.DSN("0"))

	// The instances follow the primary, like clients of Sentinel.
	var address atomic.Pointer[string]
	address.Store(&primary.Addr)
	s := newSetup()
	var list []instance
	var urls []string
	for range 3 {
		client := redis.NewClient(&redis.Options{Addr: "primary", ContextTimeoutEnabled: true,
			Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, *address.Load())
			}})
		t.Cleanup(func() { _ = client.Close() })
		i := s.instance(t, openRedis(t, client), 0)
		list, urls = append(list, i), append(urls, i.url)
	}
	var known population
	for n := range knownSessions {
		subject := fmt.Sprintf("user-%d", n)
		known = append(known, &client{subject, login(t, urls[n%3], subject, "secret").RefreshToken, true})
	}
	var loggedOut []jwtauth.Tokens
	for range lateSessions {
		loggedOut = append(loggedOut, login(t, urls[0], "bob", "secret"))
	}
	s.clock.advance(time.Minute)
	known.refreshAll(t, urls)

	// The replica is cut off. It has everything up to here and misses the rest.
	until(t, "the replica has what the primary has", func() bool {
		n, err := old.Wait(t.Context(), 1, time.Second).Result()
		return err == nil && n == 1 && old.DBSize(t.Context()).Val() == next.DBSize(t.Context()).Val()
	})
	check(t, next.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err())
	behind := *known[0]
	for range 2 { // generations
		s.clock.advance(coalesces)
		for _, c := range known {
			c.due = true
		}
		if got := known.refreshAll(t, urls); got.answered != knownSessions {
			t.Fatalf("%+v", got)
		}
	}
	var newcomers []jwtauth.Tokens
	for range lateSessions {
		newcomers = append(newcomers, login(t, urls[1], "eve", "secret"))
	}
	for _, tokens := range loggedOut {
		logout(t, urls[2], tokens.RefreshToken).want(t, "logout", 204, "")
		get(t, urls[0]+"/dashboard", tokens.AccessToken).want(t, "after the logout", 401, "token_invalid")
	}

	primary.Kill(t)
	check(t, next.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err())
	address.Store(&replica.Addr)
	s.events.forget()

	for _, c := range known {
		c.due = true
	}
	got := known.refreshAll(t, urls)
	told := s.told()
	t.Logf("%d sessions that the replica knew, 2 generations behind: %d answered 200, %d refused; events: %v", knownSessions, got.answered, got.other, told)
	if got.answered != knownSessions || told["adopted"] != knownSessions || told["reuse"] != 0 {
		t.Error("want all of them adopted, and nobody logged out")
	}
	s.clock.advance(coalesces)
	for _, c := range known {
		c.due = true
	}
	if got := known.refreshAll(t, urls); got.answered != knownSessions || s.told()["rotated"] != knownSessions {
		t.Errorf("the next generation: %+v, events %v", got, s.told())
	}
	if n := known.standing(t, list[0]); n != knownSessions {
		t.Errorf("%d of %d stand in their generation", n, knownSessions)
	}
	// An old token still counts as reuse, also one of a generation that the
	// replica had as the last one.
	refresh(t, urls[0], behind.token).want(t, "a copy from before the failover", 401, "session_ended")
	if n := s.events.count(jwtauth.EventReuse); n != 1 {
		t.Errorf("%d alarms; want the one", n)
	}

	// A failover loses the logins and logouts of the last moment.
	refusedLogins, back := 0, 0
	for _, tokens := range newcomers {
		if a := refresh(t, urls[0], tokens.RefreshToken); a.status == 401 && a.code == "session_ended" {
			refusedLogins++
		}
	}
	for _, tokens := range loggedOut {
		if get(t, urls[0]+"/dashboard", tokens.AccessToken).status == 200 {
			back++
		}
	}
	t.Logf("lost with the primary: %d of %d logins (they log in again), %d of %d logouts (they stand again)", refusedLogins, lateSessions, back, lateSessions)
	if refusedLogins != lateSessions || back != lateSessions {
		t.Error("the documentation says that a failover loses these")
	}
	for _, tokens := range loggedOut {
		logout(t, urls[0], tokens.RefreshToken).want(t, "the logout again", 204, "")
		get(t, urls[1]+"/dashboard", tokens.AccessToken).want(t, "after it", 401, "token_invalid")
	}
	get(t, urls[0]+"/dashboard", login(t, urls[2], "eve", "secret").AccessToken).want(t, "another login", 200, "")
}

// A machine crashes under Redis with appendfsync everysec: the end of the log
// did not reach the disk.
func TestRedisLogCutShort(t *testing.T) {
	server := servers.Start(t, servers.Redis)
	s := newSetup()
	p := redisPlace(t, server)
	list := s.instances(t, p)
	urls := []string{list[0].url, list[1].url, list[2].url}
	var known population
	for n := range knownSessions {
		subject := fmt.Sprintf("user-%d", n)
		known = append(known, &client{subject, login(t, urls[n%3], subject, "secret").RefreshToken, true})
	}
	client := redisClient(t, server.DSN("0"))
	until(t, "the log is written", func() bool { // a write waits up to 2 s for the one before
		info, err := client.Info(t.Context(), "persistence").Result()
		return err == nil && strings.Contains(info, "aof_buffer_length:0") && strings.Contains(info, "aof_pending_bio_fsync:0")
	})
	log := appendOnlyLog(t, client)
	before, err := os.Stat(log)
	check(t, err)
	s.clock.advance(time.Minute)
	for range 2 {
		known.refreshAll(t, urls)
		s.clock.advance(coalesces)
		for _, c := range known {
			c.due = true
		}
	}

	server.Kill(t)
	after, err := os.Stat(log)
	check(t, err)
	check(t, os.Truncate(log, before.Size()))
	for range 20 {
		if got := known.refresh(t, urls); got.answered != 0 || got.other != 0 {
			t.Fatalf("while it is down: %+v", got)
		}
	}
	server.Restart(t)
	s.events.forget()
	got := known.refreshAll(t, urls)
	t.Logf("the log cut from %d to %d bytes: of %d sessions, all 2 generations behind, %d answered 200, %d refused; events: %v",
		after.Size(), before.Size(), knownSessions, got.answered, got.other, s.told())
	if got.answered != knownSessions || s.told()["adopted"] != knownSessions || s.events.count(jwtauth.EventReuse) != 0 {
		t.Error("want all of them adopted, and nobody logged out")
	}
	if n := known.standing(t, list[0]); n != knownSessions {
		t.Errorf("%d of %d stand in their generation", n, knownSessions)
	}
}

// appendOnlyLog returns the file to which a Redis server appends commands.
func appendOnlyLog(t testing.TB, client *redis.Client) string {
	t.Helper()
	config := client.ConfigGet(t.Context(), "dir").Val()["dir"]
	logs, err := filepath.Glob(filepath.Join(config, "appendonlydir", "*.incr.aof"))
	check(t, err)
	if len(logs) == 0 { // Redis before 7 has one file
		return filepath.Join(config, "appendonly.aof")
	}
	return slices.Max(logs)
}

// until polls for a condition.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came about that %s", what)
		}
	}
}
