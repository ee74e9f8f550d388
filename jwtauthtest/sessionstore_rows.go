package jwtauthtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	maxGeneration = 1<<53 - 1
	year          = 365 * 24 * time.Hour
)

func checkFields(t *storeTest) {
	plain := t.session(t.subject("plain"))

	generations := t.session(t.subject("generations"))
	generations.Generation = maxGeneration

	// A store with whole seconds, floats or swapped columns changes these
	// times.
	close := t.session(t.subject("close"))
	second := t.now.Truncate(time.Second)
	close.AuthTime = second.Add(-2 * time.Millisecond)
	close.CreatedAt = second.Add(-1 * time.Millisecond)
	close.RotatedAt = second
	close.ExpiresAt = second.Add(time.Hour + 1*time.Millisecond)
	close.EndsAt = second.Add(time.Hour + 999*time.Millisecond)

	elsewhere := t.session(t.subject("elsewhere"))
	zone := time.FixedZone("", 5*60*60+45*60)
	elsewhere.AuthTime = elsewhere.AuthTime.In(zone)
	elsewhere.CreatedAt = elsewhere.CreatedAt.In(zone)
	elsewhere.RotatedAt = elsewhere.RotatedAt.In(zone)
	elsewhere.ExpiresAt = elsewhere.ExpiresAt.In(zone)
	elsewhere.EndsAt = elsewhere.EndsAt.In(zone)

	far := t.session(t.subject("far"))
	far.AuthTime = t.now.Add(-10 * year)
	far.EndsAt = t.now.Add(10 * year)
	far.ExpiresAt = far.EndsAt

	for _, s := range []jwtauth.Session{plain, generations, close, elsewhere, far} {
		t.create(s)
		t.wantLive("after Create", s, t.now)
		t.wantList("after Create", s.Subject, []jwtauth.Session{s}, t.now)
	}
}

func checkLabels(t *storeTest) {
	subject := t.subject("ada")
	var all []jwtauth.Session
	for _, label := range []string{
		"",
		" ",
		"null",
		" leading and trailing ",
		`it's "quoted" \ {} %s $1 ? :a`,
		"Ада на Линуксе, 東京, 🦊",
		strings.Repeat("x", 128),
		strings.Repeat("🦊", 32),
	} {
		s := t.session(subject)
		s.Label = label
		all = append(all, t.create(s))
		t.wantLive("after Create", s, t.now)
	}
	t.wantList("after Create", subject, all, t.now)
}

// alike are texts that a store could confuse: by a collation, as a pattern, or
// because of separators and quotes in its keys and statements.
var alike = []string{
	"Bob", "bob", "BOB", "bob ", "bob  ", "bob\t", "bob\n", "bob\x01", "bob\x7f", "bo", "bobb",
	"b%", "%", "b_b", "_", "b*", "*", "b?b", "b[o]b", "b.b",
	"{bob}", "{}", "}{", "bob}", "bob:", ":", "bob'", `bob"`, "bob`", `bob\`, "bob;--", "bob|", "bob,", "bob/", "bob\r\n",
	"b\u00f3b", "bo\u0301b", "\uff42\uff4f\uff42", "bob\u200b", "bob\u00a0", "stra\u00dfe", "strasse", "\u0131", "i", "\U0001f98a", "\U0001f43a", "\ufffd",
}

func checkIDs(t *storeTest) {
	subject := t.subject("ada")
	start := newID(subject, "")[:20]
	var all []jwtauth.Session
	for _, end := range alike {
		s := t.session(subject)
		s.ID = start + end
		s.Label = fmt.Sprintf("%q", end)
		all = append(all, t.create(s))
	}
	for i, s := range all {
		t.wantLive("after Create of similar IDs", s, t.now)
		next := t.rotated(s, i)
		if !t.swap(s, next, t.now) {
			t.broken("Swap of ID %q returned false.", s.ID)
		}
		all[i] = next
	}
	for i, s := range all {
		t.wantLive("after Swap of each of several similar IDs", s, t.now)
		t.wantEnded("for an ID that is only similar to created ones", strings.ToLower(s.ID), t.now)
		t.delete(s.ID)
		t.wantEnded("after Delete", s.ID, t.now)
		if i+1 < len(all) {
			t.wantLive(fmt.Sprintf("after Delete of %q", s.ID), all[i+1], t.now)
		}
		if i%10 == 0 {
			t.wantList(fmt.Sprintf("after Delete of %q", s.ID), subject, all[i+1:], t.now)
		}
	}
}

func checkSubjects(t *storeTest) {
	var subjects []string
	for _, name := range alike {
		subjects = append(subjects, t.subject(name))
	}
	long := t.subject(strings.Repeat("long ", 300))[:1023]
	subjects = append(subjects, long+"x", long+"y", long)

	rows := make(map[string][]jwtauth.Session)
	for i, subject := range subjects {
		rows[subject] = t.created(subject, 1+i%2)
	}
	for _, subject := range subjects {
		t.wantList("after Create for similar subjects", subject, rows[subject], t.now)
	}
	for i, subject := range subjects {
		t.deleteSubject(subject)
		when := fmt.Sprintf("after DeleteSubject of %q", short(subject))
		for _, s := range rows[subject] {
			t.wantEnded(when, s.ID, t.now)
		}
		t.wantList(when, subject, nil, t.now)
		for _, other := range subjects[i+1:] {
			t.wantList(when, other, rows[other], t.now)
		}
		if t.Failed() {
			return // further failures would add no information
		}
	}
}

func checkUnknownID(t *storeTest) {
	subject := t.subject("ada")
	s := t.create(t.session(subject))
	tag := jwtauth.SubjectTag(subject)
	for _, id := range []string{
		newID(subject, ""),
		newID(t.subject("bob"), ""),
		"", tag, tag + "-", "-", "x", s.ID[:len(s.ID)-1], s.ID + "x", s.ID + " ", " " + s.ID, strings.ToLower(s.ID),
		"*", "%", tag + "-*", tag + "-%", "{}", "}{", "{" + tag + "}", "' OR '1'='1", "\\", "..",
		s.ID + "\x00", "\x00", "\xff\xfe", tag + "-\xc3", tag + "-\U0001f98a", tag + "-" + strings.Repeat("x", 10_000),
	} {
		t.wantEnded("without a session of this ID", id, t.now)

		next := t.rotated(s, 1)
		next.ID = id
		won, err := t.store.Swap(t.Context(), s, next, t.now)
		if won || err != nil {
			t.broken("Swap of the unknown ID %q returned %t, %v.", short(id), won, err)
		}
		t.wantEnded("after a Swap that had to return false", id, t.now)

		if err := t.store.Delete(t.Context(), id); err != nil {
			t.broken("Delete of the unknown ID %q returned the error %q.", short(id), err)
		}
	}
	t.wantLive("after calls with unknown IDs", s, t.now)
	t.wantList("after calls with unknown IDs", subject, []jwtauth.Session{s}, t.now)
}

func checkTakenID(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	other := s
	other.Label = "another session"
	other.Generation = 7
	other.RotatedAt = t.now
	other.ExpiresAt = s.ExpiresAt.Add(time.Hour)
	if err := t.store.Create(t.Context(), other); err == nil {
		t.broken("Create of a different session with the ID of a live one returned no error.")
	}
	t.wantLive("after a second Create with its ID", s, t.now)
	t.wantList("after a second Create with its ID", s.Subject, []jwtauth.Session{s}, t.now)
}

func checkRepeatedCreate(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	if err := t.store.Create(t.Context(), s); err != nil {
		t.broken("a second Create of exactly the same session returned the error %q.", err)
	}
	t.wantLive("after a repeated Create", s, t.now)
	t.wantList("after a repeated Create", s.Subject, []jwtauth.Session{s}, t.now)
}
