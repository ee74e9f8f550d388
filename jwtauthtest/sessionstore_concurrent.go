package jwtauthtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func checkConcurrentUse(t *storeTest) {
	const callers, steps = 8, 40
	t.store = patient{t.store}
	shared := t.subject("shared")
	found := make([]string, callers)
	t.race(callers, "a concurrent call", func(i int) (bool, error) {
		c := &concurrentCaller{storeTest: t, own: t.subject(fmt.Sprint("caller ", i)), shared: shared}
		c.sessions = make(map[string][]jwtauth.Session)
		for n := range steps {
			var err error
			if found[i], err = c.step(n); found[i] != "" || err != nil {
				return false, err
			}
		}
		return true, nil
	})
	for _, text := range found {
		if text != "" {
			t.broken("%s, while %d callers used the store.", text, callers)
			return
		}
	}
}

// concurrentCaller uses a store beside other callers. It has a subject of its
// own and one that it shares with them.
type concurrentCaller struct {
	*storeTest
	own, shared string
	sessions    map[string][]jwtauth.Session // its sessions by subject
}

// step changes one session and checks the result. It returns the fault that it
// finds.
func (c *concurrentCaller) step(n int) (found string, err error) {
	subject := c.own
	if n%3 == 0 {
		subject = c.shared
	}
	if found, err := c.change(n, subject); found != "" || err != nil {
		return found, err
	}
	return c.check(n, subject)
}

func (c *concurrentCaller) change(n int, subject string) (found string, err error) {
	ctx, list := c.Context(), c.sessions[subject]
	switch {
	case len(list) < 3 || n%5 == 0:
		s := c.session(subject)
		err = c.store.Create(ctx, s)
		list = append(list, s)
	case n%7 == 0:
		err = c.store.Delete(ctx, list[0].ID)
		list = list[1:]
	case n%11 == 0 && subject == c.own:
		err = c.store.DeleteSubject(ctx, subject)
		list = nil
	default:
		s := &list[n%len(list)]
		next := c.rotated(*s, n)
		var won bool
		if won, err = c.store.Swap(ctx, *s, next, c.now); err == nil && !won {
			found = "Swap of " + describe(next) + ", which no other caller changes, returned false"
		}
		*s = next
	}
	c.sessions[subject] = list
	return found, err
}

func (c *concurrentCaller) check(n int, subject string) (found string, err error) {
	ctx, list := c.Context(), c.sessions[subject]
	if len(list) > 0 {
		want := list[n%len(list)]
		got, err := c.store.Load(ctx, want.ID, c.now.Add(time.Duration(n)*time.Minute))
		if err != nil {
			return "", err
		}
		if diff := difference(got, want); diff != "" {
			return "Load returned a session with " + diff, nil
		}
	}
	got, err := c.store.List(ctx, subject, c.now)
	if err != nil {
		return "", err
	}
	if subject == c.shared { // ignore the sessions of the other callers
		got = slices.DeleteFunc(got, func(s jwtauth.Session) bool {
			return !slices.ContainsFunc(list, func(w jwtauth.Session) bool { return w.ID == s.ID })
		})
	}
	if diff := listDifference(got, list); diff != "" {
		return fmt.Sprintf("List of %q %s", subject, diff), nil
	}
	return "", nil
}
