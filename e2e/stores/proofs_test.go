package stores_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/redisstore"
)

var _ dpop.ReplayStore = (*redisstore.Proofs)(nil)

// In TestProofs two instances with one Redis server are presented the same
// proofs from eight connections. Each proof is accepted once.
func TestProofs(t *testing.T) {
	server := servers.Start(t, servers.Redis, "--appendonly", "no")
	stores := make([]*redisstore.Proofs, 2)
	for i := range stores {
		store, err := redisstore.New(redisClient(t, server), redisstore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		stores[i] = store.Proofs()
	}
	const count = 1000
	now := time.Now()
	var accepted atomic.Int64
	var wait sync.WaitGroup
	for connection := range 8 {
		wait.Go(func() {
			for i := range count {
				added, err := stores[connection%2].Add(t.Context(), fmt.Sprintf("%043d", i), now, now.Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if added {
					accepted.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if n := accepted.Load(); n != count {
		t.Errorf("%d accepted, want %d", n, count)
	}

	client := redisClient(t, server)
	key := "jwtauth:proof:" + fmt.Sprintf("%043d", 1)
	if life := client.PTTL(t.Context(), key).Val(); life < 50*time.Second && now.Add(10*time.Second).After(time.Now()) || life > 61*time.Second {
		t.Errorf("%s expires in %v, want about a minute", key, life)
	}
	// An id whose time has passed is remembered for a moment.
	if added, err := stores[0].Add(t.Context(), "past", now, now.Add(-time.Hour)); !added || err != nil {
		t.Errorf("an id of the past: %v, %v", added, err)
	}
	_ = client.Close()
	closed, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := closed.Proofs().Add(t.Context(), "id", now, now.Add(time.Minute)); !errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(err.Error(), "Proofs.Add") {
		t.Errorf("no connection: %v", err)
	}
}
