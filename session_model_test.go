package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
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
// Verification of Concurrent Systems, 1996, chapter 5).

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

	schedules, skipped int // complete, and abandoned as equal to another one
	states             map[modelState]bool
	actors, steps      int // in one schedule: most actors, and steps of the one with the fewest
}

// explore runs a scenario under every schedule and fails at the first fault.
func explore(t *testing.T, scenario func(w *world)) *model {
	t.Helper()
	t.Parallel()
	return exploreAlone(t, scenario)
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
	return fmt.Sprintf("%d actors × %d steps: %d schedules, and %d skipped as equal to one of them; %d states", m.actors, m.steps, m.schedules, m.skipped, len(m.states))
}

func newModel(removed removal) *model {
	return &model{instances: map[time.Duration]*instance{}, removed: removed, states: map[modelState]bool{}}
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
	name   string
	happen func(w *world)
}

// jump moves the clock.
func jump(by time.Duration) incident {
	return incident{fmt.Sprintf("the clock moves by %v", by), func(w *world) { w.now = w.now.Add(by) }}
}

// failover makes the store lose everything that is written from now on.
func (w *world) failover() incident {
	replica := maps.Clone(w.rows)
	return incident{"the store fails over to a stale replica", func(w *world) { w.rows, w.failedOver = maps.Clone(replica), true }}
}

// actor runs up to its next step when it has its turn.
type actor struct {
	name    string
	on      *coroutine
	pending effect // of the step that it waits for
	steps   int    // done
	done    bool
	crashed bool // and its deferred calls do nothing
}

type actorKey struct{}

// effect is the part of a step that other actors notice. The order of two steps
// matters only if one of them changes something.
type effect uint8

const (
	reads effect = iota
	changes
	finished // the actor has no further step
)

// coroutine runs one actor after another.
type coroutine struct {
	job  func()
	wait func(effect)
	next func() (effect, bool)
	stop func()
}

func newCoroutine() *coroutine {
	c := new(coroutine)
	c.next, c.stop = iter.Pull(func(yield func(effect) bool) {
		c.wait = func(does effect) { yield(does) }
		for {
			c.job()
			if !yield(finished) {
				return
			}
		}
	})
	return c
}

func (w *world) act(name string, f func(ctx context.Context)) {
	m := w.model
	if len(m.idle) == 0 {
		m.idle = append(m.idle, newCoroutine())
	}
	a := &actor{name: name, on: m.idle[len(m.idle)-1]}
	m.idle = m.idle[:len(m.idle)-1]
	a.on.job = func() {
		defer func() {
			if r := recover(); r != nil && r != errSeen {
				panic(r)
			}
		}()
		if !w.abandoned {
			f(context.WithValue(context.Background(), actorKey{}, a))
		}
	}
	w.actors = append(w.actors, a)
}

// turn runs an actor up to its next step.
func (w *world) turn(a *actor) {
	a.pending, _ = a.on.next()
	if a.pending == finished {
		a.done = true
		w.model.idle = append(w.model.idle, a.on)
	}
}

// run schedules the actors until all are done.
func (w *world) run() {
	if len(w.incidents) == 0 { // otherwise the time of arrival matters
		for _, a := range w.actors {
			w.turn(a)
		}
	}
	asleep := map[*actor]bool{} // actors whose next step in this place equals an earlier schedule
	for {
		var ready, candidates []*actor
		for _, a := range w.actors {
			if !a.done {
				ready = append(ready, a)
				if !asleep[a] {
					candidates = append(candidates, a)
				}
			}
		}
		w.visit()
		switch {
		case len(ready) == 0:
			w.actors = nil
			return
		case len(candidates) == 0:
			w.abandoned = true
			for _, a := range ready {
				w.turn(a)
			}
			panic(errSeen)
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
			if done == changes || a.pending == changes {
				delete(asleep, a)
			}
		}
	}
}

// step waits for the actor's turn.
func (w *world) step(ctx context.Context, does effect, format string, args ...any) {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return
	}
	if a.crashed {
		panic(errCrashed)
	}
	if w.outages > 0 || w.wasDown {
		does = changes // instances remember failures
	}
	w.mayCrash(a, format, args...)
	a.on.wait(does)
	if w.abandoned {
		panic(errSeen)
	}
	a.steps++
	w.note(a, format, args...)
}

var errCrashed = errors.New("the instance has crashed")

func (w *world) mayCrash(a *actor, before string, args ...any) {
	if w.crashes > 0 && w.schedule.choose(2) == 1 {
		w.crashes--
		w.note(a, "the instance crashes before: "+before, args...)
		a.crashed = true
		panic(errCrashed)
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
