package jwtauth_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// removal is a rule of DESIGN §5 that is not there: of the decision, or of what surrounds it, as a store that answers accordingly.
type removal struct {
	rule     string
	decision string // for Issuer.RemoveRule
	store    func(m *model) jwtauth.SessionStore
	scenario func(w *world)
}

var storeRemovals = []removal{
	{rule: "an answer without a write ends with a second load", scenario: modelLogoutWins(2),
		store: func(m *model) jwtauth.SessionStore { return &remembering{model: m} }},
	{rule: "a swap revives nothing", scenario: modelLogoutWins(1),
		store: func(m *model) jwtauth.SessionStore { return reviving{m} }},
	{rule: "a swap wins only from its generation", scenario: modelLostAnswers(modelWindow / 2),
		store: func(m *model) jwtauth.SessionStore { return carefree{m} }},
	{rule: "a lost swap decides again", scenario: modelLostAnswers(modelWindow / 2),
		store: func(m *model) jwtauth.SessionStore { return flattering{m} }},
	{rule: "reuse ends the session", scenario: modelTheft,
		store: func(m *model) jwtauth.SessionStore { return keeping{m} }},
	{rule: "windows are anchored at the rotation", scenario: modelTheft,
		store: func(m *model) jwtauth.SessionStore { return sliding{m} }},
	{rule: "no session outlives its absolute end", scenario: modelEnd("absolute"),
		store: func(m *model) jwtauth.SessionStore { return ageless{m} }},
}

// remembering answers the second load of a request as the first.
type remembering struct {
	*model
	first map[any]jwtauth.Session
	of    *world
}

func (r *remembering) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	if r.of != r.world {
		r.of, r.first = r.world, map[any]jwtauth.Session{}
	}
	a := ctx.Value(actorKey{})
	if row, ok := r.first[a]; ok && a != nil {
		return row, nil
	}
	row, err := r.model.Load(ctx, id, now)
	if err == nil {
		r.first[a] = row
	}
	return row, err
}

type reviving struct{ *model }

func (r reviving) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (bool, error) {
	won, err := r.model.Swap(ctx, from, next, now)
	if _, ok := r.rows[next.ID]; !ok && err == nil {
		r.rows[next.ID] = next
		return true, nil
	}
	return won, err
}

type carefree struct{ *model }

func (c carefree) Swap(ctx context.Context, _ int64, next jwtauth.Session, now time.Time) (bool, error) {
	return c.model.Swap(ctx, c.rows[next.ID].Generation, next, now)
}

type flattering struct{ *model }

func (f flattering) Swap(ctx context.Context, from int64, next jwtauth.Session, now time.Time) (bool, error) {
	_, err := f.model.Swap(ctx, from, next, now)
	return err == nil, err
}

type keeping struct{ *model }

func (keeping) Delete(context.Context, string) error { return nil }

type sliding struct{ *model }

func (s sliding) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	row, err := s.model.Load(ctx, id, now)
	if row.Generation > 1 {
		row.RotatedAt = now
	}
	return row, err
}

type ageless struct{ *model }

func (e ageless) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	row, err := e.model.Load(ctx, id, now)
	row.EndsAt = row.EndsAt.Add(modelLife)
	return row, err
}

// The scenario that has to notice where a rule of the decision is removed.
var noticedBy = map[string]func(w *world){
	"the token in force is coalesced":         modelLateAnswer,
	"coalescing outlasts recovery":            modelLateAnswer,
	"coalescing ends":                         modelClockSetBack,
	"an instance remembers an outage":         modelOutage(true),
	"what was never rotated rotates at once":  modelThreeTabs,
	"a rotation in the future does not count": modelClockSetBack,
	"the token before is recovered":           modelThreeTabs,
	"recovery forgives differences of clocks": modelLostAnswers(modelWindow - time.Millisecond),
	"recovery ends":                           modelOldTokens,
	"older tokens are reuse":                  modelOldTokens,
	"what the store has lost is adopted":      modelFailover(2),
}

// Of the rules, each that is removed is missed: some schedule of a scenario that passes with all of them leads to a fault.
func TestModelMissesEveryRule(t *testing.T) {
	all := slices.Clone(storeRemovals)
	for _, rule := range jwtauth.DecisionRules() {
		all = append(all, removal{rule: rule, decision: rule, scenario: noticedBy[rule]})
	}
	for _, r := range all {
		t.Run(r.rule, func(t *testing.T) {
			m := search(r, r.scenario)
			if len(m.faults) == 0 {
				t.Fatalf("nothing is found without it: %v", m)
			}
			t.Logf("found in schedule %d: %s", m.schedules+m.left, m.faults[0])
		})
	}
}

// Three actors, each with whatever request, while recovery is open, coalescing alone, or neither: four steps each, or more where
// they lose a race.
func TestModelThreeActorsFourSteps(t *testing.T) {
	m := explore(t, modelAnything)
	if m.actors != 3 || m.steps < 4 {
		t.Errorf("%d actors, %d steps", m.actors, m.steps)
	}
}

func modelAnything(w *world) {
	w.claimsTakeTime()
	issuers := w.twoIssuers()
	old, id := w.login(issuers[0])
	older := old
	w.now = w.now.Add(modelWindow + time.Minute)
	old, _ = w.refresh(context.Background(), issuers[0], older)
	w.now = w.now.Add(modelWindow + time.Minute)
	current, _ := w.refresh(context.Background(), issuers[0], old)
	after := []time.Duration{modelWindow - modelSkew, modelWindow + modelSkew + time.Second, modelWindow + time.Minute}[w.schedule.choose(3)]
	w.now = w.now.Add(after)

	// The order of the actors makes no difference, so each has a request no earlier in the list than that of the one before.
	const logout = 3
	kind, honest := 0, true
	for n, name := range []string{"first", "second", "third"} {
		kind += w.schedule.choose(4 - kind)
		if kind == logout {
			honest = false
			w.act(name+", who logs out", func(ctx context.Context) {
				if err := issuers[n%2].Logout(ctx, older); err != nil {
					w.fault("logout: %v", err)
				}
			})
			continue
		}
		// The token before is an honest client's only in its window, the oldest never.
		honest = honest && (kind == 0 || kind == 1 && after < modelWindow)
		token := []string{current, old, older}[kind]
		w.act(name, func(ctx context.Context) {
			_, err := w.refresh(ctx, issuers[n%2], token)
			w.step(ctx, reads, "the answer arrives")
			if honest {
				w.mustGoOn(name, err)
			}
		})
	}
	w.run()
	if honest && (w.ended[id] || w.generation() > 4) {
		w.fault("ended: %v, generation %d", w.ended[id], w.generation())
	}
	if !honest && len(w.rows) > 0 && kind == logout {
		w.fault("the session was not ended")
	}
}
