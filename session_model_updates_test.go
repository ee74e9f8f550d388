package jwtauth_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// updates are the changes of the session in place. Each one sets a label of its
// own.
type updates struct {
	done   map[string]bool  // labels that were stored; nil if the scenario has no updates
	last   string           // label
	stored int64            // how many were stored
	labels map[int64]string // by the count of updates
	faults []string
}

func (w *world) trackUpdates() {
	w.claims = func(context.Context) error { return nil }
	w.updates = updates{done: map[string]bool{}, labels: map[int64]string{0: ""}}
}

// swapped checks a swap that was carried out.
func (u *updates) swapped(ctx context.Context, row, next jwtauth.Session) {
	r, ok := ctx.Value(requestKey{}).(*request)
	if u.done == nil || !ok {
		return
	}
	if r.label != "" && next.Label == r.label {
		u.done[r.label], u.last = true, r.label
		u.stored++
		u.labels[updateCount(next)] = next.Label
	}
	if next.Generation == row.Generation && (next.RotatedAt != row.RotatedAt || next.ExpiresAt != row.ExpiresAt) {
		u.faults = append(u.faults, "an update moves the window or the expiry")
	}
}

// claims returns the private claims for a session.
func (u *updates) claims(s jwtauth.Session) any {
	if u.done == nil {
		return nil
	}
	return map[string]string{"label": s.Label}
}

// checkResponse checks the access token: its private claims and its count of
// updates belong to the same state of the session.
func (u *updates) checkResponse(w *world, r *request, tokens jwtauth.Tokens) {
	if u.done == nil {
		return
	}
	var claims struct {
		Label string
		Upd   int64
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(tokens.AccessToken, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		panic("the access token is malformed")
	}
	switch want, known := u.labels[claims.Upd]; {
	case !known || claims.Label != want:
		w.fault("a token mixes two states of the session: label %q after %d updates", claims.Label, claims.Upd)
	case r.label != "" && claims.Label != r.label:
		w.fault("an update returns the label %q, want %q", claims.Label, r.label)
	case r.label != "" && !u.done[r.label]:
		w.fault("an update is reported that was not stored")
	case r.label != "" && generationOf(tokens.RefreshToken) > w.generation():
		w.fault("an update returns a token that is newer than the session")
	}
}

// checkEnd checks that no update is lost.
func (u *updates) checkEnd(w *world) {
	w.faults = append(w.faults, u.faults...)
	for _, row := range w.rows {
		if u.done != nil && (row.Label != u.last || updateCount(row) != u.stored) {
			w.fault("an update is lost: label %q after %d updates, want %q after %d", row.Label, updateCount(row), u.last, u.stored)
		}
	}
}

// updateCount returns the count of updates in the attributes of a session.
func updateCount(s jwtauth.Session) int64 {
	var attributes struct{ Upd int64 }
	if s.Attributes != "" && json.Unmarshal([]byte(s.Attributes), &attributes) != nil {
		panic("the attributes are malformed")
	}
	return attributes.Upd
}

// One actor updates the session. The two others refresh, update, log out, log
// out everywhere, or steal: three actors with four steps each.
func TestModelUpdates(t *testing.T) {
	exploreThreeByFour(t, modelUpdates(update))
}

const update, refresh, retry, theft, logout, logoutAll = 0, 1, 2, 3, 4, 5

// modelUpdates is a scenario with an update and two requests of the kinds from
// the given one on.
func modelUpdates(from int) func(*world) { return func(w *world) { w.updateBeside(from) } }

func (w *world) updateBeside(from int) {
	w.trackUpdates()
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
		w.now = w.now.Add(modelWindow - modelSkew)
		return tokens
	})
	older, previous, current := tokens[0], tokens[1], tokens[2]

	kind, honest, retries := update, true, false
	for n, name := range []string{"first", "second", "third"} {
		if n > 0 { // their order makes no difference
			kind = max(kind, from)
			kind += w.schedule.choose(logoutAll + 1 - kind)
		}
		issuer := issuers[n%2]
		send := func(token, label string) {
			w.act(name, func(ctx context.Context) {
				_, err := w.send(ctx, issuer, token, label)
				if retries {
					w.step(ctx, local, "the response arrives")
				}
				if honest && err != nil {
					w.fault("%s: %v", name, err)
				}
				if token == older && !errors.Is(err, jwtauth.ErrTokenReused) && !errors.Is(err, jwtauth.ErrSessionEnded) {
					w.fault("the thief: %v", err)
				}
			})
		}
		honest, retries = honest && kind < theft, kind == retry
		switch kind {
		case update:
			send(current, name)
		case refresh:
			send(current, "")
		case retry:
			send(previous, "")
		case theft:
			send(older, name)
		case logout:
			w.act(name+", who logs out", func(ctx context.Context) {
				if err := issuer.Logout(ctx, current); err != nil {
					w.fault("logout: %v", err)
				}
			})
		case logoutAll:
			w.act(name+", who logs out everywhere", func(ctx context.Context) {
				if err := issuer.LogoutAll(ctx, "subject"); err != nil {
					w.fault("LogoutAll: %v", err)
				}
			})
		}
	}
	w.run()
	w.updates.checkEnd(w)
	if honest == (len(w.rows) == 0) {
		w.fault("honest: %v, and %d sessions are left", honest, len(w.rows))
	}
}

// The client of the database repeats a command that was carried out, while
// another actor sets the label back to the earlier one.
func TestModelRepeatedCommand(t *testing.T) { exploreThreeByFour(t, modelRepeatedCommand) }

func modelRepeatedCommand(w *world) {
	w.trackUpdates()
	w.shared = leaveNothing
	issuer := w.issuer(0)
	token := w.prepare(func() []string {
		token := w.login(issuer)
		if _, err := w.send(context.Background(), issuer, token, "before"); err != nil {
			w.fault("%v", err)
		}
		return []string{token}
	})[0]
	w.updates.last, w.updates.labels[1], w.updates.stored = "before", "before", 1
	w.repeats = 1
	for _, label := range []string{"after", "before"} {
		w.act("sets "+label, func(ctx context.Context) {
			if _, err := w.send(ctx, issuer, token, label); err != nil {
				w.fault("set %s: %v", label, err)
			}
		})
	}
	w.act("tab", func(ctx context.Context) {
		if _, err := w.refresh(ctx, issuer, token); err != nil {
			w.fault("tab: %v", err)
		}
	})
	w.run()
	w.updates.checkEnd(w)
}

// The store fails over to a replica without the last rotation and update. A
// later update is kept, together with the generation that its token proves.
func TestModelUpdateFailover(t *testing.T) { exploreThreeByFour(t, modelUpdateFailover) }

func modelUpdateFailover(w *world) {
	w.trackUpdates()
	w.shared = leaveNothing
	w.claimsTakeTime(local)
	issuers := w.twoIssuers()
	tokens := w.prepare(func() []string {
		old := w.login(issuers[0])
		w.incidents = []incident{w.failover()}
		current, _ := w.refresh(context.Background(), issuers[0], old)
		return []string{old, current}
	})
	lose := w.incidents[0].happen
	w.incidents[0].happen = func(w *world) {
		lose(w)
		w.updates.last, w.updates.stored = "", 0
	}
	for n, label := range []string{"first", "second", ""} {
		name := cmp.Or(label, "tab")
		w.act(name, func(ctx context.Context) {
			_, err := w.send(ctx, issuers[n%2], tokens[1], label)
			w.step(ctx, local, "the response arrives")
			if err != nil {
				w.fault("%s: %v", name, err)
			}
		})
	}
	w.run()
	w.updates.checkEnd(w)
	w.now = w.now.Add(10 * time.Minute)
	if _, err := w.refresh(context.Background(), issuers[1], tokens[1]); err != nil {
		w.fault("afterwards: %v", err)
	}
	w.updates.checkEnd(w)
}

// An update is stored, and the store goes down before it responds. The clients
// try again when it is back, and the session goes on with the update.
func TestModelUpdateOutage(t *testing.T) { exploreThreeByFour(t, modelUpdateOutage) }

func modelUpdateOutage(w *world) {
	w.trackUpdates()
	w.shared = leaveNothing
	w.claimsTakeTime(reads)
	issuers := w.twoIssuers()
	token := w.prepare(func() []string { return []string{w.login(issuers[0])} })[0]
	w.outages = 1
	labels := []string{"first", "second", ""}
	for n, label := range labels {
		w.act("client "+label, func(ctx context.Context) {
			_, err := w.send(ctx, issuers[n%2], token, label)
			w.step(ctx, local, "the response arrives")
			w.mustGoOn("client "+label, err)
		})
	}
	w.run()
	if !w.down {
		w.updates.checkEnd(w)
		return
	}
	for range 2 {
		for _, issuer := range issuers { // each notices the outage
			if _, err := w.refresh(context.Background(), issuer, token); !errors.Is(err, jwtauth.ErrUnavailable) {
				w.fault("the store is down: %v", err)
			}
		}
		w.now = w.now.Add(10 * modelWindow)
	}
	w.down = false
	for n, label := range labels {
		if _, err := w.send(context.Background(), issuers[n%2], token, label); err != nil {
			w.fault("client %s, when the store is back: %v", label, err)
		}
	}
	w.updates.checkEnd(w)
}
