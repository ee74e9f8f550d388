package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A small model checker: it runs an Issuer's own code on a store of its own, in which
// every operation waits to be scheduled, and tries all schedules, one after the other. Time stands still but where a
// schedule moves it. A schedule is the list of choices made in it.
//
// Of schedules that differ only in the order of steps that do not see each other, such as two loads, it tries one
// (sleep sets: Godefroid, Partial-Order Methods for the Verification of Concurrent Systems, 1996, chapter 5).

type schedule struct {
	given []int // to be made again
	made  []choice
}

type choice struct{ of, taken int }

// choose returns one of 0 … n-1.
func (s *schedule) choose(n int) int {
	taken := 0
	if i := len(s.made); i < len(s.given) {
		taken = s.given[i]
	}
	s.made = append(s.made, choice{n, taken})
	return taken
}

// next returns the choices of the schedule that comes after s, nil where s is the last.
func (s *schedule) next() []int {
	for i := len(s.made) - 1; i >= 0; i-- {
		if s.made[i].taken+1 < s.made[i].of {
			given := make([]int, i+1)
			for j := range given {
				given[j] = s.made[j].taken
			}
			given[i]++
			return given
		}
	}
	return nil
}

// model is what the worlds of one exploration share: the instances, whose store and clock are those of the world
// in which they are just now.
type model struct {
	*world
	issuers map[time.Duration]*jwtauth.Issuer
}

// explore runs scenario under every schedule and stops at the first fault.
func explore(t *testing.T, scenario func(w *world)) {
	t.Helper()
	m := &model{issuers: map[time.Duration]*jwtauth.Issuer{}}
	count, left := 0, 0
	for given := []int{}; given != nil; count++ {
		w := newWorld(m, &schedule{given: given})
		m.world = w
		if !w.play(scenario) {
			left++
		}
		if len(w.faults) > 0 {
			t.Fatalf("after %d schedules:\n%s\nhistory:\n%s", count, strings.Join(w.faults, "\n"), strings.Join(w.history, "\n"))
		}
		if w.wasDown { // the instances remember that
			clear(m.issuers)
		}
		given = w.schedule.next()
	}
	t.Logf("%d schedules, and %d left off as equal to one of them", count-left, left)
}

// play says whether the schedule was new.
func (w *world) play(scenario func(w *world)) (isNew bool) {
	defer func() {
		if r := recover(); r != nil && r != errSeen {
			panic(r)
		}
	}()
	scenario(w)
	w.checkEnd()
	return true
}

var errSeen = errors.New("a schedule that equals an earlier one")

const (
	modelWindow = 30 * time.Second
	modelIdle   = time.Hour
	modelLife   = 2 * time.Hour
	modelSkew   = 10 * time.Second // between two clocks, at most
)

var modelStart = time.Unix(1_900_000_000, 0)

var modelKey = func() jwtauth.Key {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		panic(err)
	}
	return key
}()

// world is one run: a store, a clock, some actors.
type world struct {
	model    *model
	schedule *schedule
	now      time.Time
	rows     map[string]jwtauth.Session
	ended    map[string]bool // ids that were deleted
	rotated  map[int64]time.Time
	issued   map[string]int64 // refresh token → its generation
	events   []jwtauth.EventKind
	actors   []*actor
	history  []string
	faults   []string

	claims     func(ctx context.Context) error // what IssuerOptions.Claims does
	incidents  []incident                      // one of which may happen once
	crashes    int                             // how many instances may die between two steps
	outages    int                             // how many swaps may be carried out and not answered
	down       bool                            // from then on, until a scenario ends it
	wasDown    bool
	failedOver bool
	seen       bool // this schedule equals an earlier one
}

type incident struct {
	name   string
	happen func()
}

// jump moves the clock.
func (w *world) jump(by time.Duration) incident {
	return incident{fmt.Sprintf("the clock moves by %v", by), func() { w.now = w.now.Add(by) }}
}

// failover has the store lose all that was written since now.
func (w *world) failover() incident {
	replica := maps.Clone(w.rows)
	return incident{"the store fails over to a stale replica", func() { w.rows, w.failedOver = maps.Clone(replica), true }}
}

func newWorld(m *model, s *schedule) *world {
	return &world{
		model: m, schedule: s, now: modelStart,
		rows: map[string]jwtauth.Session{}, ended: map[string]bool{},
		rotated: map[int64]time.Time{}, issued: map[string]int64{},
	}
}

// actor is a goroutine that runs only when it is its turn.
type actor struct {
	name    string
	resume  chan struct{}
	parked  chan struct{}
	pending effect // of the step that it waits to take
	done    bool
}

type actorKey struct{}

// effect is what other actors see of a step. Two steps are in an order only where one of them changes something.
type effect uint8

const (
	reads effect = iota
	changes
)

func (w *world) act(name string, f func(ctx context.Context)) {
	a := &actor{name: name, resume: make(chan struct{}), parked: make(chan struct{})}
	w.actors = append(w.actors, a)
	go func() {
		defer func() {
			a.done = true
			a.parked <- struct{}{}
		}()
		<-a.resume
		if !w.seen {
			f(context.WithValue(context.Background(), actorKey{}, a))
		}
	}()
}

func (a *actor) turn() {
	a.resume <- struct{}{}
	<-a.parked
}

// run schedules the actors until all are done.
func (w *world) run() {
	if len(w.incidents) == 0 { // else it matters when a request arrives
		for _, a := range w.actors {
			a.turn()
		}
	}
	asleep := map[*actor]bool{} // whose next step was tried here before, or as well before the last one
	for {
		var ready, candidates []*actor
		for _, a := range w.actors {
			if !a.done {
				ready = append(ready, a)
				if !asleep[a] {
					candidates = append(candidates, a)
				}
			}
		}
		switch {
		case len(ready) == 0:
			w.actors = nil
			return
		case len(candidates) == 0:
			w.seen = true
			for _, a := range ready {
				a.turn()
			}
			panic(errSeen)
		}
		turn := w.schedule.choose(len(candidates) + len(w.incidents))
		if turn >= len(candidates) {
			incident := w.incidents[turn-len(candidates)]
			w.incidents = nil
			clear(asleep)
			w.note("%s", incident.name)
			incident.happen()
			continue
		}
		for _, a := range candidates[:turn] {
			asleep[a] = true
		}
		taken := candidates[turn].pending
		candidates[turn].turn()
		for a := range asleep {
			if taken == changes || a.pending == changes {
				delete(asleep, a)
			}
		}
	}
}

var errCrashed = errors.New("the instance has crashed")

// step waits for the actor's turn.
func (w *world) step(ctx context.Context, sees effect, format string, args ...any) {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return
	}
	if w.outages > 0 || w.wasDown {
		sees = changes // instances remember what failed
	}
	w.mayCrash(a, format, args...)
	a.pending = sees
	a.parked <- struct{}{}
	<-a.resume
	if w.seen {
		runtime.Goexit()
	}
	w.note("%s: "+format, append([]any{a.name}, args...)...)
}

func (w *world) mayCrash(a *actor, before string, args ...any) {
	if w.crashes > 0 && w.schedule.choose(2) == 1 {
		w.crashes--
		w.note("%s: the instance crashes before: "+before, append([]any{a.name}, args...)...)
		panic(errCrashed)
	}
}

func (w *world) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

var errDown = errors.New("the store is down")

func (m *model) Create(ctx context.Context, s jwtauth.Session) error {
	w := m.world
	w.step(ctx, changes, "create")
	w.rows[s.ID] = s
	return nil
}

func (m *model) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	w := m.world
	w.step(ctx, reads, "load")
	if w.down {
		return jwtauth.Session{}, errDown
	}
	row, ok := w.rows[id]
	if !ok || !now.Before(row.ExpiresAt) {
		return jwtauth.Session{}, jwtauth.ErrSessionEnded
	}
	return row, nil
}

func (m *model) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (bool, error) {
	w := m.world
	w.step(ctx, changes, "swap %d to %d", from, next.Generation)
	if w.down {
		return false, errDown
	}
	row, ok := w.rows[next.ID]
	if !ok || row.Generation != from || !now.Before(row.ExpiresAt) {
		return false, nil
	}
	if next.ExpiresAt.After(row.EndsAt) || next.EndsAt != row.EndsAt || next.ExpiresAt.After(now.Add(modelIdle)) {
		w.fault("a swap stretches the session beyond its end")
	}
	w.rows[next.ID] = next
	w.rotated[next.Generation] = next.RotatedAt
	if w.outages > 0 && w.schedule.choose(2) == 1 {
		w.outages--
		w.down, w.wasDown = true, true
		w.note("the swap is carried out, and the store goes down before it answers")
		return false, errDown
	}
	return true, nil
}

func (m *model) Delete(ctx context.Context, id string) error {
	w := m.world
	w.step(ctx, changes, "delete")
	if w.down {
		return errDown
	}
	delete(w.rows, id)
	w.ended[id] = true
	return nil
}

func (m *model) DeleteSubject(ctx context.Context, subject string) error {
	w := m.world
	w.step(ctx, changes, "delete subject")
	for id, row := range w.rows {
		if row.Subject == subject {
			delete(w.rows, id)
			w.ended[id] = true
		}
	}
	return nil
}

func (m *model) List(context.Context, string, time.Time) ([]jwtauth.Session, error) {
	return slices.Collect(maps.Values(m.rows)), nil
}

// issuer returns an instance whose clock is off by skew.
func (w *world) issuer(skew time.Duration) *jwtauth.Issuer {
	m := w.model
	if issuer := m.issuers[skew]; issuer != nil {
		return issuer
	}
	issuer, err := jwtauth.NewIssuer(modelKey, jwtauth.IssuerOptions{
		AccessTTL:  time.Minute,
		Sessions:   m,
		IdleTTL:    modelIdle,
		SessionTTL: modelLife,
		Now:        func() time.Time { return m.world.now.Add(skew) },
		OnEvent:    func(_ context.Context, e jwtauth.Event) { m.world.events = append(m.world.events, e.Kind) },
		Claims: func(ctx context.Context, _ string) (any, error) {
			if m.world.claims == nil {
				return nil, nil
			}
			return nil, m.world.claims(ctx)
		},
	})
	if err != nil {
		panic(err)
	}
	m.issuers[skew] = issuer
	return issuer
}

// twoIssuers returns two instances whose clocks are as far apart as may be.
func (w *world) twoIssuers() []*jwtauth.Issuer {
	return []*jwtauth.Issuer{w.issuer(-modelSkew / 2), w.issuer(modelSkew / 2)}
}

// claimsTakeTime has instances ask for the subject's claims in a step of its own.
func (w *world) claimsTakeTime() {
	w.claims = func(ctx context.Context) error {
		w.step(ctx, reads, "ask for the claims")
		return nil
	}
}

// login begins the session that a scenario is about; it stands at generation 1.
func (w *world) login(issuer *jwtauth.Issuer) (token, id string) {
	tokens, err := issuer.Login(context.Background(), "subject")
	if err != nil {
		panic(err)
	}
	for id = range w.rows {
	}
	w.issued[tokens.RefreshToken] = 1
	return tokens.RefreshToken, id
}

// refresh has issuer refresh, and checks what must hold of every answer. The error is errCrashed where there is none.
func (w *world) refresh(ctx context.Context, issuer *jwtauth.Issuer, token string) (answer string, err error) {
	arrived := w.now
	presented := w.issued[token]
	var standing, ended = int64(0), len(w.ended) > 0
	for _, row := range w.rows {
		standing = row.Generation
	}
	a, isActor := ctx.Value(actorKey{}).(*actor)
	defer func() {
		switch r := recover(); {
		case r == errCrashed:
			answer, err = "", errCrashed
		case r != nil:
			panic(r)
		}
		if isActor && !w.seen {
			w.note("%s: presented %d, answer: %v", a.name, presented, err)
		}
	}()
	tokens, err := issuer.Refresh(ctx, token)
	if err != nil {
		return "", err
	}
	if w.now.Before(arrived) {
		arrived = w.now // the clock was set back
	}

	var row jwtauth.Session
	for _, row = range w.rows {
	}
	generation, known := w.issued[tokens.RefreshToken]
	if !known {
		generation = refreshPayload(tokens.RefreshToken).Generation
		w.issued[tokens.RefreshToken] = generation
	}
	rotated, isRotated := w.rotated[generation]
	switch {
	case ended:
		w.fault("a session that was over is answered")
	case presented < standing-1 && !w.failedOver:
		w.fault("generation %d was accepted while %d stood", presented, standing)
	case isRotated && presented < generation && rotated.Before(arrived) && !w.wasDown && !w.failedOver &&
		!arrived.Before(rotated.Add(modelWindow+2*modelSkew)):
		w.fault("the window slid: generation %d was accepted %v after %d had begun", presented, arrived.Sub(rotated), generation)
	case len(w.rows) == 1 && !arrived.Before(row.EndsAt.Add(modelSkew)):
		w.fault("a session lives on after its end")
	case len(w.rows) == 1 && arrived.Add(-modelSkew).Add(time.Duration(tokens.ExpiresIn)*time.Second).After(row.EndsAt):
		w.fault("an access token lives %ds, longer than its session", tokens.ExpiresIn)
	}
	if isActor {
		w.mayCrash(a, "the answer")
	}
	return tokens.RefreshToken, nil
}

// checkEnd asks what must hold whenever everything has come to rest.
func (w *world) checkEnd() {
	w.down = false
	for id := range w.ended {
		if _, ok := w.rows[id]; ok {
			w.fault("a session that was ended is back")
		}
	}
	if len(w.ended) > 0 {
		issuer := w.issuer(0)
		for token := range w.issued {
			if _, err := issuer.Refresh(context.Background(), token); err == nil {
				w.fault("a session that was ended answers tokens")
			}
		}
	}
}

// mustGoOn is for honest clients, whose session nothing but a logout may end.
func (w *world) mustGoOn(who string, err error) {
	if errors.Is(err, jwtauth.ErrTokenReused) || errors.Is(err, jwtauth.ErrSessionEnded) {
		w.fault("%s is logged out: %v", who, err)
	}
}

// generation is that of the only session, 0 where there is none.
func (w *world) generation() int64 {
	for _, row := range w.rows {
		return row.Generation
	}
	return 0
}

// Three tabs hold one token and refresh it at once: all of them go on, in one step of the generation.
func TestModelThreeTabs(t *testing.T) {
	explore(t, func(w *world) {
		w.claimsTakeTime()
		issuer := w.issuer(0)
		token, _ := w.login(issuer)
		answers := map[string]bool{}
		for _, name := range []string{"tab 1", "tab 2", "tab 3"} {
			w.act(name, func(ctx context.Context) {
				answer, err := w.refresh(ctx, issuer, token)
				if err != nil {
					w.fault("%s: %v", name, err)
				}
				answers[answer] = true
			})
		}
		w.run()
		if len(answers) != 1 || w.generation() != 2 {
			w.fault("%d different answers, generation %d", len(answers), w.generation())
		}
	})
}

// Two refreshes and a logout: whatever the order, the session is over afterwards, and nobody who asks
// the store after the logout is answered.
func TestModelLogoutWins(t *testing.T) {
	for _, generation := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("generation %d", generation), func(t *testing.T) {
			explore(t, func(w *world) {
				w.claimsTakeTime()
				issuer := w.issuer(0)
				token, id := w.login(issuer)
				old := token
				for range generation - 1 { // one refresh coalesces then; the other recovers, or is refused
					w.now = w.now.Add(modelWindow + time.Minute)
					token, _ = w.refresh(context.Background(), issuer, token)
				}
				refresh := func(name, token string) {
					w.act(name, func(ctx context.Context) {
						if _, err := w.refresh(ctx, issuer, token); err == nil && w.ended[id] {
							// Between its last operation and its answer nothing else runs.
							w.fault("%s was answered after the logout", name)
						}
					})
				}
				refresh("tab 1", token)
				refresh("tab 2", old)
				w.act("logout", func(ctx context.Context) {
					if err := issuer.Logout(ctx, token); err != nil {
						w.fault("logout: %v", err)
					}
				})
				w.run()
				if !w.ended[id] {
					w.fault("the session was not ended")
				}
			})
		})
	}
}

// Clients whose answers are lost, or whose instance crashes before any of its steps, go to another instance, whose
// clock is another, while time passes: as long as they are still within the window, they go on.
func TestModelLostAnswers(t *testing.T) {
	for _, jump := range []time.Duration{modelWindow / 2, modelWindow - time.Millisecond} {
		t.Run(jump.String(), func(t *testing.T) {
			explore(t, func(w *world) {
				w.claimsTakeTime()
				issuers := w.twoIssuers()
				token, _ := w.login(issuers[0])
				w.incidents = []incident{w.jump(jump)}
				w.crashes = 1
				for n, name := range []string{"tab 1", "tab 2"} {
					w.act(name, func(ctx context.Context) {
						_, err := w.refresh(ctx, issuers[n], token)
						if err == errCrashed {
							_, err = w.refresh(ctx, issuers[1-n], token)
						}
						if err != nil {
							w.fault("%s: %v", name, err)
						}
					})
				}
				w.run()
			})
		})
	}
}

// Three tabs, and one of the instances that they speak to dies before any of its steps.
func TestModelCrash(t *testing.T) {
	explore(t, func(w *world) {
		issuers := w.twoIssuers()
		token, _ := w.login(issuers[0])
		w.crashes = 1
		for n, name := range []string{"tab 1", "tab 2", "tab 3"} {
			w.act(name, func(ctx context.Context) {
				_, err := w.refresh(ctx, issuers[n%2], token)
				if err == errCrashed {
					_, err = w.refresh(ctx, issuers[1-n%2], token)
				}
				if err != nil {
					w.fault("%s: %v", name, err)
				}
			})
		}
		w.run()
		if w.generation() != 2 {
			w.fault("generation %d", w.generation())
		}
	})
}

// A swap is carried out, and the store goes down before it says so, for longer than the window. A
// client that kept retrying goes on, also at an instance that saw the store fail only later.
func TestModelOutage(t *testing.T) {
	for _, one := range []bool{true, false} {
		t.Run(fmt.Sprintf("one instance %v", one), func(t *testing.T) {
			explore(t, func(w *world) {
				issuers := w.twoIssuers()
				if one {
					issuers[1] = issuers[0]
				}
				token, _ := w.login(issuers[0])
				w.outages = 1
				lost := false
				for n, name := range []string{"tab 1", "tab 2"} {
					w.act(name, func(ctx context.Context) {
						_, err := w.refresh(ctx, issuers[n], token)
						w.mustGoOn(name, err)
						if err != nil {
							if !errors.Is(err, jwtauth.ErrUnavailable) {
								w.fault("%s: %v", name, err)
							}
							lost = true
						}
					})
				}
				w.run()
				if !lost {
					return
				}
				for _, later := range []time.Duration{time.Second, 10 * modelWindow, time.Minute / 2} {
					w.now = w.now.Add(later)
					if later == time.Minute/2 {
						w.down = false
					}
					for _, issuer := range issuers {
						_, err := w.refresh(context.Background(), issuer, token)
						w.mustGoOn("the client", err)
						if w.down == (err == nil) {
							w.fault("down is %v, answer %v", w.down, err)
						}
					}
				}
				if w.generation() > 3 {
					w.fault("generation %d", w.generation())
				}
			})
		})
	}
}

// An answer is lost on its way, and before the client retries, well within the window, the store
// goes down for long. Nor is that a reuse.
func TestModelOutageAfterLostAnswer(t *testing.T) {
	explore(t, func(w *world) {
		issuers := w.twoIssuers()
		first, second := issuers[w.schedule.choose(2)], issuers[w.schedule.choose(2)]
		token, _ := w.login(first)
		if _, err := w.refresh(context.Background(), first, token); err != nil {
			w.fault("%v", err)
		}
		w.now = w.now.Add(modelWindow - time.Millisecond)
		w.down, w.wasDown = true, true
		if _, err := w.refresh(context.Background(), second, token); !errors.Is(err, jwtauth.ErrUnavailable) {
			w.fault("the store is down, answer %v", err)
		}
		w.now = w.now.Add(10 * modelWindow)
		w.down = false
		if _, err := w.refresh(context.Background(), second, token); err != nil {
			w.fault("the client: %v", err)
		}
		w.now = w.now.Add(modelWindow + modelSkew)
		if _, err := w.refresh(context.Background(), second, token); !errors.Is(err, jwtauth.ErrTokenReused) {
			w.fault("the window does not close after the outage: %v", err)
		}
	})
}

// Tabs share a cookie jar, and an answer that is on its way for long replaces what is in it. Coalescing
// outlasts recovery, so that this is never something older.
func TestModelLateAnswer(t *testing.T) {
	explore(t, func(w *world) {
		issuers := w.twoIssuers()
		old, id := w.login(issuers[0])
		jar, err := w.refresh(context.Background(), issuers[0], old)
		if err != nil {
			w.fault("%v", err)
		}
		w.now = w.now.Add(modelWindow + modelSkew - time.Millisecond) // recovery is about to end
		w.incidents = []incident{w.jump(time.Second), w.jump(10 * time.Second)}
		tab := func(name string, issuer *jwtauth.Issuer, token func() string) {
			w.act(name, func(ctx context.Context) {
				answer, err := w.refresh(ctx, issuer, token())
				if err == nil {
					w.step(ctx, changes, "the answer arrives")
					jar = answer
				}
			})
		}
		tab("late tab", issuers[0], func() string { return old })
		tab("tab", issuers[1], func() string { return jar })
		w.run()
		if w.ended[id] {
			return // the old token came after its window, as no honest tab's does
		}
		w.now = w.now.Add(10 * time.Minute)
		_, err = w.refresh(context.Background(), issuers[0], jar)
		w.mustGoOn("the browser", err)
	})
}

// A thief has a copy. Whoever comes second, and late, ends the session for both.
func TestModelTheft(t *testing.T) {
	explore(t, func(w *world) {
		issuer := w.issuer(0)
		token, _ := w.login(issuer)
		for _, name := range []string{"victim", "thief"} {
			w.act(name, func(ctx context.Context) {
				mine := token
				for range 2 {
					answer, err := w.refresh(ctx, issuer, mine)
					if err != nil {
						return
					}
					mine = answer
				}
			})
		}
		w.run()
		// Long after, each refreshes what it has, the victim something old: the alarm goes off.
		w.now = w.now.Add(10 * time.Minute)
		latest := ""
		for issued, generation := range w.issued {
			if generation == w.generation() {
				latest = issued
			}
		}
		if latest, _ = w.refresh(context.Background(), issuer, latest); latest == "" {
			w.fault("the newest token is refused")
		}
		w.now = w.now.Add(10 * time.Minute)
		if latest, _ = w.refresh(context.Background(), issuer, latest); latest == "" {
			w.fault("the newest token is refused")
		}
		if _, err := w.refresh(context.Background(), issuer, token); !errors.Is(err, jwtauth.ErrTokenReused) {
			w.fault("the stolen token: %v", err)
		}
		if _, err := w.refresh(context.Background(), issuer, latest); !errors.Is(err, jwtauth.ErrSessionEnded) {
			w.fault("the other one after the alarm: %v", err)
		}
		if !slices.Contains(w.events, jwtauth.EventReuse) {
			w.fault("no event names the reuse: %v", w.events)
		}
	})
}

// The token in force, the one before it and one that is older come at once, around the end of the
// window: the oldest is never answered, and nobody is once it has ended the session.
func TestModelOldTokens(t *testing.T) {
	explore(t, func(w *world) {
		issuers := w.twoIssuers()
		tokens := make([]string, 3)
		var id string
		tokens[0], id = w.login(issuers[0])
		for n := range 2 {
			w.now = w.now.Add(modelWindow + time.Minute)
			tokens[n+1], _ = w.refresh(context.Background(), issuers[n], tokens[n])
		}
		w.now = w.now.Add(modelWindow - time.Second)
		w.incidents = []incident{w.jump(2*modelSkew + 2*time.Second), w.jump(time.Minute)}
		for n, token := range tokens {
			w.act(fmt.Sprintf("holder of %d", n+1), func(ctx context.Context) {
				_, err := w.refresh(ctx, issuers[n%2], token)
				switch {
				case err == nil && w.ended[id]:
					w.fault("generation %d was answered after the alarm", n+1)
				case n == 0 && !errors.Is(err, jwtauth.ErrTokenReused) && !errors.Is(err, jwtauth.ErrSessionEnded):
					w.fault("the oldest token: %v", err)
				}
			})
		}
		w.run()
		if !w.ended[id] {
			w.fault("the session goes on")
		}
	})
}

// The subject is disabled and logged out everywhere while it logs in: no session is left.
func TestModelLoginAgainstLogoutAll(t *testing.T) {
	explore(t, func(w *world) {
		disabled := false
		issuer := w.issuer(0)
		w.claims = func(ctx context.Context) error {
			w.step(ctx, reads, "ask for the claims")
			if disabled {
				return jwtauth.ErrSubjectDisabled
			}
			return nil
		}
		for _, name := range []string{"login 1", "login 2"} {
			w.act(name, func(ctx context.Context) { _, _ = issuer.Login(ctx, "subject") })
		}
		w.act("administrator", func(ctx context.Context) {
			w.step(ctx, changes, "disables the subject")
			disabled = true
			if err := issuer.LogoutAll(ctx, "subject"); err != nil {
				w.fault("LogoutAll: %v", err)
			}
		})
		w.run()
		if len(w.rows) > 0 {
			w.fault("%d sessions are left of a disabled subject", len(w.rows))
		}
	})
}

// A clock is set back by half an hour while tabs refresh: nobody is logged out, and the session goes on
// rotating, with rotations that lie in the past again.
func TestModelClockSetBack(t *testing.T) {
	const back = 30 * time.Minute
	explore(t, func(w *world) {
		w.now = w.now.Add(back)
		issuer := w.issuer(0)
		jar, _ := w.login(issuer)
		w.now = w.now.Add(2 * time.Minute)
		jar, _ = w.refresh(context.Background(), issuer, jar)
		w.now = w.now.Add(2 * time.Minute)
		w.incidents = []incident{w.jump(-back), w.jump(-modelSkew)}
		for _, name := range []string{"tab 1", "tab 2"} {
			w.act(name, func(ctx context.Context) {
				answer, err := w.refresh(ctx, issuer, jar)
				if err != nil {
					w.fault("%s: %v", name, err)
				}
				jar = answer
			})
		}
		w.run()
		for range 2 {
			w.now = w.now.Add(2 * time.Minute)
			before := w.generation()
			answer, err := w.refresh(context.Background(), issuer, jar)
			if err != nil || w.generation() != before+1 {
				w.fault("after the clock was set back: generation %d to %d, %v", before, w.generation(), err)
				return
			}
			jar = answer
			if row := w.rows[refreshPayload(jar).SessionID]; !row.RotatedAt.Equal(w.now) {
				w.fault("rotated %v from now", row.RotatedAt.Sub(w.now))
			}
		}
	})
}

// The store fails over to a replica that has not heard of the last rotations, while tabs with the token in force
// and the one before it refresh: the session goes on.
func TestModelFailover(t *testing.T) {
	for _, known := range []int64{1, 2, 3} {
		t.Run(fmt.Sprintf("the replica knows %d", known), func(t *testing.T) {
			explore(t, func(w *world) {
				issuers := w.twoIssuers()
				var previous string
				jar, _ := w.login(issuers[0])
				if known == 1 {
					w.incidents = []incident{w.failover()}
				}
				for generation := int64(2); generation <= 3; generation++ {
					w.now = w.now.Add(2 * time.Minute)
					previous = jar
					jar, _ = w.refresh(context.Background(), issuers[0], jar)
					if known == generation {
						w.incidents = []incident{w.failover()}
					}
				}
				w.now = w.now.Add(modelWindow / 2)
				tab := func(name string, issuer *jwtauth.Issuer, token string) {
					w.act(name, func(ctx context.Context) {
						answer, err := w.refresh(ctx, issuer, token)
						if err != nil {
							w.fault("%s: %v", name, err)
						}
						jar = answer
					})
				}
				tab("tab 1", issuers[0], jar)
				tab("tab 2", issuers[1], jar)
				tab("late tab", issuers[1], previous)
				w.run()
				for range 2 {
					w.now = w.now.Add(10 * time.Minute)
					answer, err := w.refresh(context.Background(), issuers[0], jar)
					if err != nil {
						w.fault("after the failover: %v", err)
					}
					jar = answer
				}
			})
		})
	}
}

// Around the end of a session, by idling or by age, nobody is answered after it; but a client whose refresh was in time,
// and which missed the answer, goes on.
func TestModelEnd(t *testing.T) {
	for _, end := range []string{"idle", "absolute"} {
		t.Run(end, func(t *testing.T) {
			explore(t, func(w *world) {
				issuer := w.issuer(0)
				token, _ := w.login(issuer)
				ends := modelStart.Add(modelIdle)
				if end == "absolute" {
					ends = modelStart.Add(modelLife)
					for w.now.Add(modelIdle).Before(ends) {
						w.now = w.now.Add(modelIdle / 2)
						token, _ = w.refresh(context.Background(), issuer, token)
					}
				}
				generation := w.generation()
				w.now = ends.Add(-1500 * time.Millisecond)
				w.incidents = []incident{w.jump(time.Second), w.jump(1500 * time.Millisecond), w.jump(modelWindow)}
				w.crashes = 1
				for _, name := range []string{"tab 1", "tab 2"} {
					w.act(name, func(ctx context.Context) {
						answer, err := w.refresh(ctx, issuer, token)
						if err == errCrashed {
							rotated := w.generation() > generation
							answer, err = w.refresh(ctx, issuer, token)
							if rotated && end == "idle" && err != nil {
								w.fault("%s is logged out: %v", name, err)
							}
						}
						if err != nil && !errors.Is(err, jwtauth.ErrSessionEnded) {
							w.fault("%s: %v", name, err)
						}
						if err == nil && w.generation() == generation {
							w.fault("%s was answered without a rotation: %v", name, answer)
						}
					})
				}
				w.run()
				if end == "absolute" {
					w.now = ends
				} else {
					w.now = w.now.Add(modelIdle)
				}
				for issued := range w.issued {
					if _, err := w.refresh(context.Background(), issuer, issued); !errors.Is(err, jwtauth.ErrSessionEnded) {
						w.fault("after the end: %v", err)
					}
				}
			})
		})
	}
}

// A holder of an old token presents it again and again: neither the window nor the session gets any longer by that.
func TestModelReplayExtendsNothing(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 7 * time.Second, modelWindow + modelSkew - time.Millisecond} {
		explore(t, func(w *world) {
			issuers := w.twoIssuers()
			replayed := issuers[w.schedule.choose(2)]
			old, id := w.login(issuers[0])
			current, _ := w.refresh(context.Background(), issuers[0], old)
			began := w.rows[id]
			for {
				w.now = w.now.Add(every)
				_, err := w.refresh(context.Background(), replayed, old)
				if errors.Is(err, jwtauth.ErrTokenReused) {
					break
				}
				_, again := w.refresh(context.Background(), issuers[0], current)
				if err != nil || again != nil || w.rows[id] != began {
					w.fault("%v after the rotation: %v, %v, row %+v, want %+v", w.now.Sub(modelStart), err, again, w.rows[id], began)
					break
				}
			}
			if after := w.now.Sub(modelStart); after < modelWindow || after-every >= modelWindow+2*modelSkew {
				w.fault("the window closes after %v", after)
			}
		})
	}
}
