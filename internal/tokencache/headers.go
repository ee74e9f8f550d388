package tokencache

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxHeaders is the largest number of headers that a Headers holds. The
	// tokens of a service have only a few different ones.
	MaxHeaders = 64

	// renewInterval limits how often a full table is replaced by an empty one.
	// If headers never repeat, storing them costs more than it saves.
	renewInterval = time.Minute
)

// Headers maps header segments of tokens to values. It is bounded, reading
// takes no lock, and the zero value is empty. It is safe for concurrent use.
//
// Put only headers of tokens whose signature was verified. Then only the holder
// of a trusted key can fill the table.
type Headers[V any] struct {
	table   atomic.Pointer[map[string]*V] // never changed once it is stored
	mu      sync.Mutex                    // serializes Put
	renewed time.Time                     // when the table was last empty
}

// Get returns the value stored under segment, or nil. Callers share the value
// and must not change it.
func (h *Headers[V]) Get(segment string) *V {
	if table := h.table.Load(); table != nil {
		return (*table)[segment]
	}
	return nil
}

// Put stores value under segment. If the table is full, it starts a new one, or
// does nothing if the last one was started less than a minute before now.
func (h *Headers[V]) Put(segment string, value *V, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := make(map[string]*V)
	if table := h.table.Load(); table != nil {
		if len(*table) < MaxHeaders {
			maps.Copy(next, *table)
		} else if now.Sub(h.renewed) < renewInterval {
			return
		}
	}
	if len(next) == 0 {
		h.renewed = now
	}
	// The segment may be part of a large text, which must not stay in memory.
	next[strings.Clone(segment)] = value
	h.table.Store(&next)
}
