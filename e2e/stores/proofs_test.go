package stores_test

import (
	"errors"
	"flag"
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

var proofCount = flag.Int("proofs", 100_000, "number of proofs that TestProofs presents twice")

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
	each := *proofCount / 4
	now := time.Now()
	var accepted atomic.Int64
	var wait sync.WaitGroup
	for connection := range 8 { // two connections, one of each instance, present the same proofs
		wait.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%043d", connection/2*each+i)
				added, err := stores[connection%2].Add(t.Context(), id, now, now.Add(10*time.Minute))
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
	if n, count := accepted.Load(), int64(4*each); n != count {
		t.Errorf("%d accepted, want %d", n, count)
	}

	client := redisClient(t, server)
	key := "jwtauth:proof:" + fmt.Sprintf("%043d", 1)
	if life := client.PTTL(t.Context(), key).Val(); life < time.Minute || life > 10*time.Minute+time.Second {
		t.Errorf("%s expires in %v, want about ten minutes", key, life)
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
