package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Live returns a verifier that, beyond what [Issuer.VerifyToken] does, asks the store at every
// token whether its session still stands, so that a logout takes effect at once. A
// token without a session, as [Issuer.Sign] makes it, is refused.
//
// Errors are those of [Verifier.VerifyToken]; a token whose session is over is [ErrSessionEnded] and [ErrTokenInvalid];
// [ErrUnavailable] where the store cannot be asked. Live panics where IssuerOptions.Sessions is not set.
func (i *Issuer) Live() TokenVerifier {
	if i.store == nil {
		panic("jwtauth: Live: IssuerOptions.Sessions is not set")
	}
	return (*liveVerifier)(i)
}

type liveVerifier Issuer

func (l *liveVerifier) VerifyToken(ctx context.Context, token string) (*Claims, error) {
	claims, err := l.verifier.VerifyToken(ctx, token)
	if err != nil {
		return nil, err
	}
	now := l.rules.now()
	err = checkSession(ctx, l.store, claims, now)
	if claims.SessionID != "" { // else the store was not asked
		err = l.outage.judge(ctx, err, now, l.rules.now)
	}
	if err != nil {
		return nil, err
	}
	return claims, nil
}

var (
	errSessionOver = fmt.Errorf("%w: %w", ErrTokenInvalid, ErrSessionEnded)
	errNoSession   = fmt.Errorf("%w: the token never had one", errSessionOver)
)

// checkSession asks whether the session of verified claims still stands.
func checkSession(ctx context.Context, store SessionStore, claims *Claims, now time.Time) error {
	if claims.SessionID == "" {
		return errNoSession
	}
	own, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	row, err := store.Load(own, claims.SessionID, now)
	switch err = loadError(err); {
	case errors.Is(err, ErrSessionEnded), err == nil && row.Subject != claims.Subject:
		return errSessionOver
	default:
		return err
	}
}
