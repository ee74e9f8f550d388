package jwtauth_test

import (
	"cmp"
	"math"
	"slices"
)

// modelState is the state of the store and the actors together.
type modelState struct {
	now              int64
	down, failedOver bool
	ended, incidents int
	rows             [4]rowState
	steps            [4]int
	done             [4]bool
}

type rowState struct{ created, generation, revision, rotated int64 }

// visit counts the state of the world.
func (w *world) visit() {
	s := modelState{now: w.now.UnixMilli(), down: w.down, failedOver: w.failedOver, ended: len(w.ended), incidents: len(w.incidents)}
	rows := s.rows[:0]
	for _, row := range w.rows {
		rows = append(rows, rowState{row.CreatedAt.UnixMilli(), row.Generation, row.Revision, row.RotatedAt.UnixMilli()})
	}
	slices.SortFunc(rows, func(a, b rowState) int { return cmp.Compare(a.created, b.created) })
	fewest := math.MaxInt
	for n, a := range w.actors {
		s.steps[n], s.done[n] = a.steps, a.done
		fewest = min(fewest, a.steps)
	}
	m := w.model
	m.states[s] = true
	if len(w.actors) > m.actors || len(w.actors) == m.actors && fewest > m.steps {
		m.actors, m.steps = len(w.actors), fewest
	}
}
