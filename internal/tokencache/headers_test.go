package tokencache_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/tokencache"
)

// headers stores values that equal their keys, and counts them.
type headers struct {
	tokencache.Headers[string]
	stored []string
}

func (h *headers) put(segment string, now time.Time) {
	h.Put(segment, &segment, now)
	h.stored = append(h.stored, segment)
}

func (h *headers) count(t *testing.T) (n int) {
	t.Helper()
	for _, segment := range h.stored {
		if v := h.Get(segment); v != nil {
			n++
			if *v != segment {
				t.Errorf("%q is stored under %q", *v, segment)
			}
		}
	}
	return n
}

func TestHeaders(t *testing.T) {
	var h headers
	now := time.Unix(1000, 0)
	if h.Get("") != nil || h.Get("a") != nil {
		t.Error("an empty table has values")
	}
	h.put("a", now)
	h.put("b", now)
	if h.Get("a") == nil || h.Get("b") == nil || h.Get("ab") != nil {
		t.Error("the table does not hold a and b alone")
	}
	other := "another value"
	if h.Put("a", &other, now); h.Get("a") != &other {
		t.Error("a value is not replaced")
	}
}

// A full table is replaced at most once a minute.
func TestHeadersAreBounded(t *testing.T) {
	var h headers
	now := time.Unix(1000, 0)
	for i := range 3 * tokencache.MaxHeaders {
		h.put(fmt.Sprint(i), now)
		if want := min(i+1, tokencache.MaxHeaders); h.count(t) != want {
			t.Fatalf("%d headers after %d Puts, want %d", h.count(t), i+1, want)
		}
	}
	if h.put("early", now.Add(time.Minute-1)); h.Get("early") != nil {
		t.Error("a full table is replaced within a minute")
	}
	if h.put("late", now.Add(time.Minute)); h.Get("late") == nil || h.count(t) != 1 {
		t.Errorf("a full table is not replaced after a minute: %d headers", h.count(t))
	}
	if h.put("next", now.Add(time.Minute)); h.count(t) != 2 {
		t.Errorf("the new table does not fill: %d headers", h.count(t))
	}
	// The minute counts from the start of the last table.
	for i := range tokencache.MaxHeaders {
		h.put(fmt.Sprint("second ", i), now.Add(time.Minute))
	}
	if h.put("again", now.Add(2*time.Minute-1)); h.Get("again") != nil {
		t.Error("the second table is replaced within a minute")
	}
}

// The minute counts from the first header of a table, even if the table fills
// slowly.
func TestHeadersFillSlowly(t *testing.T) {
	var h headers
	start := time.Unix(1000, 0)
	for i := range 64 {
		h.put(fmt.Sprint(i), start.Add(time.Duration(i)*time.Second/2))
	}
	if n := h.count(t); n != 64 {
		t.Errorf("%d headers stored, want 64", n)
	}
	if h.put("early", start.Add(time.Minute-1)); h.Get("early") != nil {
		t.Error("a full table is replaced within a minute")
	}
	if h.put("late", start.Add(time.Minute)); h.Get("late") == nil {
		t.Error("a full table is not replaced after a minute")
	}
}

// A segment may be part of a large text, which must not stay in memory.
func TestHeadersKeepNothingElse(t *testing.T) {
	const size = 16 << 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	text := strings.Repeat("x", size) + "segment"
	var h tokencache.Headers[int]
	h.Put(text[size:], new(int), time.Time{})
	text = ""
	if after := heap(); after > before+size/2 {
		t.Errorf("the heap has grown by %d bytes", after-before)
	}
	if h.Get("segment") == nil {
		t.Error("the segment is not stored")
	}
}

func TestHeadersConcurrently(t *testing.T) {
	var h tokencache.Headers[int]
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				value := g
				h.Put(fmt.Sprint(g), &value, time.Unix(int64(i), 0))
				if v := h.Get(fmt.Sprint(g)); v == nil || *v != g {
					t.Errorf("goroutine %d reads %v", g, v)
				}
			}
		})
	}
	wg.Wait()
}
