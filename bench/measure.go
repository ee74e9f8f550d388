package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/node"
)

// A timer decides which time counts. *testing.B and stopwatch implement it.
type timer interface {
	StartTimer()
	StopTimer()
}

// A workload repeats one operation.
type workload interface {
	// run performs n operations. The timer is stopped during preparations.
	run(n int, t timer) error
	close()
}

// A measurement is a named workload. Its setUp runs just before the first use.
type measurement struct {
	name  string
	setUp func() (workload, error)
}

// A series holds the results of one measurement, one value per round.
type series struct {
	ns     []float64 // per operation
	allocs []float64
	bytes  []float64
}

// results maps the name of a measurement to its series.
type results map[string]*series

// median returns the median of values. It does not change values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// typical returns the lower quartile of values: the time in a round that other
// work on the machine did not disturb. Medians of fewer and longer rounds vary
// more, because a slow phase hits code that allocates more than others.
func typical(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[len(values)/4]
}

// ratio returns a/b for typical rounds. Both take turns, so that they have the
// same share of undisturbed rounds.
func ratio(a, b *series) float64 { return typical(a.ns) / typical(b.ns) }

// interleave measures every member of a group once per round, so that all run
// under the same conditions. Each round begins with another member.
func interleave(group []measurement, rounds int, each time.Duration, progress io.Writer, into results) error {
	type member struct {
		workload
		name string
		n    int
		got  *series
	}
	members := make([]member, 0, len(group))
	defer func() {
		for _, m := range members {
			m.close()
		}
	}()
	for _, m := range group {
		w, err := m.setUp()
		if errors.Is(err, node.ErrMissing) {
			fmt.Fprintf(progress, "  %s: %v\n", m.name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		got := new(series)
		into[m.name] = got
		members = append(members, member{w, m.name, 0, got})
		n, err := calibrate(w, each)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		members[len(members)-1].n = n
	}
	for round := range rounds {
		fmt.Fprintf(progress, "  round %d of %d, %d measurements\n", round+1, rounds, len(members))
		for i := range members {
			at := (i + round) % len(members)
			m := members[at]
			var watch stopwatch
			runtime.GC() // the garbage of the previous member must not count
			if err := m.run(m.n, &watch); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			n := float64(m.n)
			m.got.ns = append(m.got.ns, float64(watch.elapsed)/n)
			m.got.allocs = append(m.got.allocs, float64(watch.allocs)/n)
			m.got.bytes = append(m.got.bytes, float64(watch.bytes)/n)
		}
	}
	return nil
}

// calibrate returns the number of operations that take about as long as each.
// It also warms w up.
func calibrate(w workload, each time.Duration) (int, error) {
	for n := 8; ; {
		var watch stopwatch
		if err := w.run(n, &watch); err != nil {
			return 0, err
		}
		if watch.elapsed >= each/4 {
			return max(1, int(float64(n)*float64(each)/float64(watch.elapsed))), nil
		}
		perOp := max(1, float64(watch.elapsed)/float64(n))
		n = min(100*n, max(2*n, int(float64(each)/2/perOp)))
	}
}

// stopwatch adds up the time and the allocations between its starts and stops.
type stopwatch struct {
	elapsed       time.Duration
	allocs, bytes uint64

	since  time.Time
	before runtime.MemStats
}

func (s *stopwatch) StartTimer() {
	runtime.ReadMemStats(&s.before)
	s.since = time.Now()
}

func (s *stopwatch) StopTimer() {
	s.elapsed += time.Since(s.since)
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	s.allocs += after.Mallocs - s.before.Mallocs
	s.bytes += after.TotalAlloc - s.before.TotalAlloc
}
