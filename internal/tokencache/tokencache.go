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

type set[V any] [ways]atomic.Pointer[entry[V]]

type entry[V any] struct {
	token string
	value V
	used  atomic.Bool // since it was last passed over for eviction
}

// New returns a cache of at most size entries, rounded up to a multiple of 8.
func New[V any](size int) *Cache[V] {
	return &Cache[V]{seed: maphash.MakeSeed(), sets: make([]set[V], (size+ways-1)/ways)}
}

func (c *Cache[V]) set(token string) *set[V] {
	return &c.sets[maphash.String(c.seed, token)%uint64(len(c.sets))]
}

// Get returns the value stored under exactly this token, or nil. It is everybody's: not to be changed.
func (c *Cache[V]) Get(token string) *V {
	s := c.set(token)
	for i := range s {
		e := s[i].Load()
		if e != nil && e.token == token {
			if !e.used.Load() { // a shared line is written only where it changes
				e.used.Store(true)
			}
			return &e.value
		}
	}
	return nil
}

// Put stores value under token, in place of the same token's older value, else of
// an entry that was not asked for since the last eviction from its set.
// Of two Puts into one set at once one may be lost: it is a cache.
func (c *Cache[V]) Put(token string, value V) {
	s := c.set(token)
	s[s.victim(token)].Store(&entry[V]{token: token, value: value})
}

func (s *set[V]) victim(token string) int {
	free := -1
	for i := range s {
		switch e := s[i].Load(); {
		case e == nil:
			free = i
		case e.token == token:
			return i
		}
	}
	if free >= 0 {
		return free
	}
	for i := range s {
		if e := s[i].Load(); !e.used.Swap(false) {
			return i
		}
	}
	return 0 // all were in use, and are unmarked now
}
