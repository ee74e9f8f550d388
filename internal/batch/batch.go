// Package batch lets callers that do the same work at the same time share it.
package batch

import "sync"

// Group runs one function for several callers with the same key. The zero value
// is ready to use and safe for concurrent use.
type Group[K comparable, V any] struct {
	mu     sync.Mutex
	queues map[K]*queue[V] // of the keys for which a function runs
}

// queue holds the callers that wait until the function has returned.
type queue[V any] struct {
	next *batch[V] // nil if no caller waits
}

type batch[V any] struct {
	values []V
	begin  chan struct{} // closed when it is the batch's turn
	done   chan struct{} // closed when its function has returned
}

// Do returns when a call of run, which began after the call of Do, has returned
// for this value. The calls of run for one key do not overlap, so callers that
// come in the meantime share the next one: the first of them makes it, with the
// values of all. If run panics, so does Do for this caller only.
//
// run must not call Do with the same key.
func (g *Group[K, V]) Do(key K, value V, run func(values []V)) {
	g.mu.Lock()
	q := g.queues[key]
	if q == nil {
		if g.queues == nil {
			g.queues = make(map[K]*queue[V])
		}
		q = new(queue[V])
		g.queues[key] = q
		g.mu.Unlock()
		defer g.finish(key, q)
		run([]V{value})
		return
	}
	b, first := q.next, q.next == nil
	if first {
		b = &batch[V]{begin: make(chan struct{}), done: make(chan struct{})}
		q.next = b
	}
	b.values = append(b.values, value)
	g.mu.Unlock()
	if !first {
		<-b.done
		return
	}
	<-b.begin
	defer close(b.done)
	defer g.finish(key, q)
	run(b.values)
}

// finish begins the next batch of a key, if there is one.
func (g *Group[K, V]) finish(key K, q *queue[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if q.next == nil {
		delete(g.queues, key)
		return
	}
	close(q.next.begin)
	q.next = nil
}
