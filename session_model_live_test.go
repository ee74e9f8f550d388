package jwtauth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A route behind Live is requested twice with one token, while the session is
// updated and ended. From the moment at which the change has returned, the
// token is refused.
func TestModelLive(t *testing.T) {
	for _, c := range []struct {
		name     string
		maxDelay time.Duration
	}{
		{"without a delay", 0},
		{"with remembered sessions", time.Hour}, // no test takes as long
	} {
		t.Run(c.name, func(t *testing.T) { exploreAlone(t, modelLive(c.maxDelay, true)) })
	}
}

// modelLive is a scenario in which this process ends the session, or another
// one that cannot tell it.
func modelLive(maxDelay time.Duration, here bool) func(*world) {
	return func(w *world) {
		w.trackUpdates()
		w.hidden = true // in Live
		issuer := w.issuer(0)
		token := w.prepare(func() []string {
			tokens, err := issuer.Login(context.Background(), "subject")
			check(w, err)
			return []string{tokens.RefreshToken, tokens.AccessToken}
		})
		refresh, access := token[0], token[1]
		live := jwtauth.Live(issuer.Issuer, w.model.store(), maxDelay)
		refused := false // the token, from now on
		get := func(ctx context.Context) {
			before := refused
			_, err := live.VerifyToken(ctx, access)
			if before && !errors.Is(err, jwtauth.ErrTokenInvalid) {
				w.fault("accepted after the change: %v", err)
			}
		}
		w.act("client", func(ctx context.Context) {
			get(ctx)
			get(ctx)
		})
		w.act("update", func(ctx context.Context) {
			if _, err := w.send(ctx, issuer, refresh, "update"); err == nil {
				refused = true
			}
		})
		w.act("logout", func(ctx context.Context) {
			if here {
				check(w, issuer.Logout(ctx, refresh))
			} else {
				check(w, w.model.Delete(ctx, refreshPayload(refresh).SessionID))
			}
			refused = true
		})
		w.run()
		get(context.Background())
	}
}

// The scenario notices if Live hears of an end too early, or not at all.
func TestModelLiveMissesEveryRule(t *testing.T) {
	for _, r := range []removal{
		{rule: "Live hears of the ends of sessions", scenario: modelLive(time.Hour, false)},
		{rule: "Live hears of an end after it has happened", scenario: modelLive(time.Hour, true),
			store: func(m *model) jwtauth.SessionStore { return &lagging{model: m} }},
	} {
		t.Run(r.rule, func(t *testing.T) { mustMiss(t, r) })
	}
}

// lagging acknowledges a Delete before it takes effect: after the next Load.
type lagging struct {
	*model
	of      *world
	pending string
}

func (s *lagging) Delete(ctx context.Context, id string) error {
	s.world.step(ctx, changes, "acknowledge a delete")
	s.of, s.pending = s.world, id
	return nil
}

func (s *lagging) Load(ctx context.Context, id string, now time.Time) (jwtauth.Session, error) {
	row, err := s.model.Load(ctx, id, now)
	if s.of == s.world && s.pending == id {
		delete(s.rows, id)
		s.ended[id] = true
	}
	return row, err
}
