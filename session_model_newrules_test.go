package jwtauth_test

import (
	"cmp"
	"context"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// updateRemovals are removals of rules about updates, credentials and the limit
// of sessions.
var updateRemovals = []removal{
	{rule: "a swap compares the attributes", scenario: modelUpdates(update),
		store: func(m *model) jwtauth.SessionStore { return byGeneration{m} }},
	{rule: "every swap raises the revision", scenario: modelRepeatedCommand,
		store: func(m *model) jwtauth.SessionStore { return unrevised{m} }},
	{rule: "an update leaves the generation alone", scenario: modelUpdates(update),
		store: func(m *model) jwtauth.SessionStore { return rotatingUpdates{m} }},
	{rule: "an update leaves the window alone", scenario: modelUpdates(update),
		store: func(m *model) jwtauth.SessionStore { return slidingUpdates{m} }},
	{rule: "adoption and update are one swap", scenario: modelUpdateFailover,
		store: func(m *model) jwtauth.SessionStore { return splitting{m} }},
	{rule: "Claims is called again for another revision", scenario: modelUpdates(update),
		options: func(_ *model, o *jwtauth.IssuerOptions) { o.Claims = onceForRequest(o.Claims) }},
	{rule: "reuse ends the session with options as well", scenario: modelUpdates(theft),
		store: func(m *model) jwtauth.SessionStore {
			return deceiving{m, func(d decision) rotation.Step {
				if d.step == rotation.Reuse {
					return rotation.Retry
				}
				return d.step
			}}
		}},
	{rule: "an update survives an outage", scenario: modelUpdateOutage, forgets: true},

	{rule: "Login compares the version of the credential", scenario: modelPasswordChange(true),
		options: func(_ *model, o *jwtauth.IssuerOptions) {
			o.CredentialVersion = versionAtLogin(o.CredentialVersion, false)
		}},
	comparingFirst(),
	{rule: "Refresh compares the version of the credential", scenario: modelPasswordChange(false),
		options: func(_ *model, o *jwtauth.IssuerOptions) {
			o.CredentialVersion = versionAtLogin(o.CredentialVersion, true)
		}},
	{rule: "another version ends the session", scenario: modelPasswordChange(true),
		store: func(m *model) jwtauth.SessionStore { return keeping{m} }},

	{rule: "the limit ends only older sessions", scenario: modelMaxSessions(1, "refresh"),
		store: func(m *model) jwtauth.SessionStore { return aging{m} }},
	{rule: "the limit counts only logins that succeed", scenario: modelMaxSessions(1, failing),
		store: func(m *model) jwtauth.SessionStore { return evicting{m} }},
	{rule: "the limit ends sessions", scenario: modelMaxSessions(1, failing),
		store: func(m *model) jwtauth.SessionStore { return keeping{m} }},
}

func init() { removals = append(removals, updateRemovals...) }

// byGeneration compares the generation only.
type byGeneration struct{ *model }

func (s byGeneration) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	if row := s.rows[next.ID]; row.Generation == old.Generation {
		old = row
	}
	return s.model.Swap(ctx, old, next, now)
}

// unrevised stores neither the revision nor the count of updates.
type unrevised struct{ *model }

func (s unrevised) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	for _, row := range []*jwtauth.Session{&old, &next} {
		row.Revision, row.Attributes = 1, ""
	}
	return s.model.Swap(ctx, old, next, now)
}

// rotatingUpdates begins a generation with each update.
type rotatingUpdates struct{ *model }

func (s rotatingUpdates) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	if next.Generation == old.Generation {
		next.Generation++
		next.RotatedAt = now
	}
	return s.model.Swap(ctx, old, next, now)
}

// slidingUpdates begins the window again with each update.
type slidingUpdates struct{ *model }

func (s slidingUpdates) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	if next.Generation == old.Generation {
		next.RotatedAt = now
	}
	return s.model.Swap(ctx, old, next, now)
}

// splitting carries out only the first of two swaps if an update adopts a
// generation, as if the instance had crashed between them.
type splitting struct{ *model }

func (s splitting) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (bool, error) {
	if next.Generation != old.Generation && next.Label != old.Label {
		next.Generation, next.RotatedAt, next.ExpiresAt = old.Generation, old.RotatedAt, old.ExpiresAt
	}
	return s.model.Swap(ctx, old, next, now)
}

type claimsFunc = func(context.Context, jwtauth.Session) (any, error)

// onceForRequest calls claims once for each request.
func onceForRequest(claims claimsFunc) claimsFunc {
	known := map[*request]any{}
	return func(ctx context.Context, s jwtauth.Session) (any, error) {
		r, ok := ctx.Value(requestKey{}).(*request)
		if !ok {
			return claims(ctx, s)
		}
		if private, ok := known[r]; ok {
			return private, nil
		}
		private, err := claims(ctx, s)
		known[r] = private
		return private, err
	}
}

type versionFunc = func(context.Context, string) (string, error)

// versionAtLogin returns the version that was checked instead of the present
// one, in refreshes or in logins.
func versionAtLogin(version versionFunc, inRefresh bool) versionFunc {
	return func(ctx context.Context, subject string) (string, error) {
		current, err := version(ctx, subject)
		if checked, login := ctx.Value(versionKey{}).(string); login != inRefresh {
			return cmp.Or(checked, "1"), nil
		}
		return current, err
	}
}

// comparingFirst makes a login read the version before its session is stored.
func comparingFirst() removal {
	read := map[any]string{} // version by actor
	return removal{
		rule: "Login compares after the session is stored", scenario: modelPasswordChange(true),
		store: func(m *model) jwtauth.SessionStore { return readingVersions{m, read} },
		options: func(_ *model, o *jwtauth.IssuerOptions) {
			version := o.CredentialVersion
			o.CredentialVersion = func(ctx context.Context, subject string) (string, error) {
				if v, ok := read[ctx.Value(actorKey{})]; ok {
					return v, nil
				}
				return version(ctx, subject)
			}
		},
	}
}

type readingVersions struct {
	*model
	read map[any]string
}

func (s readingVersions) Create(ctx context.Context, row jwtauth.Session) error {
	if a := ctx.Value(actorKey{}); a != nil {
		s.read[a], _ = s.world.version(ctx)
	}
	return s.model.Create(ctx, row)
}

// aging makes all sessions but those of the model's start seem older than any
// login.
type aging struct{ *model }

func (s aging) List(ctx context.Context, subject string, now time.Time) ([]jwtauth.Session, error) {
	rows, err := s.model.List(ctx, subject, now)
	for i := range rows {
		rows[i].CreatedAt = modelStart.Add(-time.Hour)
	}
	return rows, err
}

// evicting ends the other sessions when a login begins.
type evicting struct{ *model }

func (s evicting) Create(ctx context.Context, row jwtauth.Session) error {
	if err := s.model.Create(ctx, row); err != nil {
		return err
	}
	for id := range s.rows {
		if id != row.ID {
			delete(s.rows, id)
			s.logins.deleted(ctx, id)
		}
	}
	return nil
}
