package dpop

import (
	"strconv"
	"testing"
)

func TestKeyCache(t *testing.T) {
	var c keyCache
	if _, ok := c.get(keyText{jwk: "a"}); ok {
		t.Error("an empty cache has a key")
	}
	used := keyText{"ES256", "used"}
	c.put(used, knownKey{thumbprint: "t"})
	for i := range 10 * keyLimit {
		c.put(keyText{jwk: strconv.Itoa(i)}, knownKey{})
		if i%(keyLimit/2) == 0 {
			if known, ok := c.get(used); !ok || known.thumbprint != "t" {
				t.Fatalf("after %d other keys: the key in use is forgotten", i)
			}
		}
	}
	if n := len(c.new) + len(c.old); n > 2*keyLimit {
		t.Errorf("%d keys", n)
	}
	if _, ok := c.get(keyText{"EdDSA", "used"}); ok {
		t.Error("the algorithm does not count")
	}
	if _, ok := c.get(keyText{jwk: "0"}); ok {
		t.Error("a key that is not used is never forgotten")
	}
}
