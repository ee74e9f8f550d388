package guard

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attempts"
)

// Memory is a [Store] in the memory of one process. Make it with [NewMemory].
// It is safe for concurrent use.
type Memory struct {
	max int

	mu      sync.Mutex
	entries map[string]*entry
	byCalm  calmHeap // the least active entry first
}

// entry is the counter of an account or a device.
type entry struct {
	key     string // an account, or an account and a device
	epoch   int64
	keep    int64 // until when the epoch is kept
	counter attempts.Counter
	window  time.Duration // of the rule, for Refund
	forget  int64         // when the entry says as much as no entry
	index   int           // in the heap
}

const (
	defaultMemoryEntries = 1_000_000
	outageEntries        = 100_000
)

// NewMemory returns an empty store with at most max entries, by default a
// million (0). A million entries use less than 300 MB of heap.
//
// Each account and each device with a failed attempt in the last hours is an
// entry. If the store is full, a new entry replaces the one that would be
// forgotten first. That is one with few failures, so an attacker who tries many
// user names does not make the store forget an account under attack. A restart
// forgets all of them, and the effect of [Guard.Reset].
//
// NewMemory panics if max is negative.
func NewMemory(max int) *Memory {
	switch {
	case max < 0:
		panic("jwtauth: guard.NewMemory: max is negative")
	case max == 0:
		max = defaultMemoryEntries
	}
	return &Memory{max: max, entries: make(map[string]*entry)}
}

// Reserve implements [Store].
func (m *Memory) Reserve(ctx context.Context, account, device string, epoch int64, now time.Time, limit int, window, longest time.Duration) (
	known bool, current, round int64, left int, wait time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return false, 0, 0, 0, 0, err
	}
	rule := attempts.NewRule(limit, window, longest)
	ms := now.UnixMilli()

	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(ms)
	if e := m.entries[account]; e != nil {
		current = e.epoch
	}
	key := account
	if known = device != "" && epoch >= current; known {
		key = deviceKey(account, device)
	}
	var counter attempts.Counter
	if e := m.entries[key]; e != nil {
		counter = e.counter
	}
	next, rest, pause := rule.Reserve(counter, ms)
	if pause == 0 {
		e := m.entry(key)
		e.counter, e.window = next, window
		m.update(e, rule)
	}
	return known, current, next.Round, int(rest), time.Duration(pause) * time.Millisecond, nil
}

// Refund implements [Store].
func (m *Memory) Refund(ctx context.Context, account, device string, round int64, limit int, longest time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	key := account
	if device != "" {
		key = deviceKey(account, device)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[key]; e != nil {
		rule := attempts.NewRule(limit, e.window, longest)
		e.counter = rule.Refund(e.counter, round)
		m.update(e, rule)
	}
	return nil
}

// Reset implements [Store].
func (m *Memory) Reset(ctx context.Context, account string, now, until time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.entry(account)
	e.epoch = max(e.epoch+1, now.UnixMilli())
	e.keep = max(e.keep, until.UnixMilli())
	e.forget = max(e.forget, e.keep)
	heap.Fix(&m.byCalm, e.index)
	return nil
}

// Epoch implements [Store].
func (m *Memory) Epoch(ctx context.Context, account string) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.entries[account]; e != nil {
		return e.epoch, nil
	}
	return 0, nil
}

// Len returns the number of entries.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

func deviceKey(account, device string) string { return account + "/" + device }

// entry returns the entry of a key. If the key has no entry, it makes one, in
// place of the least active one if the store is full.
func (m *Memory) entry(key string) *entry {
	e := m.entries[key]
	if e == nil {
		if len(m.entries) >= m.max {
			m.remove(m.byCalm[0])
		}
		e = &entry{key: key}
		m.entries[key] = e
		heap.Push(&m.byCalm, e)
	}
	return e
}

// update places an entry whose counter has changed, or removes it.
func (m *Memory) update(e *entry, rule attempts.Rule) {
	e.forget = max(rule.Calm(e.counter), e.keep)
	if e.forget == 0 {
		m.remove(e)
		return
	}
	heap.Fix(&m.byCalm, e.index)
}

func (m *Memory) remove(e *entry) {
	heap.Remove(&m.byCalm, e.index)
	delete(m.entries, e.key)
}

// sweep removes two entries that say no more than no entry, so that the store
// shrinks faster than it grows.
func (m *Memory) sweep(now int64) {
	for range 2 {
		if len(m.byCalm) == 0 || m.byCalm[0].forget > now {
			return
		}
		m.remove(m.byCalm[0])
	}
}

// calmHeap implements heap.Interface.
type calmHeap []*entry

func (h calmHeap) Len() int           { return len(h) }
func (h calmHeap) Less(i, j int) bool { return h[i].forget < h[j].forget }
func (h calmHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *calmHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}
func (h *calmHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return e
}
