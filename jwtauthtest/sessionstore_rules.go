package jwtauthtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

	// What a store of whole seconds, of floats or of unordered columns gets wrong.
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

// alike are texts that some store takes for one another: by collation, as a pattern, by
// the ends of its keys or the quotes of its statements.
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
		t.wantLive("after Create of ids that are alike", s, t.now)
		next := t.rotated(s, i)
		if !t.swap(s.Generation, next, t.now) {
			t.broken("Swap of id %q lost; nobody else has swapped it.", s.ID)
		}
		all[i] = next
	}
	for i, s := range all {
		t.wantLive("after a Swap of each of several ids that are alike", s, t.now)
		t.wantEnded("although it is only like ids that were created", strings.ToLower(s.ID), t.now)
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
	long := t.subject(strings.Repeat("long ", 300))[:1023] // those of two differ at the very end
	subjects = append(subjects, long+"x", long+"y", long)

	rows := make(map[string][]jwtauth.Session)
	for i, subject := range subjects {
		rows[subject] = t.created(subject, 1+i%2)
	}
	for _, subject := range subjects {
		t.wantList("after Create for subjects that are alike", subject, rows[subject], t.now)
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
			return // the others say nothing new
		}
	}
}

func checkUnknownID(t *storeTest) {
	subject := t.subject("ada")
	s := t.create(t.session(subject))
	tag := jwtauth.SubjectTag(subject)
	for _, id := range []string{
		newID(subject, ""),
		newID(t.subject("nobody"), ""),
		"", tag, tag + "-", "-", "x", s.ID[:len(s.ID)-1], s.ID + "x", s.ID + " ", " " + s.ID, strings.ToLower(s.ID),
		"*", "%", tag + "-*", tag + "-%", "{}", "}{", "{" + tag + "}", "' OR '1'='1", "\\", "..",
		s.ID + "\x00", "\x00", "\xff\xfe", tag + "-\xc3", tag + "-\U0001f98a", tag + "-" + strings.Repeat("x", 10_000),
	} {
		t.wantEnded("without a session that has the id", id, t.now)

		next := t.rotated(s, 1)
		next.ID = id
		won, err := t.store.Swap(t.Context(), s.Generation, next, t.now)
		if won || err != nil {
			t.broken("Swap of the unknown id %q returned %t, %v.", short(id), won, err)
		}
		t.wantEnded("after a Swap that had to lose", id, t.now)

		if err := t.store.Delete(t.Context(), id); err != nil {
			t.broken("Delete of the unknown id %q returned the error %q.", short(id), err)
		}
	}
	t.wantLive("after calls for ids that no session has", s, t.now)
	t.wantList("after calls for ids that no session has", subject, []jwtauth.Session{s}, t.now)
}

func checkTakenID(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	other := s
	other.Label = "somebody else's"
	other.Generation = 7
	other.RotatedAt = t.now
	other.ExpiresAt = s.ExpiresAt.Add(time.Hour)
	if err := t.store.Create(t.Context(), other); err == nil {
		t.broken("Create of another session with the id of one that stands returned no error.")
	}
	t.wantLive("after a second Create with its id", s, t.now)
	t.wantList("after a second Create with its id", s.Subject, []jwtauth.Session{s}, t.now)
}

func checkRepeatedCreate(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	if err := t.store.Create(t.Context(), s); err != nil {
		t.broken("Create of exactly the session that stands, as a client repeats it whose answer was lost, returned the error %q.", err)
	}
	t.wantLive("after a repeated Create", s, t.now)
	t.wantList("after a repeated Create", s.Subject, []jwtauth.Session{s}, t.now)
}

// Whoever has seen a late now may have dropped what it ended: each of these goes on in time, and none goes back.

func checkExpiry(t *storeTest) {
	subject := t.subject("ada")
	list := t.created(subject, 3)
	before := list[0].ExpiresAt.Add(-time.Millisecond)
	at := list[0].ExpiresAt

	t.wantLive("1 ms before ExpiresAt", list[0], before)
	t.wantList("1 ms before ExpiresAt", subject, list, before)
	next := list[1]
	next.Generation++
	next.RotatedAt = before // and ExpiresAt stays, as it does in the last hours of a session
	if !t.swap(1, next, before) {
		t.broken("1 ms before ExpiresAt, Swap lost.")
	}
	list[1] = next
	t.wantList("1 ms before ExpiresAt", subject, list, before)

	late := t.rotated(list[2], 1)
	late.ExpiresAt = at.Add(time.Hour)
	if t.swap(1, late, at) {
		t.broken("at ExpiresAt, Swap won and prolonged a session that has ended.")
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

	past := t.now.Add(-9 * year) // before the login, even: clocks are set back
	const when = "with a now 9 years before the machine's"
	t.wantLive(when, soon, past)
	t.wantList(when, far.Subject, []jwtauth.Session{far}, past)

	next := t.rotated(soon, 1)
	next.RotatedAt = past
	if !t.swap(soon.Generation, next, past) {
		t.broken("%s, Swap lost.", when)
	}
	soon = next
	t.wantLive(when, soon, past)

	t.wantEnded("with a now that is ExpiresAt, though the machine's is a day behind", soon.ID, soon.ExpiresAt)
	future := far.ExpiresAt.Add(-time.Millisecond)
	t.wantLive("with a now 1 ms before ExpiresAt, 10 years after the machine's", far, future)
	t.wantList("with a now 1 ms before ExpiresAt, 10 years after the machine's", far.Subject, []jwtauth.Session{far}, future)
	next = far
	next.Generation++
	next.RotatedAt = future
	if !t.swap(far.Generation, next, future) {
		t.broken("with a now 1 ms before ExpiresAt, 10 years after the machine's, Swap lost.")
	}
}

func checkSwapFields(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	for i, generation := range []int64{2, 3, 1000, maxGeneration - 1, maxGeneration} { // gaps: a store that has lost writes
		next := s
		next.Generation = generation
		next.RotatedAt = t.now.Add(time.Duration(i) * 1001 * time.Millisecond)
		next.ExpiresAt = next.RotatedAt.Add(48*time.Hour + time.Millisecond)
		want := next
		next.Label = "changed"
		next.CreatedAt = next.RotatedAt
		next.AuthTime = next.RotatedAt
		next.EndsAt = next.ExpiresAt
		if !t.swap(s.Generation, next, t.now) {
			t.broken("Swap from generation %d to %d lost; nobody else swaps.", s.Generation, generation)
		}
		s = want
		t.wantLive("after Swap", s, t.now)
		t.wantList("after Swap", s.Subject, []jwtauth.Session{s}, t.now)
	}
}

func checkSwapFrom(t *storeTest) {
	s := t.session(t.subject("ada"))
	s.Generation = 5
	t.create(s)
	for i, from := range []int64{4, 6, 0, 1, -5, 7, maxGeneration} {
		next := t.rotated(s, i)
		next.Generation = max(from, s.Generation) + 1
		if t.swap(from, next, t.now) {
			t.broken("Swap from generation %d won, where the session is at %d.", from, s.Generation)
		}
		t.wantLive(fmt.Sprintf("after Swap from generation %d, which had to lose", from), s, t.now)
	}
	if !t.swap(5, t.rotated(s, 0), t.now) {
		t.broken("Swap from generation 5 lost, where the session is at 5.")
	}
}

func checkSwapRepeated(t *storeTest) {
	s := t.create(t.session(t.subject("ada")))
	next := t.rotated(s, 0)
	for _, call := range []string{"first", "repeated"} {
		if !t.swap(s.Generation, next, t.now) {
			t.broken("the %s Swap lost.", call)
		}
		t.wantLive("after the "+call+" Swap", next, t.now)
	}

	for _, change := range []struct {
		field string
		of    func(*jwtauth.Session)
	}{
		{"RotatedAt", func(s *jwtauth.Session) { s.RotatedAt = s.RotatedAt.Add(time.Millisecond) }},
		{"ExpiresAt", func(s *jwtauth.Session) { s.ExpiresAt = s.ExpiresAt.Add(time.Millisecond) }},
		{"Generation", func(s *jwtauth.Session) { s.Generation++ }},
	} {
		other := next
		change.of(&other)
		if t.swap(s.Generation, other, t.now) {
			t.broken("Swap won, though what it finds in place has another %s: somebody else swapped.", change.field)
		}
		t.wantLive("after a Swap that had to lose", next, t.now)
	}

	last := t.rotated(next, 1)
	if !t.swap(next.Generation, last, t.now) {
		t.broken("the Swap after it lost.")
	}
	if t.swap(s.Generation, next, t.now) {
		t.broken("a Swap repeated after the next one won: the session has moved on.")
	}
	t.wantLive("after a late repetition", last, t.now)
	if t.swap(next.Generation, last, last.ExpiresAt) {
		t.broken("a Swap repeated at its own ExpiresAt won: the session has ended.")
	}
}

func checkSwapExpiry(t *storeTest) {
	subject := t.subject("ada")
	s := t.create(t.session(subject))
	for _, ends := range []time.Duration{48 * time.Hour, 12 * time.Hour} {
		next := t.rotated(s, int(ends/time.Hour))
		next.ExpiresAt = t.now.Add(ends)
		if !t.swap(s.Generation, next, t.now) {
			t.broken("Swap lost; nobody else swaps.")
		}
		s = next
		before := s.ExpiresAt.Add(-time.Millisecond)
		t.wantLive("1 ms before the new ExpiresAt", s, before)
		t.wantList("1 ms before the new ExpiresAt", subject, []jwtauth.Session{s}, before)
	}
	at := s.ExpiresAt
	late := t.rotated(s, 1)
	if t.swap(s.Generation, late, at) {
		t.broken("at the new ExpiresAt, Swap won.")
	}
	t.wantList("at the new ExpiresAt", subject, nil, at)
	t.wantEnded("at the new ExpiresAt", s.ID, at)
}

func checkSwapEnded(t *storeTest) {
	subject := t.subject("ada")
	list := t.created(subject, 3)
	swapped := t.rotated(list[1], 1)
	if !t.swap(1, swapped, t.now) {
		t.broken("Swap lost; nobody else swaps.")
	}
	list[1] = swapped

	t.delete(list[0].ID)
	t.delete(list[1].ID)
	t.deleteSubject(subject)
	for _, s := range list {
		for _, next := range []jwtauth.Session{t.rotated(s, 2), s} { // the second: exactly what was in place
			if t.swap(s.Generation, next, t.now) {
				t.broken("Swap won, where the session was ended.")
			}
			t.wantEnded("after Swap of a session that was ended", s.ID, t.now)
		}
	}
	t.wantList("after Swap of sessions that were ended", subject, nil, t.now)
}

func checkDelete(t *storeTest) {
	subject := t.subject("ada")
	list := t.created(subject, 3)
	other := t.create(t.session(t.subject("bob")))
	for len(list) > 0 {
		s := list[0]
		list = list[1:]
		for _, call := range []string{"Delete", "a second Delete"} {
			t.delete(s.ID)
			t.wantEnded("after "+call, s.ID, t.now)
			t.wantList("after "+call, subject, list, t.now)
		}
	}
	t.wantLive("after Delete of others", other, t.now)
}

func checkDeleteSubject(t *storeTest) {
	subject := t.subject("ada")
	t.deleteSubject(subject) // has none
	t.wantList("before the first session", subject, nil, t.now)

	list := t.created(subject, 5)
	other := t.create(t.session(t.subject("bob")))
	list[1] = t.rotated(list[1], 1)
	if !t.swap(1, list[1], t.now) {
		t.broken("Swap lost; nobody else swaps.")
	}
	t.delete(list[2].ID)
	t.wantList("after Swap of one session and Delete of another", subject, slices.Delete(slices.Clone(list), 2, 3), t.now)

	for _, call := range []string{"DeleteSubject", "a second DeleteSubject"} {
		t.deleteSubject(subject)
		for _, s := range list {
			t.wantEnded("after "+call, s.ID, t.now)
		}
		t.wantList("after "+call, subject, nil, t.now)
	}
	t.wantLive("after DeleteSubject of another subject", other, t.now)

	// The clock may say the same, or be behind: what is created later stands.
	again := t.created(subject, 2)
	t.wantLive("created after DeleteSubject", again[0], t.now)
	t.wantList("created after DeleteSubject", subject, again, t.now)
}

func checkList(t *storeTest) {
	subject := t.subject("ada")
	t.wantList("before the first session", subject, nil, t.now)

	var list []jwtauth.Session
	for i := range 12 {
		s := t.session(subject)
		s.CreatedAt = t.now.Add(-time.Duration(i%3) * time.Hour) // some alike, and not in the order of their ends
		s.ExpiresAt = t.now.Add(time.Duration(1+i*5%12) * time.Hour)
		list = append(list, t.create(s))
		t.create(t.session(t.subject("bob")))
		t.wantList(fmt.Sprintf("after %d Creates", i+1), subject, list, t.now)
	}
	for i := range list {
		list[i] = t.rotated(list[i], i)
		list[i].ExpiresAt = t.now.Add(time.Duration(1+i*7%12) * time.Hour)
		if !t.swap(1, list[i], t.now) {
			t.broken("Swap lost; nobody else swaps.")
		}
	}
	t.wantList("after Swap of all", subject, list, t.now)
	t.delete(list[4].ID)
	list = slices.Delete(list, 4, 5)
	t.wantList("after Delete of one", subject, list, t.now)

	for hour := range 13 {
		now := t.now.Add(time.Duration(hour) * time.Hour)
		list = slices.DeleteFunc(list, func(s jwtauth.Session) bool { return !now.Before(s.ExpiresAt) })
		t.wantList(fmt.Sprintf("%d hours later", hour), subject, list, now)
	}
}

func checkContext(t *storeTest) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	overdue, cancel := context.WithDeadline(t.Context(), t.now.Add(-time.Second))
	defer cancel()

	subject := t.subject("ada")
	list := t.created(subject, 2)
	s := list[0]
	fresh := t.session(subject)
	for _, done := range []struct {
		name string
		context.Context
	}{{"cancelled", cancelled}, {"overdue", overdue}} {
		want := func(method string, err error) {
			t.Helper()
			switch {
			case err == nil:
				t.broken("with a %s context, %s returned no error.", done.name, method)
			case !errors.Is(err, done.Err()) && !errors.Is(err, jwtauth.ErrUnavailable):
				t.broken("with a %s context, %s returned the error %q, which wraps neither %q nor ErrUnavailable.", done.name, method, err, done.Err())
			case errors.Is(err, jwtauth.ErrSessionEnded):
				t.broken("with a %s context, %s returned the error %q: an answer, where nothing was asked.", done.name, method, err)
			}
		}
		_, err := t.store.Load(done, s.ID, t.now)
		want("Load", err)
		_, err = t.store.List(done, subject, t.now)
		want("List", err)
		want("Create", t.store.Create(done, fresh))
		won, err := t.store.Swap(done, s.Generation, t.rotated(s, 1), t.now)
		want("Swap", err)
		if won {
			t.broken("with a %s context, Swap won.", done.name)
		}
		want("Delete", t.store.Delete(done, s.ID))
		want("DeleteSubject", t.store.DeleteSubject(done, subject))

		when := fmt.Sprintf("after calls with a %s context", done.name)
		t.wantLive(when, s, t.now)
		t.wantEnded(when, fresh.ID, t.now)
		t.wantList(when, subject, list, t.now)
	}
}
