package jwtauth_test

import (
	"context"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// removal takes one rule of the sessions away. The scenario must notice it.
type removal struct {
	rule     string
	scenario func(w *world)
	store    func(m *model) jwtauth.SessionStore // returns a store that behaves as without the rule
	options  func(m *model, o *jwtauth.IssuerOptions)
	forgets  bool // each request reaches an instance that has just started
	keyless  int  // the kind of request that needs no proof of a key, or 0
}

var removals = []removal{
	{rule: "a repeated response ends with a second load", scenario: modelLogoutWins(2),
		store: func(m *model) jwtauth.SessionStore { return &remembering{model: m} }},
	{rule: "a swap revives no session", scenario: modelLogoutWins(1),
		store: func(m *model) jwtauth.SessionStore { return reviving{m} }},
	{rule: "a swap wins only from its generation", scenario: modelLostResponses(modelWindow / 2),
		store: func(m *model) jwtauth.SessionStore { return careless{m} }},
	{rule: "a lost swap decides again", scenario: modelLostResponses(modelWindow / 2),
		store: func(m *model) jwtauth.SessionStore { return boasting{m} }},
	{rule: "reuse ends the session", scenario: modelTheft,
		store: func(m *model) jwtauth.SessionStore { return keeping{m} }},
	{rule: "windows count from the rotation", scenario: modelTheft,
		store: func(m *model) jwtauth.SessionStore { return sliding{m} }},
	{rule: "no session outlives its absolute end", scenario: modelEnd("absolute"),
		store: func(m *model) jwtauth.SessionStore { return ageless{m} }},
	{rule: "an instance remembers an outage", scenario: modelOutage(true), forgets: true},

	without("the current token is repeated", modelLateResponse, func(d decision) rotation.Step {
		if d.step == rotation.Repeat {
			return rotation.Rotate
		}
		return d.step
	}),
	without("repeating lasts longer than retrying", modelLateResponse, func(d decision) rotation.Step {
		if d.step == rotation.Repeat && d.since >= modelWindow+rotation.ClockSkew {
			return rotation.Rotate
		}
		return d.step
	}),
	without("repeating ends", modelClockSetBack, func(d decision) rotation.Step {
		if d.presented == d.current && d.current > 1 && d.since >= 0 {
			return rotation.Repeat
		}
		return d.step
	}),
	without("a token that was never rotated rotates at once", modelThreeTabs, func(d decision) rotation.Step {
		if d.presented == 1 && d.current == 1 && d.since < modelWindow {
			return rotation.Repeat
		}
		return d.step
	}),
	without("a rotation in the future does not count", modelClockSetBack, func(d decision) rotation.Step {
		if d.presented == d.current && d.current > 1 && d.since < 0 {
			return rotation.Repeat
		}
		return d.step
	}),
	without("the previous token can be retried", modelThreeTabs, func(d decision) rotation.Step {
		if d.step == rotation.Retry {
			return rotation.Reuse
		}
		return d.step
	}),
	without("retrying tolerates clock skew", modelLostResponses(modelWindow-time.Millisecond), func(d decision) rotation.Step {
		if d.step == rotation.Retry && d.since >= modelWindow {
			return rotation.Reuse
		}
		return d.step
	}),
	without("retrying ends", modelOldTokens, func(d decision) rotation.Step {
		if d.presented == d.current-1 {
			return rotation.Retry
		}
		return d.step
	}),
	without("older tokens are reuse", modelOldTokens, func(d decision) rotation.Step {
		if d.presented < d.current-1 && d.since < modelWindow {
			return rotation.Retry
		}
		return d.step
	}),
	without("generations that the store has lost are adopted", modelFailover(2), func(d decision) rotation.Step {
		if d.step == rotation.Adopt {
			return rotation.Reuse
		}
		return d.step
	}),
}

// remembering responds to the second load of a request as to the first.
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

// reviving stores a session again that was deleted.
type reviving struct{ *model }

func (r reviving) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	won, err := r.model.Swap(ctx, old, next, now)
	if _, ok := r.rows[next.ID]; !ok && err == nil {
		r.rows[next.ID] = next
		return true, nil
	}
	return won, err
}

// careless swaps from any generation.
type careless struct{ *model }

func (c careless) Swap(ctx context.Context, _, next jwtauth.Session, now time.Time) (bool, error) {
	return c.model.Swap(ctx, c.rows[next.ID], next, now)
}

// boasting reports every swap as won.
type boasting struct{ *model }

func (b boasting) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	_, err := b.model.Swap(ctx, old, next, now)
	return err == nil, err
}

// keeping deletes nothing.
type keeping struct{ *model }

func (keeping) Delete(context.Context, string) error { return nil }

// sliding returns each session as if it had just been rotated.
type sliding struct{ *model }

func (s sliding) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	row, err := s.model.Load(ctx, id, now)
	if row.Generation > 1 {
		row.RotatedAt = now
	}
	return row, err
}

// ageless postpones the absolute end.
type ageless struct{ *model }

func (a ageless) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	row, err := a.model.Load(ctx, id, now)
	row.EndsAt = row.EndsAt.Add(modelLife)
	return row, err
}

// decision is a result of rotation.Rules.Decide with its input.
type decision struct {
	step               rotation.Step
	current, presented int64
	since              time.Duration // from the rotation to the arrival
}

// without removes a rule of the decision: changed returns the step as if the
// rule did not exist.
func without(rule string, scenario func(w *world), changed func(d decision) rotation.Step) removal {
	return removal{rule: rule, scenario: scenario, store: func(m *model) jwtauth.SessionStore { return deceiving{m, changed} }}
}

// deceiving changes decisions. It returns a row that leads to the changed step
// when a request loads the session to decide, and the true row at other times.
type deceiving struct {
	*model
	changed func(d decision) rotation.Step
}

func (s deceiving) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	row, err := s.model.Load(ctx, id, now)
	r, ok := ctx.Value(requestKey{}).(*request)
	if err != nil || !ok || r.decided {
		return row, err
	}
	r.decided = true
	arrived := r.arrived.Add(now.Sub(s.now)) // by the clock of the instance
	if now.Before(arrived) {
		arrived = now
	}
	d := decision{current: row.Generation, presented: r.presented, since: arrived.Sub(row.RotatedAt)}
	d.step = modelStep(row, r.presented, arrived)
	step := s.changed(d)
	if step == d.step {
		return row, nil
	}
	switch step {
	case rotation.Rotate:
		row.RotatedAt = now.Add(-time.Hour)
	case rotation.Repeat, rotation.Retry:
		row.Generation, row.RotatedAt = r.presented+1, now // issues tokens of the true row, without a swap
	case rotation.Reuse:
		row.Generation = r.presented + 2
	}
	if got := modelStep(row, r.presented, arrived); got != step && (step != rotation.Repeat || got != rotation.Retry) {
		panic("the changed row leads to the step " + got.String())
	}
	return row, nil
}

func (s deceiving) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		r.decided = false
	}
	stored := s.rows[next.ID] // old may be a row that Load has changed
	stored.Generation = old.Generation
	return s.model.Swap(ctx, stored, next, now)
}

// modelStep returns the step for a token that arrives, without an outage.
func modelStep(row jwtauth.Session, presented int64, arrived time.Time) rotation.Step {
	return rotation.Rules{Window: modelWindow, AccessTTL: time.Minute}.Decide(
		rotation.Row{Generation: row.Generation, RotatedAt: row.RotatedAt, ExpiresAt: row.ExpiresAt, EndsAt: row.EndsAt},
		rotation.Token{Generation: presented, ExpiresAt: arrived.Add(time.Hour), ArrivedAt: arrived},
		rotation.Outage{}, arrived)
}

// Each rule is needed: without it, some schedule of a scenario that passes with
// all rules leads to a fault.
func TestModelMissesEveryRule(t *testing.T) {
	t.Parallel()
	for _, r := range removals {
		t.Run(r.rule, func(t *testing.T) {
			t.Parallel()
			mustMiss(t, r)
		})
	}
}

func mustMiss(t *testing.T, r removal) {
	t.Helper()
	m := search(r, r.scenario)
	if len(m.faults) == 0 {
		t.Fatalf("no fault is found without it: %v", m)
	}
	t.Logf("found in schedule %d: %s", m.schedules+m.skipped, m.faults[0])
}

// Three actors with any requests arrive while the window is open, while tokens
// are only repeated, or after both: four steps each, or more if they lose a
// race.
func TestModelThreeActorsFourSteps(t *testing.T) {
	exploreThreeByFour(t, modelAnything)
}

func modelAnything(w *world) {
	w.shared = leaveNothing
	w.claimsTakeTime(reads)
	issuers := w.twoIssuers()
	tokens := w.prepare(func() []string {
		tokens := []string{w.login(issuers[0])}
		for n := range 2 {
			w.now = w.now.Add(modelWindow + time.Minute)
			next, _ := w.refresh(context.Background(), issuers[0], tokens[n])
			tokens = append(tokens, next)
		}
		return tokens
	})
	older, old, current := tokens[0], tokens[1], tokens[2]
	after := []time.Duration{modelWindow - modelSkew, modelWindow + modelSkew + time.Second, modelWindow + time.Minute}[w.schedule.choose(3)]
	w.now = w.now.Add(after)

	// The order of the actors makes no difference, so the request of each comes
	// no earlier in the list than that of the one before.
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
		// An honest client presents the previous token only in its window, and
		// never the oldest.
		honest = honest && (kind == 0 || kind == 1 && after < modelWindow)
		token := []string{current, old, older}[kind]
		w.act(name, func(ctx context.Context) {
			_, err := w.refresh(ctx, issuers[n%2], token)
			w.step(ctx, local, "the response arrives")
			if honest {
				w.mustGoOn(name, err)
			}
		})
	}
	w.run()
	if honest && (w.hasEnded() || w.generation() > 4) {
		w.fault("ended: %v, generation %d", w.hasEnded(), w.generation())
	}
	if !honest && len(w.rows) > 0 && kind == logout {
		w.fault("the session was not ended")
	}
}
