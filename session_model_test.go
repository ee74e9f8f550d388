package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
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
	removed removal // session_rules_test.go

	schedules, left int             // those played, and those left off as equal to one of them
	states          map[string]bool // that the store and the actors were in together
	actors, steps   int             // at most in one schedule: actors, and steps of the one that took the fewest
}

// explore runs scenario under every schedule and stops at the first fault.
func explore(t *testing.T, scenario func(w *world)) *model {
	t.Helper()
	m := search(removal{}, scenario)
	if w := m.world; len(w.faults) > 0 {
		t.Fatalf("after %d schedules:\n%s\nhistory:\n%s", m.schedules, strings.Join(w.faults, "\n"), strings.Join(w.history, "\n"))
	}
	t.Logf("%v", m)
	return m
}

func (m *model) String() string {
	return fmt.Sprintf("%d actors × %d steps: %d schedules, and %d left off as equal to one of them; %d states", m.actors, m.steps, m.schedules, m.left, len(m.states))
}

// search is explore of an issuer or a store without one of the rules. The faults are in the world that it ends with.
func search(removed removal, scenario func(w *world)) *model {
	m := &model{issuers: map[time.Duration]*jwtauth.Issuer{}, removed: removed, states: map[string]bool{}}
	for given := []int{}; given != nil; {
		w := newWorld(m, &schedule{given: given})
		m.world = w
		if w.play(scenario) {
			m.schedules++
		} else {
			m.left++
		}
		if len(w.faults) > 0 {
			break
		}
		if w.wasDown { // the instances remember that
			clear(m.issuers)
		}
		given = w.schedule.next()
	}
	return m
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
	steps   int    // taken
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
		w.visit()
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

// visit counts the state that the world is in.
func (w *world) visit() {
	state := fmt.Appendf(nil, "%d %v %d %d %v", w.now.UnixMilli(), w.down, len(w.ended), len(w.incidents), w.failedOver)
	for _, row := range w.rows {
		state = fmt.Appendf(state, " %d:%d", row.Generation, row.RotatedAt.UnixMilli())
	}
	fewest := math.MaxInt
	for _, a := range w.actors {
		state = fmt.Appendf(state, " %d%v", a.steps, a.done)
		fewest = min(fewest, a.steps)
	}
	m := w.model
	m.states[string(state)] = true
	if len(w.actors) > m.actors || len(w.actors) == m.actors && fewest > m.steps {
		m.actors, m.steps = len(w.actors), fewest
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
	a.steps++
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
		Sessions:   m.store(),
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
	if m.removed.decision != "" {
		issuer.RemoveRule(m.removed.decision)
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

// store is what the instances work on.
func (m *model) store() jwtauth.SessionStore {
	if m.removed.store != nil {
		return m.removed.store(m)
	}
	return m
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
		for _, other := range w.issued {
			if other == generation && !w.failedOver { // what is adopted gets another date
				w.fault("generation %d has two tokens", generation)
			}
		}
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
