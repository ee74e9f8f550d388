package jwtauth_test

import (
	"context"
	"errors"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Two schedules that lead to the same state have the same continuations, so
// only the first one continues. The state of an actor is everything that it has
// observed, because its code depends on nothing else.

var modelSeed = maphash.MakeSeed()

// digest is a hash of a sequence of values.
type digest uint64

func (d *digest) add(values ...uint64) {
	for _, v := range values {
		x := (uint64(*d) ^ v) * 0x9e3779b97f4a7c15
		x = (x ^ x>>29) * 0xbf58476d1ce4e5b9
		*d = digest(x ^ x>>32)
	}
}

func (d *digest) text(s string) { d.add(maphash.String(modelSeed, s)) }

func (d *digest) time(t time.Time) { d.add(uint64(t.UnixMilli())) }

func (d *digest) bool(b bool) {
	if b {
		d.add(1)
	} else {
		d.add(0)
	}
}

// set adds the elements of a set, in any order.
func (d *digest) set(elements func(yield func(element digest))) {
	var sum uint64
	elements(func(element digest) { sum += uint64(element) })
	d.add(sum)
}

// digestOf returns the digest of values.
func digestOf(values ...uint64) (d digest) {
	d.add(values...)
	return d
}

// name returns a name for a session. The IDs of sessions that actors create
// differ between schedules, so their names come from the actors.
func (w *world) name(id string) uint64 {
	if name, ok := w.names[id]; ok {
		return uint64(name)
	}
	return maphash.String(modelSeed, id)
}

// named gives a session that an actor creates its name.
func (w *world) named(ctx context.Context, id string) {
	if a, ok := ctx.Value(actorKey{}).(*actor); ok {
		a.created++
		name := digestOf(uint64(a.created))
		name.text(a.name)
		w.names[id] = name
	}
}

func (w *world) row(s jwtauth.Session) digest {
	d := digestOf(w.name(s.ID), uint64(s.Revision), uint64(s.Generation))
	d.text(s.Label)
	d.text(s.Attributes)
	for _, t := range []time.Time{s.CreatedAt, s.AuthTime, s.RotatedAt, s.ExpiresAt, s.EndsAt} {
		d.time(t)
	}
	return d
}

// observe adds values to the state of the actor in ctx, if there is one.
func observe(ctx context.Context, values ...uint64) {
	if a, ok := ctx.Value(actorKey{}).(*actor); ok {
		a.seen.add(values...)
	}
}

// observeText is observe for a text.
func observeText(ctx context.Context, text string) { observe(ctx, maphash.String(modelSeed, text)) }

// observeErr is observe for the result of a call. A store that is down fails
// every call, and instances remember the failures in their order.
func (w *world) observeErr(ctx context.Context, err error) {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return
	}
	switch {
	case err == nil:
		a.seen.add(0)
	case errors.Is(err, errDown):
		a.seen.add(1)
		w.failures.text(a.name)
		w.failures.time(w.now)
	default:
		a.seen.text(err.Error())
	}
}

// observeRows is observe for sessions in any order.
func (w *world) observeRows(ctx context.Context, rows []jwtauth.Session) {
	var d digest
	d.set(func(yield func(digest)) {
		for _, row := range rows {
			yield(w.row(row))
		}
	})
	observe(ctx, uint64(d))
}

// state returns the state of the store, the actors and the checks.
func (w *world) state() digest {
	d := digestOf(uint64(w.now.UnixMilli()), uint64(w.crashes), uint64(w.repeats), uint64(w.outages), uint64(len(w.incidents)), uint64(w.variant), uint64(w.failures))
	for _, flag := range []bool{w.down, w.wasDown, w.failedOver} {
		d.bool(flag)
	}
	d.set(func(yield func(digest)) {
		for _, row := range w.rows {
			yield(w.row(row))
		}
	})
	d.set(func(yield func(digest)) {
		for id := range w.ended {
			yield(digestOf(w.name(id)))
		}
	})
	d.set(func(yield func(digest)) {
		for generation, at := range w.rotated {
			yield(digestOf(uint64(generation), uint64(at.UnixMilli())))
		}
	})
	d.set(func(yield func(digest)) {
		for token, generation := range w.issued {
			yield(digestOf(maphash.String(modelSeed, token), uint64(generation)))
		}
	})
	d.set(func(yield func(digest)) { // the checks ask which events have occurred
		for n, kind := range w.events {
			if slices.Index(w.events, kind) == n {
				yield(digest(maphash.String(modelSeed, string(kind))))
			}
		}
	})
	w.updates.addTo(&d)
	w.logins.addTo(&d, w)
	if w.shared != nil {
		d.text(w.shared())
	}
	for _, a := range w.actors {
		d.add(uint64(a.pending))
		if a.done && w.shared != nil {
			continue
		}
		d.add(uint64(a.seen))
		d.bool(a.crashed)
	}
	return d
}

// addTo adds the updates to the state.
func (u *updates) addTo(d *digest) {
	d.text(u.last)
	d.add(uint64(u.stored), uint64(len(u.faults)))
	d.set(func(yield func(digest)) {
		for label := range u.done {
			yield(digest(maphash.String(modelSeed, label)))
		}
	})
	d.set(func(yield func(digest)) {
		for count, label := range u.labels {
			yield(digestOf(uint64(count), maphash.String(modelSeed, label)))
		}
	})
}

// addTo adds the ends of sessions to the state. Their creation is known from
// the actors.
func (l *logins) addTo(d *digest, w *world) {
	d.set(func(yield func(digest)) {
		for id, by := range l.endedBy {
			yield(digestOf(w.name(id), maphash.String(modelSeed, by)))
		}
	})
}

// visit counts the state of the world, and reports whether an earlier schedule
// covers its continuations. The asleep actors need not run first (bit n is
// actor n): an earlier visit covers this one if no other actor was asleep then.
func (w *world) visit(asleep uint) (covered bool) {
	m := w.model
	fewest := math.MaxInt
	for _, a := range w.actors {
		fewest = min(fewest, a.steps)
	}
	if len(w.actors) > m.actors || len(w.actors) == m.actors && fewest > m.steps {
		m.actors, m.steps = len(w.actors), fewest
	}
	if len(w.schedule.made) < len(w.schedule.given) {
		return false // on the way to a new state
	}
	state := w.state()
	for _, before := range m.states[state] {
		if before&^asleep == 0 {
			return !w.hidden
		}
	}
	m.states[state] = append(m.states[state], asleep)
	return false
}
