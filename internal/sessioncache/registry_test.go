package sessioncache

import (
	"runtime"
	"testing"
	"time"
)

// A forgotten cache is collected, and its place in the registry is used again.
func TestRegistryKeepsNothingAlive(t *testing.T) {
	var registry Registry
	kept := New(maxAge)
	registry.Add(kept)
	for range 10 {
		registry.Add(New(maxAge))
	}
	left := func() (n int) {
		for _, p := range registry.caches {
			if p.Value() != nil {
				n++
			}
		}
		return n
	}
	for deadline := time.Now().Add(30 * time.Second); left() > 1; {
		if time.Now().After(deadline) {
			t.Fatalf("%d caches are left", left())
		}
		runtime.GC()
	}
	registry.Changed("ada", "id")
	registry.Add(New(maxAge))
	if len(registry.caches) > 2 {
		t.Errorf("%d places", len(registry.caches))
	}
	runtime.KeepAlive(kept)
}
