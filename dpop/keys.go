package dpop

import (
	"sync"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// keyCache remembers the keys of recent proofs, because reading a key takes a
// good part of the time of checking a proof, and clients keep their keys. It
// holds two generations of at most keyLimit keys, and forgets the older one
// when the newer one is full. The zero value is ready to use. It is safe for
// concurrent use.
type keyCache struct {
	mu       sync.RWMutex
	new, old map[keyText]knownKey
}

const keyLimit = 1 << 12

// keyText is all that a key is read from.
type keyText struct {
	alg jose.Algorithm
	jwk string
}

type knownKey struct {
	key        *jose.Key
	thumbprint string
}

func (c *keyCache) get(text keyText) (knownKey, bool) {
	c.mu.RLock()
	known, ok := c.new[text]
	if ok {
		c.mu.RUnlock()
		return known, true
	}
	known, ok = c.old[text]
	c.mu.RUnlock()
	if ok {
		c.put(text, known)
	}
	return known, ok
}

func (c *keyCache) put(text keyText, known knownKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.new == nil || len(c.new) >= keyLimit {
		c.new, c.old = make(map[keyText]knownKey), c.new
	}
	c.new[text] = known
}
