package tokencache

import (
	"math/rand/v2"
	"sync/atomic"
)

const (
	// recordsPerEntry is the number of records in a doorkeeper for each entry
	// of the cache. A record survives 4,096 other first uses with a probability
	// of 78 % among the 16,384 records (64 KiB) that the default size of 4,096
	// entries leads to.
	recordsPerEntry = 4

	// groupSize is the number of records that the hash of a token selects.
	groupSize = 4
)

// doorkeeper remembers the hashes of tokens that were used once. It is bounded
// and takes no lock, and it is safe for concurrent use.
//
// A new record replaces a random one of its group. So old records disappear
// without a timer, and tokens of one group cannot displace each other forever.
// A record is only a hint. If it is lost, a token is admitted one use later. If
// two tokens have the same hash, the second is admitted at its first use.
type doorkeeper struct{ groups [][groupSize]atomic.Uint32 }

func newDoorkeeper(entries int) doorkeeper {
	return doorkeeper{make([][groupSize]atomic.Uint32, max(1, entries*recordsPerEntry/groupSize))}
}

// seen records hash, and reports whether it was recorded before.
func (d doorkeeper) seen(hash Hash) bool {
	group := &d.groups[uint32(hash)%uint32(len(d.groups))]
	tag := uint32(hash>>32) | 1 // 0 is no record
	for i := range group {
		if group[i].Load() == tag {
			return true
		}
	}
	group[rand.Uint32()%groupSize].Store(tag)
	return false
}
