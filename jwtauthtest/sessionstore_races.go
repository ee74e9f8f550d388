package jwtauthtest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/seed-0a072700/jwtauth"
)

func checkSwapRace(t *storeTest) {
	const callers = 16
	t.store = patient{t.store}
	s := t.create(t.session(t.subject("ada")))
	for round := range raceRounds {
		next := make([]jwtauth.Session, callers)
		for i := range next {
			next[i] = t.rotated(s, round*callers+i)
			if round%2 == 1 { // some callers skip generations
				next[i].Generation += int64(i % 3)
			}
		}
		winners := t.race(callers, "Swap", func(i int) (bool, error) {
			return t.store.Swap(t.Context(), s, next[i], t.now)
		})
		if len(winners) != 1 {
			t.broken("%d of %d concurrent calls of Swap from generation %d returned true.", len(winners), callers, s.Generation)
			return
		}
		s = next[winners[0]]
		t.wantLive("after the successful Swap", s, t.now)
	}
	t.wantList("after the races", s.Subject, []jwtauth.Session{s}, t.now)
}

func checkCreateRace(t *storeTest) {
	const callers = 8
	t.store = patient{t.store}
	subject := t.subject("ada")
	var all []jwtauth.Session
	for range raceRounds {
		first := t.session(subject)
		winners := t.race(callers, "Create", func(i int) (bool, error) {
			s := first
			s.Label = fmt.Sprintf("caller %d", i)
			return t.store.Create(t.Context(), s) == nil, nil
		})
		if len(winners) != 1 {
			t.broken("%d of %d concurrent calls of Create with one ID returned no error.", len(winners), callers)
			return
		}
		first.Label = fmt.Sprintf("caller %d", winners[0])
		all = append(all, first)
		t.wantLive("after the successful Create", first, t.now)
	}
	t.wantList("after the races", subject, all, t.now)
}

func checkDeleteAgainstSwap(t *storeTest) {
	t.store = patient{t.store}
	for round := range raceRounds {
		s := t.create(t.session(t.subject("ada")))
		t.endAgainstSwap(round, []jwtauth.Session{s}, "Delete", func() error { return t.store.Delete(t.Context(), s.ID) })
		if t.Failed() {
			return
		}
	}
}

func checkDeleteSubjectAgainstSwap(t *storeTest) {
	t.store = patient{t.store}
	for round := range raceRounds {
		subject := t.subject(fmt.Sprint("ada", round))
		list := t.created(subject, 3)
		t.endAgainstSwap(round, list, "DeleteSubject", func() error { return t.store.DeleteSubject(t.Context(), subject) })
		t.wantList("after DeleteSubject and the last Swap", subject, nil, t.now)
		if t.Failed() {
			return
		}
	}
}

// endAgainstSwap calls end while two callers rotate each session. These callers
// stop when they find the session ended. call is the name of end.
func (t *storeTest) endAgainstSwap(round int, list []jwtauth.Session, call string, end func() error) {
	t.Helper()
	const each, enough = 2, 2000
	swaps := newProgress()
	var ended atomic.Bool
	revived := make([]string, each*len(list))
	t.race(1+len(revived), call+" or Swap", func(caller int) (bool, error) {
		if caller == 0 {
			swaps.wait(round)
			err := end()
			ended.Store(true)
			return true, err
		}
		defer swaps.end()
		caller--
		row := list[caller%len(list)]
		for n := range enough {
			// A store in memory never blocks, so the others would not run.
			runtime.Gosched()
			late := ended.Load()
			next := t.rotated(row, caller*enough+n)
			won, err := t.store.Swap(t.Context(), row, next, t.now)
			switch {
			case err != nil:
				return false, err
			case won && late:
				revived[caller] = fmt.Sprintf("Swap returned true, although it was called after %s had returned", call)
				return false, nil
			case won:
				row = next
				swaps.step()
			case late:
				return false, nil
			}
			got, err := t.store.Load(t.Context(), row.ID, t.now)
			switch {
			case err == nil && late:
				revived[caller] = fmt.Sprintf("Load returned the session at generation %d, although it was called after %s had returned", got.Generation, call)
				return false, nil
			case err == nil:
				row = got
			case !errors.Is(err, jwtauth.ErrSessionEnded):
				return false, err
			}
		}
		return false, nil
	})
	for _, found := range revived {
		if found != "" {
			t.broken("%s.", found)
			break
		}
	}
	for _, s := range list {
		t.wantEnded("after "+call+" and the last Swap", s.ID, t.now)
	}
}

func checkDeleteSubjectAgainstCreate(t *storeTest) {
	const callers, each = 4, 6
	t.store = patient{t.store}
	for round := range raceRounds {
		subject := t.subject(fmt.Sprint("ada", round))
		creates := newProgress()
		var begun, ended atomic.Bool
		before, after := make([][]jwtauth.Session, callers), make([][]jwtauth.Session, callers)
		between := make([][]jwtauth.Session, callers)
		t.race(1+callers, "Create or DeleteSubject", func(caller int) (bool, error) {
			if caller == 0 {
				creates.wait(round)
				begun.Store(true)
				err := t.store.DeleteSubject(t.Context(), subject)
				ended.Store(true)
				return true, err
			}
			defer creates.end()
			caller--
			for range each {
				s := t.session(subject)
				late := ended.Load()
				if err := t.store.Create(t.Context(), s); err != nil {
					return false, err
				}
				switch {
				case late:
					after[caller] = append(after[caller], s)
				case begun.Load():
					between[caller] = append(between[caller], s)
				default:
					before[caller] = append(before[caller], s)
				}
				creates.step()
			}
			return false, nil
		})
		for _, s := range slices.Concat(before...) {
			t.wantEnded("created before DeleteSubject was called", s.ID, t.now)
		}
		live := slices.Concat(after...)
		for _, s := range live {
			t.wantLive("created after DeleteSubject had returned", s, t.now)
		}
		for _, s := range slices.Concat(between...) {
			if _, err := t.store.Load(t.Context(), s.ID, t.now); err == nil {
				live = append(live, s)
			}
		}
		t.wantList("after DeleteSubject and the last Create", subject, live, t.now)
		t.deleteSubject(subject)
		for _, s := range live {
			t.wantEnded("after a last DeleteSubject", s.ID, t.now)
		}
		if t.Failed() {
			return
		}
	}
}
