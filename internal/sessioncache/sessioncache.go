// Package sessioncache remembers for a short time that sessions are active, in
// bounded memory.
//
// Only results of the store about active sessions are remembered. Whoever ends
// or updates a session in the same process reports it to a [Registry], and the
// caches forget the session at once.
package sessioncache

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// MaxSessions is how many sessions a Cache remembers at most. With the usual
// subjects of up to 40 bytes, that is about 35 MB.
const MaxSessions = 1 << 16

// shardCount is the number of parts of a Cache, each with a lock of its own.
const shardCount = 64

// Moment is a point in time by two clocks. The monotonic clock is never set,
// but it may stop while the machine sleeps. The wall clock may be set.
type Moment struct {
	Mono time.Duration // since any fixed point in the life of the process
	Wall time.Time
}

var processStart = time.Now()

// At returns the present by the monotonic clock, and wall.
func At(wall time.Time) Moment {
	// Round removes the monotonic clock from wall, which Sub would prefer.
	return Moment{Mono: time.Since(processStart), Wall: wall.Round(0)}
}

// Result is a result of the store about an active session.
type Result struct {
	Updates   int64     // how often the session had been updated
	ExpiresAt time.Time // when the session ends if it is not refreshed
	Called    Moment    // before the store was called
}

// usable reports whether r may replace a call of the store at now.
func (r Result) usable(now Moment, maxAge time.Duration) bool {
	mono, wall := now.Mono-r.Called.Mono, now.Wall.Sub(r.Called.Wall)
	return mono >= 0 && mono < maxAge && wall >= 0 && wall < maxAge && now.Wall.Before(r.ExpiresAt)
}

// Cache remembers results by session ID and subject. It is safe for concurrent
// use. Make one with [New].
type Cache struct {
	maxAge time.Duration
	seed   maphash.Seed
	shards [shardCount]shard
}

// All sessions of a subject are in one shard, so that forgetting them is cheap.
type shard struct {
	mu      sync.Mutex
	epoch   Epoch
	results map[key]Result
}

type key struct{ subject, id string }

// Epoch counts the changes that a part of a Cache was told about.
type Epoch uint64

// New returns a cache that uses a result while it is younger than maxAge.
func New(maxAge time.Duration) *Cache {
	return &Cache{maxAge: maxAge, seed: maphash.MakeSeed()}
}

func (c *Cache) shard(subject string) *shard {
	return &c.shards[maphash.String(c.seed, subject)%shardCount]
}

// Get returns the result for a session if it can be used at now. If not, the
// caller calls the store and passes the epoch to Put.
func (c *Cache) Get(subject, id string, now Moment) (r Result, epoch Epoch, ok bool) {
	s := c.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok = s.results[key{subject, id}]
	return r, s.epoch, ok && r.usable(now, c.maxAge)
}

// Put remembers a result of the store, unless a session was ended or updated
// since Get returned the epoch: the store may have been read before. Then it
// forgets the session, because r can be newer than the result before it.
//
// Of simultaneous calls of the store, the one that began last counts.
func (c *Cache) Put(subject, id string, r Result, epoch Epoch) {
	s := c.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{subject, id}
	before, ok := s.results[k]
	switch {
	case s.epoch != epoch:
		delete(s.results, k)
		return
	case ok && r.Called.Mono < before.Called.Mono:
		return
	case !ok:
		s.makeRoom()
		k = key{strings.Clone(subject), strings.Clone(id)} // not a part of a token
	}
	s.results[k] = r
}

// makeRoom removes any result if the shard is full. Which one does not matter
// much: all of them are short-lived.
func (s *shard) makeRoom() {
	if s.results == nil {
		s.results = make(map[key]Result)
	}
	for k := range s.results {
		if len(s.results) < MaxSessions/shardCount {
			return
		}
		delete(s.results, k)
	}
}

// forget removes the result of a session, or of all sessions of the subject if
// id is empty, and makes Put ignore calls of the store that are in progress.
func (c *Cache) forget(subject, id string) {
	s := c.shard(subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	if id != "" {
		delete(s.results, key{subject, id})
		return
	}
	for k := range s.results {
		if k.subject == subject {
			delete(s.results, k)
		}
	}
}

// Len returns the number of remembered sessions.
func (c *Cache) Len() (n int) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.results)
		s.mu.Unlock()
	}
	return n
}
