package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/sessioncache"
)

// Live returns a verifier that also checks that the session of each token is
// active and was not updated since ([Issuer.Refresh] with options). So a logout
// takes effect at once instead of when the access token expires. v verifies the
// tokens, and store is the store of their [Issuer]. Tokens without a session,
// such as those of [Issuer.Sign], are refused.
//
// With a maxDelay of 0, every request calls the store. With a positive
// maxDelay, Live remembers for this time that a session is active: a session
// that another process ends or updates can be used for up to maxDelay longer,
// also while the store is down. A session that this process ends or updates is
// forgotten at once. Live remembers at most 65,536 sessions, which takes about
// 35 MB, and calls the store more often if there are more. It does not remember
// that a session has ended, or that the store failed.
//
// Live uses the clock of v if that is an [Issuer] or [Verifier], and otherwise
// [time.Now]. The verifier is safe for concurrent use.
//
// Its errors are those of v, including that of Check, which is called before
// the store. A session that has ended is [ErrSessionEnded], which then matches
// [ErrTokenInvalid] as well. A token from before the last update is
// ErrTokenInvalid: the client refreshes it. If the store fails or does not
// respond within 5 seconds, the error is [ErrUnavailable].
//
// Live panics if v or store is nil, or if maxDelay is negative.
func Live(v TokenVerifier, store SessionStore, maxDelay time.Duration) TokenVerifier {
	switch {
	case isNilVerifier(v):
		panic("jwtauth: Live: v is nil, or was not made by its constructor")
	case faults.IsNil(store):
		panic("jwtauth: Live: store is nil")
	case maxDelay < 0:
		panic(fmt.Sprintf("jwtauth: Live: maxDelay: %v is negative", maxDelay))
	}
	l := &liveVerifier{verifier: v, sessions: clientFor(v, store)}
	if maxDelay > 0 {
		l.active = sessioncache.New(maxDelay)
		liveCaches.Add(l.active)
	}
	return l
}

// liveCaches are the caches of all Live verifiers of the process. A storeClient
// tells them which sessions it has changed.
var liveCaches sessioncache.Registry

type liveVerifier struct {
	verifier TokenVerifier
	sessions *storeClient
	active   *sessioncache.Cache // nil if every request calls the store
}

// clientFor returns the client of the Issuer v, so that both notice the same
// outages, or a new client.
func clientFor(v TokenVerifier, store SessionStore) *storeClient {
	now := time.Now
	switch v := v.(type) {
	case *Issuer:
		if sameStore(v.store, store) {
			return &v.sessions
		}
		now = v.rules.now
	case *Verifier:
		now = v.rules.now
	}
	return &storeClient{store: store, now: now}
}

func sameStore(a, b SessionStore) bool {
	return a != nil && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

func (l *liveVerifier) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	claims, err := l.verifier.VerifyToken(ctx, token)
	switch {
	case err != nil:
		return nil, err
	case claims == nil:
		return nil, errNilClaims
	case claims.SessionID == "":
		return nil, errNoSession
	}
	updates, err := l.updates(ctx, claims)
	switch {
	case errors.Is(err, ErrSessionEnded):
		return nil, errSessionOver
	case err != nil:
		return nil, err
	case claims.updates() < updates:
		return nil, errSessionUpdated
	}
	return claims, nil
}

var (
	errSessionOver    = fmt.Errorf("%w: %w", ErrTokenInvalid, faults.Detail(ErrSessionEnded))
	errNoSession      = fmt.Errorf("%w: the token has no session", errSessionOver)
	errSessionUpdated = fmt.Errorf("%w: its session was updated after it was issued; refresh it", ErrTokenInvalid)
	errNilClaims      = fmt.Errorf("%w: Live: the verifier returned nil claims", ErrUnavailable)
)

// updates returns how often the session of the claims has been updated.
func (l *liveVerifier) updates(ctx context.Context, claims *Claims) (int64, error) {
	if l.active == nil {
		_, updates, err := l.load(ctx, claims)
		return updates, err
	}
	called := sessioncache.At(l.sessions.now())
	known, epoch, ok := l.active.Get(claims.Subject, claims.SessionID, called)
	// A different count means that the token or the result is older. Only the
	// store knows: a failover can also lower its count.
	if ok && known.Updates == claims.updates() {
		return known.Updates, nil
	}
	row, updates, err := l.load(ctx, claims)
	if err != nil {
		if errors.Is(err, ErrSessionEnded) {
			// An earlier result may still be young enough for other tokens of
			// the session, or once the clock has moved again.
			liveCaches.Changed(claims.Subject, claims.SessionID)
		}
		return 0, err
	}
	result := sessioncache.Result{Updates: updates, ExpiresAt: row.ExpiresAt, Called: called}
	l.active.Put(claims.Subject, claims.SessionID, result, epoch)
	return updates, nil
}

// load calls the store for the session of the claims.
func (l *liveVerifier) load(ctx context.Context, claims *Claims) (row Session, updates int64, err error) {
	if row, err = l.sessions.load(ctx, claims.SessionID, claims.Subject); err != nil {
		return Session{}, 0, err
	}
	a, err := attributes.Decode(row.Attributes)
	if err != nil {
		return Session{}, 0, fmt.Errorf("%w: Live: %v", ErrUnavailable, faults.Detail(err))
	}
	return row, a.Updates, nil
}
