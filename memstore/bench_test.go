package memstore_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/seed-0a072700/jwtauth/memstore"
)

// benchSessions is the number of sessions in the store while a benchmark runs.
const benchSessions = 100_000

func BenchmarkStore(b *testing.B) {
	b.Run("store=memory/op=rotate", func(b *testing.B) {
		eachWay(b, func(ctx context.Context, store *memstore.Store, w *workload, offset int) func(int) bool {
			generations := make([]int64, benchSessions)
			return func(i int) bool {
				i = i%(benchSessions/16) + offset
				old := w.sessions[i]
				old.Generation = max(generations[i], 1)
				next := old
				next.Generation++
				generations[i] = next.Generation
				won, err := store.Swap(ctx, old, next, w.now)
				return won && err == nil
			}
		})
	})
	b.Run("store=memory/op=load", func(b *testing.B) {
		eachWay(b, func(ctx context.Context, store *memstore.Store, w *workload, offset int) func(int) bool {
			return func(i int) bool {
				_, err := store.Load(ctx, w.sessions[(i+offset)%benchSessions].ID, w.now)
				return err == nil
			}
		})
	})
	// New sessions expire at once, so the store keeps its size and removes rows
	// as in steady use.
	b.Run("store=memory/op=login", func(b *testing.B) {
		var n atomic.Int64
		eachWay(b, func(ctx context.Context, store *memstore.Store, w *workload, offset int) func(int) bool {
			return func(int) bool {
				s := w.session(benchSessions + int(n.Add(1)))
				s.ExpiresAt = w.now
				return store.Create(ctx, s) == nil
			}
		})
	})
}

// eachWay runs an operation with one caller and with several. Each caller has
// its own part of the sessions.
func eachWay(b *testing.B, newOp func(ctx context.Context, store *memstore.Store, w *workload, offset int) func(i int) bool) {
	setUp := func(b *testing.B) (*memstore.Store, *workload) {
		w := newWorkload(benchSessions)
		store := memstore.New()
		for i := range benchSessions {
			w.sessions = append(w.sessions, w.session(i))
			if err := store.Create(b.Context(), w.sessions[i]); err != nil {
				b.Fatal(err)
			}
		}
		return store, w
	}
	b.Run("run=serial", func(b *testing.B) {
		store, w := setUp(b)
		op := newOp(b.Context(), store, w, 0)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if !op(i) {
				b.Fatal("failed")
			}
		}
	})
	b.Run("run=parallel", func(b *testing.B) {
		store, w := setUp(b)
		var callers atomic.Int64
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			caller := int(callers.Add(1) - 1)
			op := newOp(b.Context(), store, w, caller%16*(benchSessions/16))
			for i := 0; pb.Next(); i++ {
				if !op(i) && caller < 16 {
					b.Error("failed")
					return
				}
			}
		})
	})
}

// BenchmarkFill reports the heap use of a million sessions and the longest
// calls of Create.
func BenchmarkFill(b *testing.B) {
	b.Run("store=memory/op=login/sessions=1000000", func(b *testing.B) {
		w := newWorkload(million)
		for b.Loop() {
			store, bytes, pauses := w.fill(b, million)
			if bytes > million*maxBytes {
				b.Errorf("a million sessions use %d bytes of heap; the documented maximum is %d", bytes, million*maxBytes)
			}
			b.ReportMetric(float64(bytes)/1e6, "MB")
			b.ReportMetric(float64(pauses.worst.Microseconds()), "worst-µs")
			b.ReportMetric(float64(pauses.rare.Nanoseconds())/1e3, "p99.99-µs")
			runtime.KeepAlive(store)
		}
	})
}
