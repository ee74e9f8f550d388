package sessioncache

import (
	"slices"
	"sync"
	"weak"
)

// Registry passes changes of sessions to caches. It does not keep a cache
// alive. The zero value is ready to use and safe for concurrent use.
//
// Caches of different stores can share a registry: session IDs are unique, and
// a cache that forgets too much only calls its store once more.
type Registry struct {
	mu     sync.RWMutex
	caches []weak.Pointer[Cache]
}

// Add makes c learn of all later changes.
func (r *Registry) Add(c *Cache) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.caches = slices.DeleteFunc(r.caches, func(p weak.Pointer[Cache]) bool { return p.Value() == nil })
	r.caches = append(r.caches, weak.Make(c))
}

// Changed makes all caches forget a session that has ended or was updated, or
// all sessions of the subject if id is empty. Call it after the store has
// returned, even with an error: the change may have happened.
func (r *Registry) Changed(subject, id string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, p := range r.caches {
		if c := p.Value(); c != nil {
			c.forget(subject, id)
		}
	}
}
