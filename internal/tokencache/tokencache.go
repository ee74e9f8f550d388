// Package tokencache remembers values by token text, in bounded memory and without locks.
//
// It is a table of sets of [ways] slots. A token belongs into the one set that its hash names, so
// that looking up, storing and evicting each touch one set, whatever the
// table's size: nothing has to be searched, moved or kept in order, and readers never wait.
package tokencache

import (
	"hash/maphash"
	"sync/atomic"
)

// ways is the number of slots of a set: enough that a set is seldom overfull while the table is not.
const ways = 8

// Cache maps token texts to values. It is safe for concurrent use.
type Cache[V any] struct {
	seed maphash.Seed // keeps whoever chooses tokens from aiming at one set
	sets []set[V]
}

// set says by itself which slots may hold a token and which were of use: a token that is
// not there, as every one is at first, costs no look at entries that lie all over the heap.
type set[V any] struct {
	tags  [ways]atomic.Uint32 // of the tokens in the slots, or of one that was there a moment ago
	used  atomic.Uint32       // one bit for each slot: asked for since it was last passed over for eviction
	hand  atomic.Uint32       // goes round the slots, so that each newcomer has time to be asked for again
	slots [ways]atomic.Pointer[entry[V]]
}

type entry[V any] struct {
	token string
	value *V
}

// New returns a cache of at most size entries, rounded up to a multiple of 8.
func New[V any](size int) *Cache[V] {
	return &Cache[V]{seed: maphash.MakeSeed(), sets: make([]set[V], (size+ways-1)/ways)}
}

// find returns the set that token belongs into, and its tag there.
func (c *Cache[V]) find(token string) (*set[V], uint32) {
	hash := maphash.String(c.seed, token)
	return &c.sets[uint32(hash)%uint32(len(c.sets))], uint32(hash >> 32)
}

// Get returns the value stored under exactly this token, or nil. It is everybody's: not to be changed.
func (c *Cache[V]) Get(token string) *V {
	s, tag := c.find(token)
	i, e := s.lookup(token, tag)
	if e == nil {
		return nil
	}
	if bit := uint32(1) << i; s.used.Load()&bit == 0 { // a shared line is written only where it changes
		s.used.Or(bit)
	}
	return e.value
}

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

// Put stores value under token, in place of the same token's older value, else of
// an entry that was not asked for since eviction last passed it over.
// Of two Puts into one set at once one may be lost: it is a cache. The value is everybody's from then on.
func (c *Cache[V]) Put(token string, value *V) {
	s, tag := c.find(token)
	i := s.victim(token, tag)
	s.slots[i].Store(&entry[V]{token, value})
	s.tags[i].Store(tag)
}

func (s *set[V]) victim(token string, tag uint32) int {
	if i, e := s.lookup(token, tag); e != nil {
		return i
	}
	i := 0
	for range 2 * ways { // twice round, unless others mark them meanwhile
		i = int(s.hand.Add(1) % ways)
		bit := uint32(1) << i
		if s.used.Load()&bit == 0 {
			break
		}
		s.used.And(^bit)
	}
	return i
}
