package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// logins are the sessions that the actors of a scenario create and end.
type logins struct {
	by      map[string]string    // session ID → the actor that created it
	endedBy map[string]string    // session ID → the actor that ended it
	times   map[string]time.Time // session ID → its creation
}

func (w *world) trackLogins() {
	w.logins = logins{map[string]string{}, map[string]string{}, map[string]time.Time{}}
}

func (l *logins) created(ctx context.Context, s jwtauth.Session) {
	if a, ok := ctx.Value(actorKey{}).(*actor); ok && l.by != nil {
		l.by[s.ID], l.times[s.ID] = a.name, s.CreatedAt
	}
}

func (l *logins) deleted(ctx context.Context, id string) {
	if a, ok := ctx.Value(actorKey{}).(*actor); ok && l.by != nil {
		l.endedBy[id] = a.name
	}
}

// mayDie calls do, and reports whether the instance crashed in it.
func (w *world) mayDie(do func()) (crashed bool) {
	defer func() {
		switch r := recover(); {
		case r == errCrashed:
			crashed = true
		case r != nil:
			panic(r)
		}
	}()
	do()
	return false
}

type versionKey struct{}

// loginWith logs in with a version of the password.
func (w *world) loginWith(ctx context.Context, issuer *instance, version string) (jwtauth.Tokens, error) {
	return issuer.Login(context.WithValue(ctx, versionKey{}, version), "subject", jwtauth.CredentialVersion(version))
}

// A login with the old password and a refresh of an earlier session are in
// progress while the owner changes the password, ends all sessions, and logs in
// again. An instance may crash. No session of the old password is left that a
// client can use, and the session of the new password goes on.
func TestModelPasswordChange(t *testing.T) {
	t.Parallel()
	for _, logoutAll := range []bool{true, false} {
		t.Run(fmt.Sprintf("LogoutAll %v", logoutAll), func(t *testing.T) { exploreThreeByFour(t, modelPasswordChange(logoutAll)) })
	}
}

func modelPasswordChange(logoutAll bool) func(*world) {
	return func(w *world) {
		w.model.limit = -1
		w.claimsTakeTime(reads)
		issuers := w.twoIssuers()
		version := "1"
		w.version = func(ctx context.Context) (string, error) {
			w.step(ctx, reads, "get the version of the password")
			return version, nil
		}
		old := w.prepare(func() []string {
			tokens, err := w.loginWith(context.Background(), issuers[0], "1")
			check(w, err)
			w.now = w.now.Add(modelWindow + time.Minute)
			return []string{tokens.RefreshToken}
		})[0]
		held := []string{old} // refresh tokens that a client has
		w.crashes = 1
		w.act("thief", func(ctx context.Context) {
			w.mayDie(func() {
				w.step(ctx, reads, "check the old password")
				observeText(ctx, version)
				if version != "1" {
					return
				}
				tokens, err := w.loginWith(ctx, issuers[0], "1")
				if err == nil {
					held = append(held, tokens.RefreshToken)
				}
			})
		})
		w.act("tab", func(ctx context.Context) {
			w.mayDie(func() {
				tokens, err := issuers[1].Refresh(ctx, old)
				if err == nil {
					held = append(held, tokens.RefreshToken)
				}
			})
		})
		owned := ""
		w.act("owner", func(ctx context.Context) {
			change := func(ctx context.Context) {
				w.step(ctx, changes, "change the password")
				version = "2"
				if logoutAll {
					check(w, issuers[1].LogoutAll(ctx, "subject"))
				}
				tokens, err := w.loginWith(ctx, issuers[1], "2")
				check(w, err)
				owned = tokens.RefreshToken
			}
			if w.mayDie(func() { change(ctx) }) {
				change(context.Background()) // the owner tries again
			}
		})
		w.run()
		for _, row := range w.rows {
			if logoutAll && w.crashes == 1 && strings.Contains(row.Attributes, `"cv":"1"`) {
				w.fault("a session of the old password is left in the store")
			}
		}
		for _, token := range held {
			if _, ok := w.rows[refreshPayload(token).SessionID]; ok && logoutAll {
				w.fault("a session of the old password is left")
			}
			if _, err := issuers[0].Refresh(context.Background(), token); !errors.Is(err, jwtauth.ErrSessionEnded) {
				w.fault("a session of the old password goes on: %v", err)
			}
		}
		_, err := issuers[0].Refresh(context.Background(), owned)
		check(w, err)
	}
}

func check(w *world, err error) {
	if err != nil {
		w.fault("%v", err)
	}
}

// Logins at once, at instances with different clocks: three, or two and one
// that fails, or two and a refresh of the oldest session.
func TestModelMaxSessions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit int
		third string
	}{{1, failing}, {1, "refresh"}, {1, "login 3"}, {2, "login 3"}} {
		t.Run(fmt.Sprintf("limit %d, %s", c.limit, c.third), func(t *testing.T) { exploreThreeByFour(t, modelMaxSessions(c.limit, c.third)) })
	}
}

const failing = "failing login"

func modelMaxSessions(limit int, third string) func(*world) {
	return func(w *world) {
		w.model.limit = limit
		w.trackLogins()
		issuers := []*instance{w.issuer(-modelSkew / 2), w.issuer(modelSkew / 2), w.issuer(0)}
		phone := w.prepare(func() []string {
			token := w.login(issuers[0])
			w.now = w.now.Add(2 * time.Minute)
			return []string{token}
		})[0]
		w.claims = func(ctx context.Context) error {
			w.step(ctx, reads, "get the claims")
			if a, ok := ctx.Value(actorKey{}).(*actor); ok && a.name == failing {
				return errors.New("a test")
			}
			return nil
		}
		names := []string{"login 1", "login 2", third}
		succeeded := map[string]bool{}
		for n, name := range names {
			w.act(name, func(ctx context.Context) {
				if name == "refresh" {
					_, err := issuers[n].Refresh(ctx, phone)
					w.step(ctx, local, "the response arrives")
					if err != nil && !errors.Is(err, jwtauth.ErrSessionEnded) {
						w.fault("refresh: %v", err)
					}
					return
				}
				_, err := issuers[n].Login(ctx, "subject")
				w.step(ctx, local, "the response arrives")
				if (err != nil) != (name == failing) {
					w.fault("%s: %v", name, err)
				}
				succeeded[name] = err == nil
			})
		}
		w.run()
		w.checkLimit(limit, names, succeeded)
	}
}

// checkLimit checks the sessions after simultaneous logins.
func (w *world) checkLimit(limit int, names []string, succeeded map[string]bool) {
	latest, inFlight := "", 0
	for _, name := range names {
		if name != "refresh" {
			inFlight++
		}
	}
	for id, by := range w.logins.by {
		if succeeded[by] && (latest == "" || w.logins.times[id].After(w.logins.times[latest])) {
			latest = id
		}
	}
	for id, by := range w.logins.endedBy {
		switch owner := w.logins.by[id]; {
		case owner == by && succeeded[by]:
			w.fault("%s has ended its own session", by)
		case owner != by && !succeeded[by]:
			w.fault("%s has failed, and has ended a session of %q", by, owner)
		}
	}
	if _, ok := w.rows[latest]; !ok {
		w.fault("the latest login has no session")
	}
	if len(w.rows) > limit+inFlight-1 {
		w.fault("%d sessions after %d logins with a limit of %d", len(w.rows), inFlight, limit)
	}
}
