package tokencache_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/tokencache"
)

func put(c *tokencache.Cache[string], token string) { c.Put(token, c.Hash(token), &token) }

func get[V any](c *tokencache.Cache[V], token string) *V { return c.Get(token, c.Hash(token)) }

func holds(t *testing.T, c *tokencache.Cache[string], token string) bool {
	t.Helper()
	value := get(c, token)
	if value != nil && *value != token {
		t.Errorf("Get(%q) returns the value of %q", token, *value)
	}
	return value != nil
}

func TestBounded(t *testing.T) {
	for _, size := range []int{1, 7, 8, 9, 100, 1000} {
		c := tokencache.New[string](size)
		limit := (size + 7) / 8 * 8 // whole sets
		for i := range 10 * limit {
			put(c, strconv.Itoa(i))
		}
		held := 0
		for i := range 10 * limit {
			if holds(t, c, strconv.Itoa(i)) {
				held++
			}
		}
		// Ten times as many tokens as slots fill every set.
		if held > limit || held < limit*9/10 {
			t.Errorf("of size %d, the cache holds %d entries, want up to %d", size, held, limit)
		}
	}
}

func TestExactToken(t *testing.T) {
	c := tokencache.New[string](8) // one set
	put(c, "eyJ.abc.def")
	for _, other := range []string{
		"", "eyJ.abc.de", "eyJ.abc.deg", "eyJ.abc.defg", "EyJ.abc.def", "eyJ.abc.def ", "eyJ.abc.de\x00", strings.Repeat("x", 11),
	} {
		if get(c, other) != nil {
			t.Errorf("Get(%q) returns the value of another token", other)
		}
	}
	if !holds(t, c, "eyJ.abc.def") {
		t.Error("the token itself is not found")
	}
	put(c, "")
	if !holds(t, c, "") || !holds(t, c, "eyJ.abc.def") {
		t.Error("the empty token and another one cannot be stored together")
	}
}

func TestPutReplaces(t *testing.T) {
	c := tokencache.New[int](8)
	for i := range 8 {
		c.Put(strconv.Itoa(i), c.Hash(strconv.Itoa(i)), new(int))
	}
	for round := range 100 {
		token, value := strconv.Itoa(round%8), round
		c.Put(token, c.Hash(token), &value)
		if got := get(c, token); got == nil || *got != round {
			t.Fatalf("round %d: Get returns an older value", round)
		}
	}
	for i := range 8 {
		if get(c, strconv.Itoa(i)) == nil {
			t.Errorf("replacing a value has evicted %d", i)
		}
	}
}

// In a full set, an entry that Get has returned survives the next eviction.
func TestSecondChance(t *testing.T) {
	for used := range 8 {
		c := tokencache.New[string](8)
		for i := range 8 {
			put(c, strconv.Itoa(i))
		}
		get(c, strconv.Itoa(used))
		put(c, "new")
		lost := 0
		for i := range 8 {
			if !holds(t, c, strconv.Itoa(i)) {
				lost++
				if i == used {
					t.Errorf("entry %d, which was used, is evicted", used)
				}
			}
		}
		if lost != 1 || !holds(t, c, "new") {
			t.Errorf("%d entries evicted, want 1; the new entry is stored: %v", lost, holds(t, c, "new"))
		}
	}
}

func TestUsedEntriesOutliveAFlood(t *testing.T) {
	c := tokencache.New[string](8)
	for i := range 4 {
		put(c, "used"+strconv.Itoa(i))
	}
	for i := range 10_000 {
		for j := range 4 {
			if !holds(t, c, "used"+strconv.Itoa(j)) {
				t.Fatalf("entry %d is evicted after %d others, although it is used all the time", j, i)
			}
		}
		put(c, strconv.Itoa(i))
	}
}

// Entries that were used once do not stay forever.
func TestAllUsed(t *testing.T) {
	c := tokencache.New[string](8)
	for i := range 8 {
		put(c, strconv.Itoa(i))
		get(c, strconv.Itoa(i))
	}
	put(c, "new")
	if !holds(t, c, "new") {
		t.Fatal("a new entry is not stored if all others were used")
	}
	held := 0
	for i := range 8 {
		if holds(t, c, strconv.Itoa(i)) {
			held++
		}
	}
	if held != 7 {
		t.Errorf("%d of 8 entries are left, want 7", held)
	}

	// The eviction has cleared the bits of all old entries, so the next ones
	// evict old entries, not new ones that were used.
	c = tokencache.New[string](8)
	for i := range 8 {
		put(c, strconv.Itoa(i))
		get(c, strconv.Itoa(i))
	}
	for i := range 8 {
		put(c, "new"+strconv.Itoa(i))
		get(c, "new"+strconv.Itoa(i))
		for j := range i + 1 {
			if !holds(t, c, "new"+strconv.Itoa(j)) {
				t.Fatalf("new entry %d, which was used, is evicted by %d", j, i)
			}
		}
	}
}

// Tokens in use replace a table full of tokens that are no longer used. Here
// the former are half as many as there are slots, and are used in turn.
func TestLiveTokensTakeOver(t *testing.T) {
	const size, live = 4096, 2048
	c := tokencache.New[string](size)
	for i := range 2 * size {
		put(c, "dead"+strconv.Itoa(i))
		get(c, "dead"+strconv.Itoa(i)) // sets the used bit
	}
	hits := 0
	for round := range 10 {
		for i := range live {
			token := "live" + strconv.Itoa(i)
			if !holds(t, c, token) {
				put(c, token)
			} else if round > 4 {
				hits++
			}
		}
	}
	// The hash distributes tokens unevenly: a few sets get more than 8.
	if rate := float64(hits) / (5 * live); rate < 0.9 {
		t.Errorf("hit rate %.2f, want at least 0.9", rate)
	}
}

func TestGetAllocations(t *testing.T) {
	c := tokencache.New[string](64)
	put(c, "token")
	if allocs := testing.AllocsPerRun(100, func() { get(c, "token"); get(c, "another") }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// The few sets make readers and writers collide, for the race detector.
func TestConcurrentUse(t *testing.T) {
	c := tokencache.New[string](16)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			hits := 0
			// In a fixed order, each token would be evicted just before its
			// next use.
			random := rand.New(rand.NewPCG(1, uint64(g)))
			for range 2000 {
				token := strconv.Itoa(random.IntN(40))
				if holds(t, c, token) {
					hits++
				} else {
					put(c, token)
				}
			}
			if hits == 0 {
				t.Error("no hits, so this tests no concurrent reads")
			}
		})
	}
	wg.Wait()
}
