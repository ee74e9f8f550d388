package batch_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/seed-0a072700/jwtauth/internal/batch"
)

// While the function runs for one caller, the others wait and share the next
// call. A caller with another key does not wait.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g batch.Group[string, int]
		var mu sync.Mutex
		var calls [][]int
		hold := make(chan struct{})
		run := func(values []int) {
			mu.Lock()
			calls = append(calls, slices.Sorted(slices.Values(values)))
			mu.Unlock()
			<-hold
		}
		var wg sync.WaitGroup
		do := func(values ...int) {
			for _, value := range values {
				wg.Go(func() { g.Do("a", value, run) })
			}
			synctest.Wait()
		}
		do(1)
		do(2, 3, 4)
		g.Do("b", 5, func([]int) {})
		hold <- struct{}{} // 1 returns, and the next call begins
		synctest.Wait()
		do(6)
		close(hold)
		wg.Wait()
		if len(calls) != 3 || !slices.Equal(calls[0], []int{1}) || !slices.Equal(calls[1], []int{2, 3, 4}) || !slices.Equal(calls[2], []int{6}) {
			t.Errorf("calls with %v", calls)
		}
		do(7)
		if len(calls) != 4 {
			t.Error("the key is still in use")
		}
	})
}

// A panic reaches the caller that makes the call. The others go on.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g batch.Group[string, int]
		hold := make(chan struct{})
		panics := make(chan any, 4)
		for range 4 {
			go func() {
				defer func() { panics <- recover() }()
				g.Do("a", 0, func([]int) {
					<-hold
					panic("a test")
				})
			}()
		}
		synctest.Wait()
		close(hold)
		panicked := 0
		for range 4 {
			if <-panics != nil {
				panicked++
			}
		}
		if panicked != 2 {
			t.Errorf("%d callers panicked; want the 2 that made a call", panicked)
		}
		ran := false
		g.Do("a", 0, func([]int) { ran = true })
		if !ran {
			t.Error("the key is blocked after a panic")
		}
	})
}
