package jwtauthtest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// raceRounds is how often each race is run: a window of a few instructions is not hit at once.
const raceRounds = 20

// together runs n callers that start at once, and waits for them.
func together(n int, caller func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			caller(i)
		})
	}
	close(start)
	wg.Wait()
}

// race returns the indexes of the n callers that won.
func (t *storeTest) race(n int, call string, caller func(i int) (bool, error)) (winners []int) {
	t.Helper()
	won, errs := make([]bool, n), make([]error, n)
	together(n, func(i int) { won[i], errs[i] = caller(i) })
	for i := range n {
		t.must(call, errs[i])
		if won[i] {
			winners = append(winners, i)
		}
	}
	return winners
}

// progress lets one caller wait until the others have taken some steps: it would else be through
// before they have started, or after they have gone.
type progress chan struct{}

func newProgress() progress { return make(progress, 8) }

// step says that another step was taken.
func (p progress) step() {
	select {
	case p <- struct{}{}:
	default:
	}
}

// end says that this caller takes no more, so that nobody waits for it.
func (p progress) end() {
	for range cap(p) {
		p.step()
	}
}

// wait waits for 1 to 8 steps, as many as a round of races is to begin with.
func (p progress) wait(round int) {
	for range 1 + round%cap(p) {
		<-p
	}
}

func checkSwapRace(t *storeTest) {
	const callers = 16
	t.store = patient{t.store}
	s := t.create(t.session(t.subject("ada")))
	for round := range raceRounds {
		next := make([]jwtauth.Session, callers)
		for i := range next {
			next[i] = t.rotated(s, round*callers+i)
			if round%2 == 1 { // some adopt a later generation
				next[i].Generation += int64(i % 3)
			}
		}
		winners := t.race(callers, "Swap", func(i int) (bool, error) {
			return t.store.Swap(t.Context(), s.Generation, next[i], t.now)
		})
		if len(winners) != 1 {
			t.broken("%d of %d callers won that swapped from generation %d at once. To look at the generation and to replace it has to be one atomic step.", len(winners), callers, s.Generation)
			return
		}
		s = next[winners[0]]
		t.wantLive("after the race that it won", s, t.now)
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
			t.broken("%d of %d callers succeeded that created one id at once.", len(winners), callers)
			return
		}
		first.Label = fmt.Sprintf("caller %d", winners[0])
		all = append(all, first)
		t.wantLive("after the race that it won", first, t.now)
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

// endAgainstSwap has two callers rotate each session until they find it ended, which end does meanwhile.
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
			runtime.Gosched() // a store in memory never waits, and would keep the others waiting
			late := ended.Load()
			next := t.rotated(row, caller*enough+n)
			won, err := t.store.Swap(t.Context(), row.Generation, next, t.now)
			switch {
			case err != nil:
				return false, err
			case won && late:
				revived[caller] = fmt.Sprintf("a Swap that began after %s had returned won", call)
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
				revived[caller] = fmt.Sprintf("a Load that began after %s had returned found the session at generation %d", call, got.Generation)
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
			t.broken("%s. To look whether the session stands and to replace its values has to be one atomic step.", found)
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

func checkConcurrentUse(t *storeTest) {
	const callers, steps = 8, 40
	t.store = patient{t.store}
	shared := t.subject("shared")
	found := make([]string, callers)
	t.race(callers, "a call among others", func(caller int) (bool, error) {
		ctx := t.Context()
		own := t.subject(fmt.Sprint("caller ", caller))
		mine := map[string][]jwtauth.Session{own: nil, shared: nil} // as the store should have them
		for step := range steps {
			subject := own
			if step%3 == 0 {
				subject = shared
			}
			list := mine[subject]
			switch {
			case len(list) < 3 || step%5 == 0:
				s := t.session(subject)
				if err := t.store.Create(ctx, s); err != nil {
					return false, err
				}
				list = append(list, s)
			case step%7 == 0:
				if err := t.store.Delete(ctx, list[0].ID); err != nil {
					return false, err
				}
				list = list[1:]
			case step%11 == 0 && subject == own:
				if err := t.store.DeleteSubject(ctx, own); err != nil {
					return false, err
				}
				list = nil
			default:
				i := step % len(list)
				next := t.rotated(list[i], step)
				won, err := t.store.Swap(ctx, list[i].Generation, next, t.now)
				if err != nil {
					return false, err
				}
				if !won {
					found[caller] = "Swap lost of " + describe(next) + ", which nobody else swaps"
					return false, nil
				}
				list[i] = next
			}
			mine[subject] = list
			if len(list) > 0 {
				want := list[step%len(list)]
				got, err := t.store.Load(ctx, want.ID, t.now.Add(time.Duration(step)*time.Minute))
				if err != nil {
					return false, err
				}
				if diff := difference(got, want); diff != "" {
					found[caller] = "Load returned a session with " + diff
					return false, nil
				}
			}
			got, err := t.store.List(ctx, subject, t.now)
			if err != nil {
				return false, err
			}
			if subject == shared { // the others' are not known
				got = slices.DeleteFunc(got, func(s jwtauth.Session) bool {
					return !slices.ContainsFunc(list, func(w jwtauth.Session) bool { return w.ID == s.ID })
				})
			}
			if diff := listDifference(got, list); diff != "" {
				found[caller] = fmt.Sprintf("List of %q %s", subject, diff)
				return false, nil
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
