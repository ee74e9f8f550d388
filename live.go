package jwtauth

import (
	"context"
	"errors"
	"fmt"
)

// Live returns a verifier that also checks, for every token, that its session
// is still active. So a logout takes effect at once, for the price of one Load
// per request. Tokens without a session, such as those of [Issuer.Sign], are
// refused. The verifier is safe for concurrent use.
//
// Its errors are those of [Verifier.VerifyToken], and for a session that has
// ended one that matches both [ErrSessionEnded] and [ErrTokenInvalid]. It
// returns [ErrUnavailable] if the store fails.
//
// Live panics if IssuerOptions.Sessions is not set.
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
	if err := l.sessions.checkActive(ctx, claims); err != nil {
		return nil, err
	}
	return claims, nil
}

var (
	errSessionOver = fmt.Errorf("%w: %w", ErrTokenInvalid, ErrSessionEnded)
	errNoSession   = fmt.Errorf("%w: the token has no session", errSessionOver)
)

// checkActive returns an error unless the session of verified claims is active.
func (c *storeClient) checkActive(ctx context.Context, claims *Claims) error {
	if claims.SessionID == "" {
		return errNoSession
	}
	_, err := c.load(ctx, claims.SessionID, claims.Subject)
	if errors.Is(err, ErrSessionEnded) {
		return errSessionOver
	}
	return err
}
