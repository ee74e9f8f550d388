package jwtauthtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func checkSwapFields(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	for i, generation := range []int64{2, 3, 1000, maxGeneration - 1, maxGeneration} { // with gaps, as after lost writes
		next := s
		next.Revision++
		next.Generation = generation
		next.AuthTime = t.now.Add(time.Duration(i) * 7 * time.Millisecond)
		next.Label = fmt.Sprintf("Firefox %d", i)
		next.Attributes = fmt.Sprintf(`{"n":%d,"text":"%s"}`, i, strings.Repeat("x", 100*i))
		next.RotatedAt = t.now.Add(time.Duration(i) * 1001 * time.Millisecond)
		next.ExpiresAt = next.RotatedAt.Add(48*time.Hour + time.Millisecond)
		want := next
		next.CreatedAt = next.RotatedAt
		next.EndsAt = next.ExpiresAt
		if !t.swap(s, next, t.now) {
			t.broken("Swap from generation %d to %d returned false.", s.Generation, generation)
		}
		s = want
		t.wantLive("after Swap", s, t.now)
		t.wantList("after Swap", s.Subject, []jwtauth.Session{s}, t.now)
	}
}

// mutableFields are the fields that Swap compares and replaces, each with a
// change to a value near the present one.
var mutableFields = []struct {
	name   string
	change func(*jwtauth.Session)
}{
	{"Revision", func(s *jwtauth.Session) { s.Revision++ }},
	{"Generation", func(s *jwtauth.Session) { s.Generation++ }},
	{"RotatedAt", func(s *jwtauth.Session) { s.RotatedAt = s.RotatedAt.Add(time.Millisecond) }},
	{"ExpiresAt", func(s *jwtauth.Session) { s.ExpiresAt = s.ExpiresAt.Add(time.Millisecond) }},
	{"AuthTime", func(s *jwtauth.Session) { s.AuthTime = s.AuthTime.Add(time.Millisecond) }},
	{"Label", func(s *jwtauth.Session) { s.Label += " " }},
	{"Attributes", func(s *jwtauth.Session) { s.Attributes += " " }},
}

func checkSwapCompares(t *storeTest) {
	s := t.session(t.subject("ada"))
	s.Generation, s.Revision = 5, 9
	t.create(s)
	for i, field := range mutableFields {
		old := s
		field.change(&old)
		if t.swap(old, t.rotated(s, i), t.now) {
			t.broken("Swap returned true, although %s of the session differs from old.", field.name)
		}
		t.wantLive("after Swap with another "+field.name+" in old", s, t.now)
	}
	for i, from := range []int64{4, 0, 1, -5, 7, maxGeneration} {
		old := s
		old.Generation = from
		if t.swap(old, t.rotated(s, i), t.now) {
			t.broken("Swap from generation %d returned true, although the session is at %d.", from, s.Generation)
		}
		t.wantLive(fmt.Sprintf("after Swap from the wrong generation %d", from), s, t.now)
	}
	if !t.swap(s, t.rotated(s, 0), t.now) {
		t.broken("Swap returned false, although the session equals old.")
	}
}

func checkSwapRepeated(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	next := t.rotated(s, 0)
	for _, call := range []string{"first", "repeated"} {
		if !t.swap(s, next, t.now) {
			t.broken("the %s Swap returned false.", call)
		}
		t.wantLive("after the "+call+" Swap", next, t.now)
	}

	for _, field := range mutableFields {
		other := next
		field.change(&other)
		if t.swap(s, other, t.now) {
			t.broken("Swap returned true, although the session was swapped before with another %s.", field.name)
		}
		t.wantLive("after a Swap that had to return false", next, t.now)
	}

	last := t.rotated(next, 1)
	if !t.swap(next, last, t.now) {
		t.broken("the next Swap returned false.")
	}
	if t.swap(s, next, t.now) {
		t.broken("a Swap that was repeated after a later one returned true.")
	}
	t.wantLive("after a late repetition of Swap", last, t.now)
	if t.swap(next, last, last.ExpiresAt) {
		t.broken("a Swap that was repeated at its own ExpiresAt returned true, although the session has ended.")
	}
}

func checkSwapExpiry(t *storeTest) {
	subject := t.subject("ada")
	s := t.create(t.session(subject))
	for _, ends := range []time.Duration{48 * time.Hour, 12 * time.Hour} {
		next := t.rotated(s, int(ends/time.Hour))
		next.ExpiresAt = t.now.Add(ends)
		if !t.swap(s, next, t.now) {
			t.broken("Swap returned false.")
		}
		s = next
		before := s.ExpiresAt.Add(-time.Millisecond)
		t.wantLive("1 ms before the new ExpiresAt", s, before)
		t.wantList("1 ms before the new ExpiresAt", subject, []jwtauth.Session{s}, before)
	}
	at := s.ExpiresAt
	late := t.rotated(s, 1)
	if t.swap(s, late, at) {
		t.broken("at the new ExpiresAt, Swap returned true.")
	}
	t.wantList("at the new ExpiresAt", subject, nil, at)
	t.wantEnded("at the new ExpiresAt", s.ID, at)
}

func checkSwapEnded(t *storeTest) {
	subject := t.subject("ada")
	list := t.created(subject, 3)
	swapped := t.rotated(list[1], 1)
	if !t.swap(list[1], swapped, t.now) {
		t.broken("Swap returned false.")
	}
	list[1] = swapped

	t.delete(list[0].ID)
	t.delete(list[1].ID)
	t.deleteSubject(subject)
	for _, s := range list {
		// The second next has the values of the ended session.
		for _, next := range []jwtauth.Session{t.rotated(s, 2), s} {
			if t.swap(s, next, t.now) {
				t.broken("Swap of an ended session returned true.")
			}
			t.wantEnded("after Swap of an ended session", s.ID, t.now)
		}
	}
	t.wantList("after Swap of ended sessions", subject, nil, t.now)
}
