package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxLostSwaps bounds how often a refresh that lost a race decides again.
const maxLostSwaps = 3

// Refresh exchanges a refresh token for new tokens of the same session. Tokens that
// were exchanged before are answered again within IssuerOptions.ReuseWindow, and end the session after it.
//
// Errors: [ErrTokenInvalid] for what is no refresh token of this issuer; [ErrSessionEnded] where
// the session is over, wrapped around [ErrSubjectDisabled] where IssuerOptions.Claims said so;
// [ErrTokenReused]; [ErrUnavailable] where the store or IssuerOptions.Claims cannot be asked: then nothing is
// lost, and the same token can be presented again.
func (i *Issuer) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	return i.refresh(ctx, refreshToken, func(Tokens) error { return nil })
}

// refresh is Refresh for answers that cannot carry every token: where check refuses those it would answer, nothing has changed.
func (i *Issuer) refresh(ctx context.Context, refreshToken string, check func(Tokens) error) (Tokens, error) {
	arrived := i.rules.now()
	if i.store == nil {
		return Tokens{}, errNoSessions
	}
	presented, err := i.readRefresh(ctx, refreshToken)
	if err != nil {
		return Tokens{}, err
	}
	var private any
	asked := false
	issue := func(row Session) (Tokens, error) {
		tokens, err := i.sessionTokens(row, private)
		if err == nil {
			err = check(tokens)
		}
		return tokens, err
	}
	for range maxLostSwaps {
		row, err := i.load(ctx, presented)
		if err != nil {
			return Tokens{}, err
		}
		arrived = earlier(arrived, i.rules.now()) // later only where the clock was set back since, as rotations then are
		// A token that was exchanged just before its end may come back as late as any other, and after an
		// outage later. The row's own end the store has judged.
		if !arrived.Before(i.outage.countFrom(presented.expiresAt, i.rules.now()).Add(i.window + clockSkew)) {
			return Tokens{}, ErrSessionEnded
		}
		step := i.decide(row, presented.generation, arrived)
		switch {
		case step == stepReuse && asked:
			// It was in order when it arrived; others have rotated twice since. Its client may have what is newer.
			return Tokens{}, errBusySession
		case step == stepReuse:
			return Tokens{}, i.endReused(ctx, row)
		}
		if !asked {
			if private, err = i.askClaims(ctx, row.Subject); err != nil {
				return Tokens{}, i.refuseRefresh(ctx, row, err)
			}
			asked = true
		}
		switch step {
		case stepCoalesce, stepRecover:
			return i.answerAgain(ctx, presented, issue, step)
		case stepRotate, stepAdopt:
			tokens, won, err := i.rotate(ctx, row, presented, issue, step)
			if err != nil || won {
				return tokens, err
			}
		}
	}
	return Tokens{}, errBusySession
}

var errBusySession = fmt.Errorf("%w: the session is being refreshed by others", ErrUnavailable)

// decide judges a refresh token by the row of its session and what is known of the last outage.
func (i *Issuer) decide(row Session, presented int64, arrived time.Time) step {
	step := i.decision(row.Generation, i.outage.countFrom(row.RotatedAt, i.rules.now()), presented, arrived, i.window)
	// An outage makes it coalesce for longer. Not so long that the session would run out under a client which comes back,
	// late by a window, when its next access token expires; at the absolute end no rotation would help. The price, where IdleTTL
	// is little more than AccessTTL: with this rotation a tab that still holds the token before the outage is two behind, which is reuse.
	if step == stepCoalesce && row.ExpiresAt.Before(row.EndsAt) && row.ExpiresAt.Sub(arrived) < i.ttl+i.window+coalesceGrace {
		return i.decision(row.Generation, row.RotatedAt, presented, arrived, i.window)
	}
	return step
}

// answerAgain answers without a write. It loads the session once more, now that all else is done,
// so that a logout in flight wins.
func (i *Issuer) answerAgain(ctx context.Context, presented refreshClaims, issue func(Session) (Tokens, error), step step) (Tokens, error) {
	row, err := i.load(ctx, presented)
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := issue(row)
	if err == nil {
		i.tell(ctx, stepEvents[step], row)
	}
	return tokens, err
}

// rotate begins the next generation, or takes over the presented one. All that can fail is done before
// the swap, which then runs to its end whether or not the client still waits.
func (i *Issuer) rotate(ctx context.Context, row Session, presented refreshClaims, issue func(Session) (Tokens, error), step step) (Tokens, bool, error) {
	next := row
	next.Generation++
	if step == stepAdopt {
		next.Generation = presented.generation
	}
	if next.Generation > maxGeneration {
		return Tokens{}, false, errors.New("jwtauth: the session has no further generation")
	}
	next.RotatedAt = milliseconds(i.rules.now())
	next.ExpiresAt = earlier(next.RotatedAt.Add(i.idle), row.EndsAt)
	tokens, err := issue(next)
	if err != nil {
		return Tokens{}, false, err
	}
	if err := ctx.Err(); err != nil {
		return Tokens{}, false, fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	own, cancel := detached(ctx)
	defer cancel()
	called := i.rules.now()
	won, err := i.store.Swap(own, row.Generation, next, next.RotatedAt)
	if err = i.outage.judge(context.WithoutCancel(ctx), storeError(err), called, i.rules.now); err != nil || !won {
		return Tokens{}, false, err
	}
	i.tell(ctx, stepEvents[step], next)
	return tokens, true, nil
}

// endReused ends a session of which two parties hold tokens.
func (i *Issuer) endReused(ctx context.Context, row Session) error {
	if err := i.delete(ctx, row.ID); err != nil {
		return err
	}
	i.tell(ctx, EventReuse, row)
	return ErrTokenReused
}

// refuseRefresh ends the session of a subject that may no longer log in. Any other
// trouble with the subject's claims leaves it as it is.
func (i *Issuer) refuseRefresh(ctx context.Context, row Session, reason error) error {
	if !errors.Is(reason, ErrSubjectDisabled) {
		return reason
	}
	if err := i.delete(ctx, row.ID); err != nil {
		return err
	}
	i.tell(ctx, EventDenied, row)
	return fmt.Errorf("%w: %w", ErrSessionEnded, reason)
}

// load returns the session that a refresh token names.
func (i *Issuer) load(ctx context.Context, presented refreshClaims) (Session, error) {
	own, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	called := i.rules.now()
	row, err := i.store.Load(own, presented.sessionID, called)
	if err = i.outage.judge(ctx, loadError(err), called, i.rules.now); err != nil {
		return Session{}, err
	}
	if row.Subject != presented.subject {
		return Session{}, ErrSessionEnded
	}
	return row, nil
}

func (i *Issuer) delete(ctx context.Context, id string) error {
	own, cancel := detached(ctx)
	defer cancel()
	called := i.rules.now()
	return i.outage.judge(context.WithoutCancel(ctx), storeError(i.store.Delete(own, id)), called, i.rules.now)
}

// storeTimeout bounds every call of a store.
const storeTimeout = 5 * time.Second

// detached is for writes that must not stop halfway because a client hung up.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
}

// storeError takes every error of a store for an outage, one that lasts included: nothing is known of the
// outcome then, and no other answer leaves everyone logged in.
func storeError(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrSessionEnded) {
		return err
	}
	return fmt.Errorf("%w: session store: %v", ErrUnavailable, err)
}

// loadError is storeError for Load, the only method that may say that there is no session.
func loadError(err error) error {
	if errors.Is(err, ErrSessionEnded) && !errors.Is(err, ErrUnavailable) {
		return err
	}
	return storeError(err)
}

func milliseconds(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
