package tokencache_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/tokencache"
)

func seen(c *tokencache.Cache[string], token string) bool { return c.Seen(c.Hash(token)) }

func TestSeen(t *testing.T) {
	c := tokencache.New[string](1000)
	if seen(c, "a") || seen(c, "b") {
		t.Error("a first use counts as a second one")
	}
	for range 3 {
		if !seen(c, "a") || !seen(c, "b") {
			t.Error("a later use counts as a first one")
		}
	}
	if c.Get("a", c.Hash("a")) != nil {
		t.Error("Seen stores a value")
	}
}

// Few tokens are taken for others, and each of those is only admitted too
// early.
func TestFewFirstUsesCountAsSecond(t *testing.T) {
	for _, size := range []int{1, 8, 4096} {
		c := tokencache.New[string](size)
		early := 0
		for i := range 100_000 {
			if seen(c, strconv.Itoa(i)) {
				early++
			}
		}
		if early > 2 {
			t.Errorf("size %d: %d of 100,000 first uses count as second ones", size, early)
		}
	}
}

// The record is bounded: other tokens displace the old ones. They leave most
// of them as long as they are fewer than the entries of the cache.
func TestRecordsAreDisplaced(t *testing.T) {
	const size, kept = 4096, 1000
	for _, c := range []struct {
		others      int
		least, most float64
	}{
		// The thousand displace a few of each other, too.
		{0, 0.9, 1},
		{size, 0.65, 0.85},         // e^(-1/4) = 0.78
		{4 * size, 0.25, 0.45},     // e^(-1) = 0.37
		{40 * size, 0, 5.0 / kept}, // e^(-10): they age without a timer
	} {
		cache := tokencache.New[string](size)
		for i := range kept {
			seen(cache, "kept"+strconv.Itoa(i))
		}
		for i := range c.others {
			seen(cache, "other"+strconv.Itoa(i))
		}
		found := 0
		for i := range kept {
			if seen(cache, "kept"+strconv.Itoa(i)) {
				found++
			}
		}
		if rate := float64(found) / kept; rate < c.least || rate > c.most {
			t.Errorf("after %d other tokens, %.3f of the records are left, want %.2f to %.2f", c.others, rate, c.least, c.most)
		}
	}
}

// Tokens used once, many times as many as fit, evict no token that keeps coming
// back.
func TestTokensUsedOnceEvictNone(t *testing.T) {
	const size, active = 1024, 64
	c := tokencache.New[string](size)
	use := func(token string) (hit bool) {
		if get(c, token) != nil {
			return true
		}
		if seen(c, token) {
			put(c, token)
		}
		return false
	}
	once, misses := 0, 0
	for round := range 200 {
		for i := range active {
			if !use("active"+strconv.Itoa(i)) && round > 20 {
				misses++
			}
			for range 2 {
				use("once" + strconv.Itoa(once))
				once++
			}
		}
	}
	if misses > 0 {
		t.Errorf("%d misses of tokens that keep coming back among %d used once", misses, once)
	}
}

// Only the end of a token is hashed, and the whole token counts.
func TestSameEnd(t *testing.T) {
	c := tokencache.New[string](8)
	end := strings.Repeat("x", 64)
	put(c, "a"+end)
	if get(c, "b"+end) != nil || get(c, end) != nil || get(c, "aa"+end) != nil {
		t.Error("Get returns the value of a token with the same end")
	}
	put(c, "b"+end)
	if !holds(t, c, "a"+end) || !holds(t, c, "b"+end) {
		t.Error("two tokens with the same end cannot be stored together")
	}
	if c.Hash("y"+end[1:]) == c.Hash(end) {
		t.Error("the first of the last 64 bytes does not count")
	}
	if other := tokencache.New[string](8); other.Hash(end) == c.Hash(end) {
		t.Error("two caches have the same hash, so clients can find tokens of one set")
	}
}

// However many goroutines use one token, only few of them see its first use.
func TestSeenConcurrently(t *testing.T) {
	c := tokencache.New[string](8)
	var wg sync.WaitGroup
	var later atomic.Int64
	const goroutines, rounds = 16, 1000
	for g := range goroutines {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(2, uint64(g)))
			for range rounds {
				if seen(c, "token") {
					later.Add(1)
				}
				seen(c, strconv.Itoa(random.IntN(4)))
			}
		})
	}
	wg.Wait()
	if later.Load() == 0 {
		t.Error("no use counts as a second one")
	}
}
