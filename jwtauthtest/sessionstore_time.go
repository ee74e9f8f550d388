package jwtauthtest

import (
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A store may remove sessions that have ended by the latest now it has seen. So
// in each of these checks now only increases.

func checkExpiry(t *storeTest) {
	subject := t.subject("ada")
	list := t.created(subject, 3)
	before := list[0].ExpiresAt.Add(-time.Millisecond)
	at := list[0].ExpiresAt

	t.wantLive("1 ms before ExpiresAt", list[0], before)
	t.wantList("1 ms before ExpiresAt", subject, list, before)
	next := list[1]
	next.Revision++
	next.Generation++
	next.RotatedAt = before // ExpiresAt stays, as near the end of a session
	if !t.swap(list[1], next, before) {
		t.broken("1 ms before ExpiresAt, Swap returned false.")
	}
	list[1] = next
	t.wantList("1 ms before ExpiresAt", subject, list, before)

	late := t.rotated(list[2], 1)
	late.ExpiresAt = at.Add(time.Hour)
	if t.swap(list[2], late, at) {
		t.broken("at ExpiresAt, Swap returned true and extended a session that has ended.")
	}
	t.wantList("at ExpiresAt", subject, nil, at)
	for _, s := range list {
		t.wantEnded("at ExpiresAt", s.ID, at)
		t.wantEnded("1 ms after ExpiresAt", s.ID, at.Add(time.Millisecond))
	}
}

func checkNoClock(t *storeTest) {
	soon := t.create(t.session(t.subject("soon")))
	far := t.session(t.subject("far"))
	far.EndsAt = t.now.Add(10 * year)
	far.ExpiresAt = far.EndsAt
	t.create(far)

	past := t.now.Add(-9 * year) // before the login, as with a clock set back
	const when = "with a now 9 years before the machine's time"
	t.wantLive(when, soon, past)
	t.wantList(when, far.Subject, []jwtauth.Session{far}, past)

	next := t.rotated(soon, 1)
	next.RotatedAt = past
	if !t.swap(soon, next, past) {
		t.broken("%s, Swap returned false.", when)
	}
	soon = next
	t.wantLive(when, soon, past)

	t.wantEnded("with ExpiresAt as now, a day after the machine's time", soon.ID, soon.ExpiresAt)
	future := far.ExpiresAt.Add(-time.Millisecond)
	const nearEnd = "with a now 1 ms before ExpiresAt, 10 years after the machine's time"
	t.wantLive(nearEnd, far, future)
	t.wantList(nearEnd, far.Subject, []jwtauth.Session{far}, future)
	next = far
	next.Revision++
	next.Generation++
	next.RotatedAt = future
	if !t.swap(far, next, future) {
		t.broken("%s, Swap returned false.", nearEnd)
	}
}
