package dpop

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ReplayStore remembers the proofs that were accepted. It must be safe for
// concurrent use. It uses types of the standard library only, so that an
// implementation need not import this package.
type ReplayStore interface {
	// Add remembers id, at most 64 bytes of ASCII, until expiresAt by the clock
	// of which now is the time. It returns true if the store did not hold the
	// id, and false if it did. The test and the change are one atomic step. An
	// error refuses the request with 503 ([jwtauth.ErrUnavailable]).
	Add(ctx context.Context, id string, now, expiresAt time.Time) (added bool, err error)
}

// Memory is a [ReplayStore] in the memory of the process, for a service of one
// instance. It is safe for concurrent use. Make it with [NewMemory].
type Memory struct {
	shards [shardCount]shard
	limit  int // per shard
}

const (
	shardCount    = 16
	defaultProofs = 1_000_000
	// epoch is the precision with which a Memory forgets.
	epoch = 30 * time.Second
)

// errFull is returned instead of forgetting a proof that could be replayed.
var errFull = errors.New("jwtauth: dpop: Memory is full: it remembers as many proofs as NewMemory allows")

// NewMemory returns a store for at most the given number of proofs, or
// 1,000,000 if it is 0 or less. A proof takes about 100 bytes, and is kept for
// at most twice Options.Window and 40 seconds. A full store returns an error:
// it forgets no proof early.
func NewMemory(proofs int) *Memory {
	if proofs <= 0 {
		proofs = defaultProofs
	}
	return &Memory{limit: (proofs + shardCount - 1) / shardCount}
}

// shard holds the ids in sets by the time at which they expire, so that it
// forgets a whole set at once.
type shard struct {
	mu     sync.Mutex
	sets   map[int64]map[string]struct{} // by the number of the epoch
	length int
}

// Add implements [ReplayStore]. The context is not used. If now is set ahead
// and back again, ids are forgotten early.
func (m *Memory) Add(_ context.Context, id string, now, expiresAt time.Time) (added bool, err error) {
	s := &m.shards[shardOf(id)]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	for _, set := range s.sets {
		if _, ok := set[id]; ok {
			return false, nil
		}
	}
	if s.length >= m.limit {
		return false, errFull
	}
	number := expiresAt.UnixNano()/int64(epoch) + 1
	if s.sets == nil {
		s.sets = make(map[int64]map[string]struct{})
	}
	if s.sets[number] == nil {
		s.sets[number] = make(map[string]struct{})
	}
	s.sets[number][id] = struct{}{}
	s.length++
	return true, nil
}

// forget removes the sets in which every id has expired.
func (s *shard) forget(now time.Time) {
	current := now.UnixNano() / int64(epoch)
	for number, set := range s.sets {
		if number <= current {
			s.length -= len(set)
			delete(s.sets, number)
		}
	}
}

// shardOf returns the shard of an id. An id is the text of a hash, so its
// characters are spread evenly.
func shardOf(id string) int {
	n := 0
	for i := range min(len(id), 4) {
		n = n*31 + int(id[i])
	}
	return n % shardCount
}
