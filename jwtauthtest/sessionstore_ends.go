package jwtauthtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

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
	swapped := t.rotated(list[1], 1)
	if !t.swap(list[1], swapped, t.now) {
		t.broken("Swap returned false.")
	}
	list[1] = swapped
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

	// DeleteSubject keeps later sessions, even if CreatedAt is the same or
	// earlier.
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
		// Some times are equal, and their order is not that of ExpiresAt.
		s.CreatedAt = t.now.Add(-time.Duration(i%3) * time.Hour)
		s.ExpiresAt = t.now.Add(time.Duration(1+i*5%12) * time.Hour)
		list = append(list, t.create(s))
		t.create(t.session(t.subject("bob")))
		t.wantList(fmt.Sprintf("after %d Creates", i+1), subject, list, t.now)
	}
	for i := range list {
		next := t.rotated(list[i], i)
		next.ExpiresAt = t.now.Add(time.Duration(1+i*7%12) * time.Hour)
		if !t.swap(list[i], next, t.now) {
			t.broken("Swap returned false.")
		}
		list[i] = next
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
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	timedOut, cancel := context.WithDeadline(t.Context(), t.now.Add(-time.Second))
	defer cancel()

	subject := t.subject("ada")
	list := t.created(subject, 2)
	s := list[0]
	fresh := t.session(subject)
	for _, done := range []struct {
		name string
		context.Context
	}{{"canceled", canceled}, {"timed-out", timedOut}} {
		want := func(method string, err error) {
			t.Helper()
			switch {
			case err == nil:
				t.broken("with a %s context, %s returned no error.", done.name, method)
			case !errors.Is(err, done.Err()) && !errors.Is(err, jwtauth.ErrUnavailable):
				t.broken("with a %s context, %s returned the error %q, which wraps neither %q nor ErrUnavailable.", done.name, method, err, done.Err())
			case errors.Is(err, jwtauth.ErrSessionEnded):
				t.broken("with a %s context, %s returned the error %q, which wraps ErrSessionEnded.", done.name, method, err)
			}
		}
		_, err := t.store.Load(done, s.ID, t.now)
		want("Load", err)
		_, err = t.store.List(done, subject, t.now)
		want("List", err)
		want("Create", t.store.Create(done, fresh))
		won, err := t.store.Swap(done, s, t.rotated(s, 1), t.now)
		want("Swap", err)
		if won {
			t.broken("with a %s context, Swap returned true.", done.name)
		}
		want("Delete", t.store.Delete(done, s.ID))
		want("DeleteSubject", t.store.DeleteSubject(done, subject))

		when := fmt.Sprintf("after calls with a %s context", done.name)
		t.wantLive(when, s, t.now)
		t.wantEnded(when, fresh.ID, t.now)
		t.wantList(when, subject, list, t.now)
	}
}
