package stores_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/redisstore"
)

const clusterNodes, slots = 3, 16384

// startCluster starts a Redis Cluster and returns the address of one of its
// nodes.
func startCluster(t testing.TB) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var nodes []*redis.Client
	var first *servers.Server
	for i := range clusterNodes {
		s := servers.Start(t, servers.Redis, "--cluster-enabled", "yes", "--appendonly", "no")
		node := redisClient(t, s)
		nodes = append(nodes, node)
		if err := node.ClusterAddSlotsRange(ctx, i*slots/clusterNodes, (i+1)*slots/clusterNodes-1).Err(); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = s
		} else if err := node.ClusterMeet(ctx, "127.0.0.1", first.Port()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range nodes {
		for {
			info, err := node.ClusterInfo(ctx).Result()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprint("cluster_known_nodes:", clusterNodes)) {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return first.Addr
}

// clusterClient returns a client that may read from replicas.
func clusterClient(t testing.TB, addr string) *redis.ClusterClient {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{addr}, ReadOnly: true, RouteRandomly: true, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// A server that has lost its scripts, by a restart or a flush, gets them again.
func TestRedisScriptsForgotten(t *testing.T) {
	client := redisClient(t, servers.Start(t, servers.Redis)) // flushing disturbs other tests
	store := redisStore(t, client)
	forget := func() {
		t.Helper()
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s := session("ada")
	forget()
	create(t, store, s)
	forget()
	if got, err := store.Load(t.Context(), s.ID, now()); err != nil || got != s {
		t.Errorf("Load: %v, %v", got, err)
	}
	forget()
	if won, err := store.Swap(t.Context(), s, rotated(s), now()); !won || err != nil {
		t.Errorf("Swap: %v, %v", won, err)
	}
	forget()
	if list, err := store.List(t.Context(), "ada", now()); len(list) != 1 || err != nil {
		t.Errorf("List: %v, %v", list, err)
	}
	forget()
	if err := store.Delete(t.Context(), s.ID); err != nil {
		t.Error(err)
	}
	forget()
	if err := store.DeleteSubject(t.Context(), "ada"); err != nil {
		t.Error(err)
	}
}

// All sessions of a subject are in one key. It expires a little after the last
// of its sessions, by the clock of the caller and not of the server.
func TestRedisKey(t *testing.T) {
	client := redisClient(t, servers.Shared(t, servers.Redis))
	prefix := strings.ToLower(t.Name()) + ":"
	store, err := redisstore.New(client, redisstore.Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	key := prefix + "{" + jwtauth.SubjectTag("ada") + "}"
	wantTTL := func(want time.Duration) {
		t.Helper()
		got := client.PTTL(t.Context(), key).Val()
		if got > want+5*time.Minute || got < want+4*time.Minute {
			t.Errorf("the key lives for %v; want 4 to 5 minutes more than %v", got, want)
		}
	}

	// The caller's clock is a year behind the server's. That loses nothing.
	s := session("ada")
	behind := now().AddDate(-1, 0, 0)
	s.CreatedAt, s.RotatedAt, s.ExpiresAt = behind, behind, behind.Add(time.Hour)
	create(t, store, s)
	wantTTL(time.Hour)

	next := s
	next.Generation++
	next.ExpiresAt = behind.Add(3 * time.Hour)
	if won, err := store.Swap(t.Context(), s, next, behind); !won || err != nil {
		t.Fatal(won, err)
	}
	wantTTL(3 * time.Hour)
	short := session("ada")
	short.ExpiresAt = short.RotatedAt.Add(time.Minute)
	create(t, store, short) // sweeps, but its own clock is a year ahead of the other one: see below
	wantTTL(3 * time.Hour)

	if err := store.DeleteSubject(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if n := client.Exists(t.Context(), key).Val(); n != 0 {
		t.Error("the key is still there without sessions")
	}
}

// Creating a session deletes expired ones. Those that may still be loaded stay.
func TestRedisSweep(t *testing.T) {
	client := redisClient(t, servers.Shared(t, servers.Redis))
	prefix := strings.ToLower(t.Name()) + ":"
	store, err := redisstore.New(client, redisstore.Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	const ended, standing, logins = 500, 20, 100
	key := prefix + "{" + jwtauth.SubjectTag("ada") + "}"
	begin := now()
	var stay []jwtauth.Session
	for i := range ended + standing {
		s := session("ada")
		s.CreatedAt = begin
		s.ExpiresAt = begin.Add(time.Hour)
		if i >= ended {
			s.ExpiresAt = begin.Add(24 * time.Hour)
			stay = append(stay, s)
		}
		create(t, store, s)
	}
	later := func(d time.Duration) jwtauth.Session {
		s := session("ada")
		s.CreatedAt = begin.Add(d)
		s.ExpiresAt = begin.Add(24 * time.Hour)
		return s
	}
	// An instance with a slow clock may still load them for a minute.
	for range logins {
		create(t, store, later(time.Hour+time.Minute))
	}
	if n := client.HLen(t.Context(), key).Val(); n < ended+standing+logins {
		t.Errorf("%d fields: sessions went that had ended a minute before", n)
	}
	for range logins {
		create(t, store, later(2*time.Hour))
	}
	n := client.HLen(t.Context(), key).Val()
	t.Logf("%d fields left of %d ended, %d standing and %d new", n, ended, standing, 2*logins)
	if most := int64(standing + 2*logins + ended/10); n > most {
		t.Errorf("%d fields are left; at most %d are wanted", n, most)
	}
	for _, s := range stay {
		if _, err := store.Load(t.Context(), s.ID, begin.Add(2*time.Hour)); err != nil {
			t.Errorf("a session that stands is gone: %v", err)
		}
	}
	list, err := store.List(t.Context(), "ada", begin.Add(2*time.Hour))
	if err != nil || len(list) != standing+2*logins {
		t.Errorf("List: %d sessions, %v; want %d", len(list), err, standing+2*logins)
	}

	// The position of the sweep is not kept in an otherwise empty key.
	last := func(t *testing.T, end func() error) {
		t.Helper()
		for client.HGet(t.Context(), key, "cursor").Err() != nil {
			create(t, store, later(2*time.Hour))
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		if left := client.HGetAll(t.Context(), key).Val(); len(left) != 0 {
			t.Errorf("left without sessions: %v", left)
		}
	}
	last(t, func() error { return store.DeleteSubject(t.Context(), "ada") })
	for range standing + logins {
		create(t, store, later(2*time.Hour))
	}
	last(t, func() error {
		list, err := store.List(t.Context(), "ada", begin)
		for _, s := range list {
			err = errors.Join(err, store.Delete(t.Context(), s.ID))
		}
		return err
	})
}

// Subjects with the same tag share a key, and nothing else.
func TestRedisTagsAgree(t *testing.T) {
	client := redisClient(t, servers.Shared(t, servers.Redis))
	store := redisStore(t, client)
	ada := session("ada")
	create(t, store, ada)
	keys, err := client.Keys(t.Context(), "*{"+jwtauth.SubjectTag("ada")+"}").Result()
	if err != nil {
		t.Fatal(err)
	}
	// Two subjects with one tag are hard to find. So this test derives the row
	// of another subject from hers, with the same and a greater length.
	for _, key := range keys {
		row, err := client.HGet(t.Context(), key, ada.ID).Result()
		if err != nil {
			continue // a key of another test
		}
		for i, other := range []string{" 3 6 adba test", " 4 6 adaXa test"} {
			id := fmt.Sprint(ada.ID, "-", i)
			if err := client.HSet(t.Context(), key, id, strings.Replace(row, " 3 6 adaa test", other, 1)).Err(); err != nil {
				t.Fatal(err)
			}
			if got, err := store.Load(t.Context(), id, now()); err != nil || got.Subject == "ada" {
				t.Fatalf("the other row is %+v, %v", got, err)
			}
		}
	}
	if list, err := store.List(t.Context(), "ada", now()); err != nil || len(list) != 1 {
		t.Errorf("List: %v, %v; want hers alone", list, err)
	}
	if err := store.DeleteSubject(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(t.Context(), ada.ID, now()); err == nil {
		t.Error("her session stands")
	}
	for i := range 2 {
		if _, err := store.Load(t.Context(), fmt.Sprint(ada.ID, "-", i), now()); err != nil {
			t.Errorf("the session of another subject is gone: %v", err)
		}
	}
}

// A server that accepts connections but never responds takes only the time that
// the caller allows.
func TestRedisContextEndsCall(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	client := redis.NewClient(&redis.Options{Addr: silent.Addr().String(), ContextTimeoutEnabled: true})
	defer client.Close()
	wantBounded(t, redisStore(t, client))
}
