package dpop

import (
	"strconv"
	"strings"
	"testing"
)

func TestKeyCache(t *testing.T) {
	var c keyCache
	if _, ok := c.get("a"); ok {
		t.Error("an empty cache has a key")
	}
	const used = "used"
	c.put(used, knownKey{thumbprint: "t"})
	for i := range 10 * keyLimit {
		c.put(strconv.Itoa(i), knownKey{})
		if i%(keyLimit/2) == 0 {
			if known, ok := c.get(used); !ok || known.thumbprint != "t" {
				t.Fatalf("after %d other keys: the key in use is forgotten", i)
			}
		}
	}
	if n := len(c.new) + len(c.old); n > 2*keyLimit {
		t.Errorf("%d keys", n)
	}
	if _, ok := c.get("0"); ok {
		t.Error("a key that is not used is never forgotten")
	}
	long := strings.Repeat("a", maxKnownBytes+1)
	for _, segment := range []string{long, long[1:]} {
		c.put(segment, knownKey{})
		if _, ok := c.get(segment); ok != (len(segment) <= maxKnownBytes) {
			t.Errorf("%d bytes: remembered %v", len(segment), ok)
		}
	}
}
