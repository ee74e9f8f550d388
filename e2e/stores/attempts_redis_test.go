package stores_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
	"github.com/seed-0a072700/jwtauth/redisstore"
)

// The key of an account expires, and does not grow with the number of devices
// that have failed long ago.
func TestAttemptsOfRedisExpire(t *testing.T) {
	ctx := t.Context()
	client := redisClient(t, servers.Start(t, servers.Redis, "--appendonly", "no"))
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, start := store.Attempts(), now()
	const window, longest = time.Minute, time.Hour // a failure is forgotten after 21 minutes
	key := func(account string) string { return "jwtauth:attempts:{" + account + "}" }
	reserve := func(account, device string, at time.Time) int64 {
		t.Helper()
		_, _, round, _, _, err := a.Reserve(ctx, account, device, 0, at, 3, window, longest)
		if err != nil {
			t.Fatal(err)
		}
		return round
	}
	for i := range 300 {
		reserve("devices", fmt.Sprint("device ", i), start.Add(time.Duration(i)*time.Minute))
	}
	if n := client.HLen(ctx, key("devices")).Val(); n > 65 {
		t.Errorf("%d counters are kept, want at most 65", n)
	}
	round := reserve("success", "", start)
	if life := client.PTTL(ctx, key("success")).Val(); life > 21*time.Minute || life < 10*time.Minute {
		t.Errorf("the key expires in %v, want 21 minutes", life)
	}
	if err := a.Refund(ctx, "success", "", round, 3, longest); err != nil {
		t.Fatal(err)
	}
	if n := client.Exists(ctx, key("success")).Val(); n != 0 {
		t.Error("a success leaves a key")
	}
	if err := a.Reset(ctx, "reset", start, start.Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	reserve("reset", "", start) // does not shorten the life of the epoch
	if life := client.PTTL(ctx, key("reset")).Val(); life < 23*time.Hour {
		t.Errorf("the epoch expires in %v, want a day", life)
	}
}
