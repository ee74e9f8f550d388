// Package tokencache caches values by token text, in bounded memory and without
// locks.
//
// The cache is a table of sets, and each set has [ways] slots. The hash of a
// token selects its set. Every operation touches that one set only, so its cost
// does not depend on the size of the table, and readers never wait.
//
// A token is stored at its second use ([Cache.Seen]). So tokens that are used
// once, however many there are, evict none that come back.
package tokencache

import (
	"hash/maphash"
	"sync/atomic"
)

// ways is the number of slots in a set. With 8, few sets overflow before the
// table is full.
const ways = 8

// Cache maps token texts to values. It is safe for concurrent use.
type Cache[V any] struct {
	seed maphash.Seed // secret, so that clients cannot choose tokens of one set
	sets []set[V]
	door doorkeeper
}

// Hash is the hash of a token in one Cache.
type Hash uint64

// hashedBytes is how much of a token is hashed: its end, which is the signature
// or the largest part of it.
const hashedBytes = 64

// Hash returns the hash of token, for the other methods. Its cost does not
// depend on the length of the token. Tokens that differ only in front have the
// same hash, but Get compares whole tokens.
func (c *Cache[V]) Hash(token string) Hash {
	return Hash(maphash.String(c.seed, token[max(0, len(token)-hashedBytes):]))
}

// A set evicts by the clock algorithm. It keeps a tag of each token beside the
// slots, so that the lookup of a token that is not cached reads no entries,
// which are scattered over the heap.
type set[V any] struct {
	// tags holds part of the hash of the token in each slot. While a Put is
	// running, a tag may still be that of the previous token.
	tags [ways]atomic.Uint32

	// used has one bit for each slot. Get sets it. Eviction clears the bits
	// that it finds set, and evicts the first entry whose bit is clear.
	used atomic.Uint32

	// hand is the slot at which the last eviction stopped, modulo ways.
	hand atomic.Uint32

	slots [ways]atomic.Pointer[entry[V]]
}

type entry[V any] struct {
	token string
	value *V
}

// New returns a cache for size entries, rounded up to a multiple of 8. size
// must be positive.
func New[V any](size int) *Cache[V] {
	sets := (size + ways - 1) / ways
	return &Cache[V]{seed: maphash.MakeSeed(), sets: make([]set[V], sets), door: newDoorkeeper(sets * ways)}
}

// find returns the set and the tag for hash.
func (c *Cache[V]) find(hash Hash) (*set[V], uint32) {
	return &c.sets[uint32(hash)%uint32(len(c.sets))], uint32(hash >> 32)
}

// Seen records the use of a token that is not stored, and reports whether an
// earlier use is on record. Put the token then. Call it only for tokens whose
// signature was verified, so that forged ones displace no records.
func (c *Cache[V]) Seen(hash Hash) bool { return c.door.seen(hash) }

// Get returns the value that is stored for exactly this token, or nil. Callers
// share the value and must not change it.
//
// The comparison of tokens takes no constant time. That reveals no signature,
// because a token is compared only with one that has the same secret hash.
func (c *Cache[V]) Get(token string, hash Hash) *V {
	s, tag := c.find(hash)
	i, e := s.lookup(token, tag)
	if e == nil {
		return nil
	}
	// Writing only if the bit changes keeps the cache line shared between CPUs.
	if bit := uint32(1) << i; s.used.Load()&bit == 0 {
		s.used.Or(bit)
	}
	return e.value
}

// lookup returns the entry of token and its slot, or nil.
func (s *set[V]) lookup(token string, tag uint32) (slot int, e *entry[V]) {
	for i := range s.tags {
		if s.tags[i].Load() != tag {
			continue
		}
		if e := s.slots[i].Load(); e != nil && e.token == token {
			return i, e
		}
	}
	return 0, nil
}

// Put stores value for token. It replaces an earlier value of token or, in a
// full set, an entry that Get has not returned recently. If two Puts into one
// set run at the same time, one may be lost. The value must not be changed
// afterwards.
func (c *Cache[V]) Put(token string, hash Hash, value *V) {
	s, tag := c.find(hash)
	i := s.victim(token, tag)
	s.slots[i].Store(&entry[V]{token, value})
	s.tags[i].Store(tag)
}

// victim returns the slot that the value of token goes into.
func (s *set[V]) victim(token string, tag uint32) int {
	if i, e := s.lookup(token, tag); e != nil {
		return i
	}
	i := 0
	// The second round finds a slot whose bit the first has cleared, unless
	// other goroutines set them all again. The limit ends the search in that
	// case.
	for range 2 * ways {
		i = int(s.hand.Add(1) % ways)
		bit := uint32(1) << i
		if s.used.Load()&bit == 0 {
			break
		}
		s.used.And(^bit)
	}
	return i
}
