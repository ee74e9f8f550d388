package jwtauth_test

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// request is a call of Refresh.
type request struct {
	presented int64
	arrived   time.Time
	decided   bool   // on a row of the store, since the last swap
	label     string // of an update; "" for a refresh
}

type requestKey struct{}

// refresh calls Refresh and checks the rules that hold for every response. The
// error is errCrashed if the instance does not respond.
func (w *world) refresh(ctx context.Context, issuer *instance, token string) (next string, err error) {
	return w.send(ctx, issuer, token, "")
}

// send is refresh, or an update if label is not empty.
func (w *world) send(ctx context.Context, issuer *instance, token, label string) (next string, err error) {
	r := &request{presented: w.issued[token], arrived: w.now, label: label}
	var opts []jwtauth.RefreshOption
	if label != "" {
		opts = append(opts, jwtauth.Relabel(label))
	}
	if key, ok := ctx.Value(possessionKey{}).(string); ok {
		opts = append(opts, jwtauth.ConfirmedBy("jkt", key))
	}
	current, ended := w.generation(), len(w.ended) > 0
	observeText(ctx, token)
	observe(ctx, uint64(current), uint64(len(w.ended)))
	a, isActor := ctx.Value(actorKey{}).(*actor)
	if isActor {
		a.crashed = false
	}
	defer func() {
		switch r := recover(); {
		case r == errCrashed:
			next, err = "", errCrashed
		case r != nil:
			panic(r)
		}
		if isActor && !w.abandoned {
			w.note(a, "presented %d, response: %v", r.presented, err)
		}
	}()
	used := issuer.Issuer
	if w.model.removed.forgets {
		used = w.model.newIssuer(issuer.skew)
	}
	tokens, err := used.Refresh(context.WithValue(ctx, requestKey{}, r), token, opts...)
	if err != nil {
		return "", err
	}
	w.checkResponse(r, tokens, current, ended)
	w.updates.checkResponse(w, r, tokens)
	if isActor {
		w.mayCrash(a, "the response")
	}
	return tokens.RefreshToken, nil
}

// checkResponse checks tokens that were issued for a request. When the request
// arrived, current was the generation of the session, which may have ended.
func (w *world) checkResponse(r *request, tokens jwtauth.Tokens, current int64, ended bool) {
	arrived := r.arrived
	if w.now.Before(arrived) { // the clock was set back
		arrived = w.now
	}
	var row jwtauth.Session
	for _, row = range w.rows {
	}
	generation, known := w.issued[tokens.RefreshToken]
	if !known {
		generation = generationOf(tokens.RefreshToken)
		for _, other := range w.issued {
			if other == generation && !w.failedOver { // an adopted generation expires at another time
				w.fault("generation %d has two tokens", generation)
			}
		}
		w.issued[tokens.RefreshToken] = generation
	}
	rotated, isRotated := w.rotated[generation]
	switch {
	case ended:
		w.fault("tokens are issued for a session that has ended")
	case r.presented < current-1 && !w.failedOver:
		w.fault("generation %d was accepted when %d was current", r.presented, current)
	case isRotated && r.presented < generation && rotated.Before(arrived) && !w.wasDown && !w.failedOver &&
		!arrived.Before(rotated.Add(modelWindow+2*modelSkew)):
		w.fault("the window slid: generation %d was accepted %v after %d had begun", r.presented, arrived.Sub(rotated), generation)
	case len(w.rows) == 1 && !arrived.Before(row.EndsAt.Add(modelSkew)):
		w.fault("a session lives on after its end")
	case len(w.rows) == 1 && arrived.Add(-modelSkew).Add(time.Duration(tokens.ExpiresIn)*time.Second).After(row.EndsAt):
		w.fault("an access token lives %ds, longer than its session", tokens.ExpiresIn)
	}
}

// generationOf returns the generation of a refresh token. It is faster than
// refreshPayload.
func generationOf(token string) int64 {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		panic(err)
	}
	_, after, _ := strings.Cut(string(payload), `"gen":`)
	number, _, _ := strings.Cut(after, ",")
	generation, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		panic(err)
	}
	return generation
}
