package dpop

import (
	"strings"
	"sync"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// keyCache remembers the headers of recent proofs with their keys. Reading a
// key takes a good part of the time of checking a proof, and the header of a
// client stays the same as long as its key. The cache holds two generations of
// at most keyLimit headers, and forgets the older one when the newer one is
// full. The zero value is ready to use. It is safe for concurrent use.
type keyCache struct {
	mu       sync.RWMutex
	new, old map[string]knownKey // by the header segment
}

const (
	keyLimit = 1 << 12
	// maxKnownBytes leaves room for an RSA key of 8192 bits. Longer headers are
	// not remembered, so that strangers cannot fill the memory with them.
	maxKnownBytes = 2 << 10
)

// knownKey is the key in a header that meets the rules.
type knownKey struct {
	key        *jose.Key
	thumbprint string
}

func (c *keyCache) get(segment string) (knownKey, bool) {
	c.mu.RLock()
	known, ok := c.new[segment]
	if ok {
		c.mu.RUnlock()
		return known, true
	}
	known, ok = c.old[segment]
	c.mu.RUnlock()
	if ok {
		c.put(segment, known)
	}
	return known, ok
}

func (c *keyCache) put(segment string, known knownKey) {
	if len(segment) > maxKnownBytes {
		return
	}
	segment = strings.Clone(segment) // without the rest of the proof
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.new == nil || len(c.new) >= keyLimit {
		c.new, c.old = make(map[string]knownKey), c.new
	}
	c.new[segment] = known
}
