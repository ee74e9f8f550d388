package jwtauth_test

import (
	"context"
	"errors"
	"iter"
)

// actor runs up to its next step when it has its turn.
type actor struct {
	name    string
	on      *coroutine
	pending effect // of the step that it waits for
	steps   int    // done
	done    bool
	crashed bool   // and its deferred calls do nothing
	created int    // sessions
	seen    digest // everything that it has observed
}

type actorKey struct{}

// effect is the part of a step that other actors notice. The order of two steps
// matters only if one of them changes something.
type effect uint8

const (
	reads effect = iota
	changes
	// delivers is a response that changes the cookie jar only.
	delivers
	// local steps neither change nor read what other actors change, and read no
	// clock that may move. So they run at once: every other order has the same
	// result.
	local
	finished // the actor has no further step
)

// conflicts reports whether the order of two steps may matter.
func (e effect) conflicts(with effect) bool {
	if e == delivers || with == delivers {
		return e == with
	}
	return e == changes || with == changes
}

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
	a.seen.time(w.now)
	a.pending, _ = a.on.next()
	if a.pending == finished {
		a.done = true
		w.model.idle = append(w.model.idle, a.on)
	}
}

// step waits for the actor's turn.
func (w *world) step(ctx context.Context, does effect, format string, args ...any) {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return
	}
	switch {
	case w.abandoned: // in a deferred call
		panic(errSeen)
	case a.crashed:
		panic(errCrashed)
	case does == local && w.clockMoves():
		does = reads
	case does == local:
	case w.outages > 0 || w.wasDown:
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
	if w.crashes == 0 {
		return
	}
	crashes := w.schedule.choose(2)
	a.seen.add(uint64(crashes))
	if crashes == 1 {
		w.crashes--
		w.note(a, "the instance crashes before: "+before, args...)
		a.crashed = true
		panic(errCrashed)
	}
}
