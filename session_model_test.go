package jwtauth_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A small model checker. It runs the code of Issuer on a store in which every
// operation waits for its turn, and tries all schedules one after the other. A
// schedule is the list of choices made in it. Time moves only if a schedule
// moves it.
//
// Of schedules that differ only in the order of independent steps, such as two
// loads, it tries one (sleep sets: Godefroid, Partial-Order Methods for the
// Verification of Concurrent Systems, 1996, chapter 5). A schedule that reaches
// a state of an earlier one ends there (session_model_state_test.go).

type schedule struct {
	given []int // choices to repeat
	made  []choice
}

type choice struct{ of, made int }

// choose returns a number below n.
func (s *schedule) choose(n int) int {
	number := 0
	if i := len(s.made); i < len(s.given) {
		number = s.given[i]
	}
	s.made = append(s.made, choice{n, number})
	return number
}

// next returns the first choices of the schedule after s, or nil if s is the
// last.
func (s *schedule) next() []int {
	for i := len(s.made) - 1; i >= 0; i-- {
		if s.made[i].made+1 < s.made[i].of {
			given := make([]int, i+1)
			for j := range given {
				given[j] = s.made[j].made
			}
			given[i]++
			return given
		}
	}
	return nil
}

// model is shared by the worlds of one search. It is the store of the
// instances, whose sessions and clock are those of the current world.
type model struct {
	*world
	instances map[time.Duration]*instance
	removed   removal
	prepared  *snapshot
	limit     int // IssuerOptions.MaxSessions
	idle      []*coroutine

	schedules, skipped int               // complete, and up to a state of an earlier one
	states             map[digest][]uint // the sets of sleeping actors with which a state was visited
	actors, steps      int               // in one schedule: most actors, and steps of the one with the fewest
}

// explore runs a scenario under every schedule and fails at the first fault.
func explore(t *testing.T, scenario func(w *world)) *model {
	t.Helper()
	t.Parallel()
	return exploreAlone(t, scenario)
}

// exploreThreeByFour is explore for a scenario in which three actors take at
// least four steps each.
func exploreThreeByFour(t *testing.T, scenario func(w *world)) {
	t.Helper()
	if m := explore(t, scenario); m.actors != 3 || m.steps < 4 {
		t.Errorf("%d actors, %d steps", m.actors, m.steps)
	}
}

// exploreAlone is explore without other tests at the same time, for parts that
// the process shares.
func exploreAlone(t *testing.T, scenario func(w *world)) *model {
	t.Helper()
	m := search(removal{}, scenario)
	if w := m.world; len(w.faults) > 0 {
		t.Errorf("after %d schedules:\n%s\nhistory:", m.schedules, strings.Join(w.faults, "\n"))
		for _, e := range w.history {
			t.Error(e)
		}
	}
	t.Logf("%v", m)
	return m
}

func (m *model) String() string {
	return fmt.Sprintf("%d actors × %d steps: %d complete schedules, and %d up to a state of an earlier one; %d states", m.actors, m.steps, m.schedules, m.skipped, len(m.states))
}

func newModel(removed removal) *model {
	return &model{instances: map[time.Duration]*instance{}, removed: removed, states: map[digest][]uint{}}
}

// search runs a scenario without one of the rules until a schedule leads to a
// fault. The faults are in the model's last world.
func search(removed removal, scenario func(w *world)) *model {
	m := newModel(removed)
	defer func() {
		for _, c := range m.idle {
			c.stop()
		}
	}()
	for given := []int{}; given != nil; {
		w := newWorld(m, &schedule{given: given})
		if w.play(scenario) {
			m.schedules++
		} else {
			m.skipped++
		}
		if len(w.faults) > 0 {
			break
		}
		if w.wasDown { // the instances remember it
			clear(m.instances)
		}
		given = w.schedule.next()
	}
	return m
}

// play reports whether the schedule was complete, and not equal to an earlier
// one.
func (w *world) play(scenario func(w *world)) (complete bool) {
	defer func() {
		if r := recover(); r != nil && r != errSeen {
			panic(r)
		}
	}()
	scenario(w)
	w.checkEnd()
	return true
}

var errSeen = errors.New("the schedule equals an earlier one")

// incident is an event that the schedule may place between any two steps.
type incident struct {
	name       string
	movesClock bool
	happen     func(w *world)
}

// jump moves the clock.
func jump(by time.Duration) incident {
	return incident{fmt.Sprintf("the clock moves by %v", by), true, func(w *world) { w.now = w.now.Add(by) }}
}

func (w *world) clockMoves() bool {
	return slices.ContainsFunc(w.incidents, func(i incident) bool { return i.movesClock })
}

// failover makes the store lose everything that is written from now on.
func (w *world) failover() incident {
	replica := maps.Clone(w.rows)
	return incident{"the store fails over to a stale replica", false, func(w *world) { w.rows, w.failedOver = maps.Clone(replica), true }}
}

// run schedules the actors until all are done.
func (w *world) run() {
	for _, c := range w.schedule.made {
		w.variant.add(uint64(c.made))
	}
	if !w.clockMoves() { // otherwise the time of arrival matters
		for _, a := range w.actors {
			w.turn(a)
		}
	}
	asleep := map[*actor]bool{} // actors whose next step in this place equals an earlier schedule
	for {
		var ready, candidates []*actor
		var sleeping uint
		for n, a := range w.actors {
			for a.pending == local {
				w.turn(a)
			}
			switch {
			case a.done:
			case asleep[a]:
				ready = append(ready, a)
				sleeping |= 1 << n
			default:
				ready = append(ready, a)
				candidates = append(candidates, a)
			}
		}
		covered := w.visit(sleeping)
		switch {
		case covered || len(ready) > 0 && len(candidates) == 0:
			w.abandoned = true
			for _, a := range ready {
				w.turn(a)
			}
			panic(errSeen)
		case len(ready) == 0:
			w.actors = nil
			return
		}
		turn := w.schedule.choose(len(candidates) + len(w.incidents))
		if turn >= len(candidates) {
			incident := w.incidents[turn-len(candidates)]
			w.incidents = nil
			clear(asleep)
			w.note(nil, "%s", incident.name)
			incident.happen(w)
			continue
		}
		for _, a := range candidates[:turn] {
			asleep[a] = true
		}
		done := candidates[turn].pending
		w.turn(candidates[turn])
		for a := range asleep {
			if done.conflicts(a.pending) {
				delete(asleep, a)
			}
		}
	}
}

// entry is an entry of a history. It is formatted only after a fault.
type entry struct {
	actor  *actor // may be nil
	format string
	args   []any
}

func (e entry) String() string {
	text := fmt.Sprintf(e.format, e.args...)
	if e.actor != nil {
		text = e.actor.name + ": " + text
	}
	return text
}

func (w *world) note(a *actor, format string, args ...any) {
	w.history = append(w.history, entry{a, format, args})
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// snapshot is a world after the first part of a scenario, which has no choices.
type snapshot struct {
	now       time.Time
	rows      map[string]jwtauth.Session
	rotated   map[int64]time.Time
	issued    map[string]int64
	events    []jwtauth.EventKind
	incidents []incident
	tokens    []string
}

// prepare runs the first part of a scenario, and returns its tokens. The part
// runs in the first schedule only: the others begin with the world that it
// left.
func (w *world) prepare(part func() (tokens []string)) []string {
	m := w.model
	if m.prepared == nil {
		tokens := part()
		if len(w.actors) > 0 || len(w.schedule.made) > 0 || len(w.ended) > 0 || w.wasDown {
			panic("a scenario is prepared without choices and outages")
		}
		m.prepared = &snapshot{w.now, maps.Clone(w.rows), maps.Clone(w.rotated), maps.Clone(w.issued), w.events, w.incidents, tokens}
		return tokens
	}
	s := m.prepared
	w.now, w.rows, w.rotated, w.issued = s.now, maps.Clone(s.rows), maps.Clone(s.rotated), maps.Clone(s.issued)
	w.events = append(w.events, s.events...)
	w.incidents = append(w.incidents, s.incidents...)
	return s.tokens
}
