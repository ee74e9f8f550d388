package jwtauthtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

// updated returns s after an update of its attributes, which leaves the
// generation and the times alone.
func updated(s jwtauth.Session, attributes string) jwtauth.Session {
	s.Revision++
	s.Attributes = attributes
	return s
}

func checkAttributes(t *storeTest) {
	for i, attributes := range []string{
		"",
		" ",
		"null",
		`{"b":1, "a" : 2,"a":3}`, // a column for JSON would change it
		`it's "quoted" \ {} %s $1 ? :a`,
		"Ада, 東京, 🦊",
		strings.Repeat("x", 2048),
		strings.Repeat("🦊", 512),
	} {
		s := t.session(t.subject(fmt.Sprint("ada", i)))
		s.Attributes = "at login"
		t.create(s)
		for _, next := range []struct {
			name string
			jwtauth.Session
		}{
			{"an update", updated(s, attributes)},
			{"an update and a rotation", t.rotated(updated(s, attributes), 1)},
			{"an update and two rotations", t.rotated(t.rotated(updated(s, attributes), 1), 2)},
		} {
			if !t.swap(s, next.Session, t.now) {
				t.broken("%s: Swap returned false.", next.name)
			}
			s = next.Session
			t.wantLive("after "+next.name, s, t.now)
			t.wantList("after "+next.name, s.Subject, []jwtauth.Session{s}, t.now)
		}
	}
}

// checkUpdateAndRotation lets a rotation and an update start from the same
// row. The second of them must lose, and both are in the row after it is
// repeated from the present one.
func checkUpdateAndRotation(t *storeTest) {
	for _, rotationFirst := range []bool{true, false} {
		s := t.create(t.session(t.subject("ada")))
		rotation, update := t.rotated(s, 1), updated(s, `{"acr":"phr"}`)
		first, second, name := rotation, update, "an update that was loaded before a rotation"
		if !rotationFirst {
			first, second, name = update, rotation, "a rotation that was loaded before an update"
		}
		if !t.swap(s, first, t.now) {
			t.broken("the first Swap returned false.")
		}
		if t.swap(s, second, t.now) {
			t.broken("Swap returned true for %s.", name)
		}
		t.wantLive("after "+name, first, t.now)

		both := updated(first, update.Attributes)
		if !rotationFirst {
			both = t.rotated(first, 1)
		}
		if !t.swap(first, both, t.now) {
			t.broken("Swap from the present row returned false.")
		}
		t.wantLive("after both changes", both, t.now)
		if both.Generation != rotation.Generation || both.Attributes != update.Attributes {
			t.Fatalf("the rule has lost a change: %+v", both)
		}
	}
}

// checkRepeatedHistory repeats each of a number of updates later. The fields
// have the same values again by then, except the revision.
func checkRepeatedHistory(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	type command struct{ old, next jwtauth.Session }
	var commands []command
	for i := range 6 {
		next := updated(s, fmt.Sprintf(`{"elevated":%d}`, i%2))
		if !t.swap(s, next, t.now) {
			t.broken("Swap returned false.")
		}
		commands = append(commands, command{s, next})
		s = next
	}
	for _, c := range commands[:len(commands)-1] {
		if t.swap(c.old, c.next, t.now) {
			t.broken("a repeated Swap to revision %d returned true, although the session is at revision %d.", c.next.Revision, s.Revision)
		}
		t.wantLive("after a repeated Swap", s, t.now)
	}
}

// oneTag are two subjects that have the same tag. Such a pair is too expensive
// to find in a test.
var oneTag = [2]string{"jwtauthtest 94688", "jwtauthtest 2479312"}

func checkOneTag(t *storeTest) {
	if jwtauth.SubjectTag(oneTag[0]) != jwtauth.SubjectTag(oneTag[1]) {
		t.Fatal("the subjects have different tags")
	}
	for _, subject := range oneTag { // an earlier run may have left sessions
		t.deleteSubject(subject)
		t.Cleanup(func() { _ = t.store.DeleteSubject(context.WithoutCancel(t.Context()), subject) })
	}
	ada, bob := t.created(oneTag[0], 3), t.created(oneTag[1], 2)
	t.wantList("beside a subject with the same tag", oneTag[0], ada, t.now)
	t.wantList("beside a subject with the same tag", oneTag[1], bob, t.now)
	next := t.rotated(bob[0], 1)
	if !t.swap(bob[0], next, t.now) {
		t.broken("Swap returned false.")
	}
	bob[0] = next
	t.deleteSubject(oneTag[0])
	t.wantList("after DeleteSubject", oneTag[0], nil, t.now)
	t.wantList("after DeleteSubject of a subject with the same tag", oneTag[1], bob, t.now)
	for _, s := range bob {
		t.wantLive("after DeleteSubject of a subject with the same tag", s, t.now)
	}
	t.deleteSubject(oneTag[1])
	t.wantList("after DeleteSubject of both", oneTag[1], nil, t.now)
}

func checkThousand(t *storeTest) {
	const n = 1001 // a thousand are left after Delete of one
	subject := t.subject("ada")
	list := t.created(subject, n)
	other := t.create(t.session(t.subject("bob")))
	t.wantList(fmt.Sprintf("with %d sessions", n), subject, list, t.now)

	next := t.rotated(list[n-1], 1)
	if !t.swap(list[n-1], next, t.now) {
		t.broken("Swap returned false.")
	}
	list[n-1] = next
	t.delete(list[0].ID)
	t.wantList("after Delete of the first one and Swap of the last one", subject, list[1:], t.now)

	t.deleteSubject(subject)
	t.wantList("after DeleteSubject", subject, nil, t.now)
	for i := 0; i < n; i += 37 {
		t.wantEnded("after DeleteSubject", list[i].ID, t.now)
	}
	t.wantEnded("after DeleteSubject", list[n-1].ID, t.now)
	t.wantLive("after DeleteSubject of another subject", other, t.now)
}
