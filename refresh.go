package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// RefreshOption changes a session in [Issuer.Refresh].
type RefreshOption func(*refreshOptions)

type refreshOptions struct {
	changes      []func(*Session, *attributes.Attributes) error
	confirmation attributes.Confirmation
	faults       faults.Collector
}

// SetSessionData replaces the data of the session (see [SessionData]): at most
// 1 KiB of JSON.
func SetSessionData(v any) RefreshOption {
	return func(o *refreshOptions) {
		var with attributes.Attributes
		with.SetData(&o.faults, "SetSessionData", v)
		o.changes = append(o.changes, func(_ *Session, a *attributes.Attributes) error {
			a.Data = with.Data
			return nil
		})
	}
}

// Relabel replaces the label of the session (see [Label]).
func Relabel(text string) RefreshOption {
	label := attributes.CleanLabel(text)
	return func(o *refreshOptions) {
		o.changes = append(o.changes, func(s *Session, _ *attributes.Attributes) error {
			s.Label = label
			return nil
		})
	}
}

// Reauthenticated records that the subject has authenticated again, for example
// with a passkey (step-up). It replaces the time, "acr" and "amr" together.
// Refresh returns [ErrForbidden], and changes nothing, if the session belongs
// to another subject: otherwise the login of one user would raise the session
// of another. A time in the future becomes the present.
func Reauthenticated(subject string, at time.Time, acr string, amr ...string) RefreshOption {
	amr = slices.Clone(amr)
	return func(o *refreshOptions) {
		var with attributes.Attributes
		with.SetAuthentication(&o.faults, "Reauthenticated", acr, amr)
		if at.Before(time.Unix(0, 0)) {
			o.faults.Add("Reauthenticated: at", "is before 1970")
		}
		o.changes = append(o.changes, func(s *Session, a *attributes.Attributes) error {
			if s.Subject != subject {
				return errOtherSubject
			}
			s.AuthTime = milliseconds(at)
			a.ACR, a.AMR = with.ACR, with.AMR
			return nil
		})
	}
}

// ConfirmedBy says that the request proved possession of the key that the
// session is bound to (see [Confirmation]). It changes nothing. It is for
// [Issuer.Refresh] and [Issuer.Logout].
func ConfirmedBy(member, value string) RefreshOption {
	return func(o *refreshOptions) {
		o.confirmation = attributes.Confirmation{Member: member, Value: value}
	}
}

// confirms reports whether the request may use a session that is bound to a
// key, or to none.
func (o *refreshOptions) confirms(bound attributes.Confirmation) bool {
	return bound == attributes.Confirmation{} || bound == o.confirmation
}

var (
	errOtherSubject = fmt.Errorf("%w: Reauthenticated: the session belongs to another subject", ErrForbidden)
	errUnconfirmed  = fmt.Errorf("%w: the session is bound to a key, and the request did not prove possession of it (ConfirmedBy)", ErrTokenInvalid)
)

// Refresh exchanges a refresh token for new tokens of the same session.
//
// Concurrent refreshes of one token return the same refresh token. A client
// that lost the response can present the same token again within
// IssuerOptions.ReuseWindow. After that, reuse of an old token is treated as
// theft: the session ends. A client should keep a response only if it still
// holds the token that it presented: a late response would overwrite a newer
// token, and the next refresh would look like theft.
//
// Options change the session. The refresh token then stays the same, so no
// other tab is affected, and the new access token has the changed claims.
// Earlier access tokens stay valid until they expire, except behind [Live].
// Clients should run one refresh or update at a time.
//
// Refresh returns
//
//   - [ErrTokenInvalid] if the token is not a refresh token of this issuer, or
//     if the session is bound to a key (see [Confirmation]) and the option
//     [ConfirmedBy] is missing or different: the session goes on;
//   - [ErrSessionEnded] if the session has ended or the token has expired; the
//     error also matches [ErrSubjectDisabled] if the session ends because a
//     callback returns that;
//   - [ErrTokenReused] if an old token was reused, which ends the session;
//   - [ErrForbidden] if the option [Reauthenticated] names another subject;
//   - [ErrUnavailable] if the store or a callback of IssuerOptions fails, or if
//     other clients change the session several times during the call: the
//     session goes on, and the same token can be presented again;
//   - another error if an option has an invalid value, if [Issuer.Sign] refuses
//     the private claims, if the key fails to sign, or if
//     IssuerOptions.Sessions is not set. The error then names that field.
func (i *Issuer) Refresh(ctx context.Context, refreshToken string, opts ...RefreshOption) (Tokens, error) {
	tokens, _, err := i.refresh(ctx, refreshToken, func(Tokens, Session) error { return nil }, opts...)
	return tokens, err
}

// refresh is Refresh for callers that cannot use all tokens, such as cookies
// with their limited size. It calls check with the tokens that it is about to
// return and the session that they belong to. If check fails, so does refresh,
// and the session is unchanged.
func (i *Issuer) refresh(ctx context.Context, refreshToken string, check func(Tokens, Session) error, opts ...RefreshOption) (Tokens, Session, error) {
	x := exchange{Issuer: i, arrived: i.rules.now(), check: check}
	if i.store == nil {
		return Tokens{}, Session{}, errNoSessions
	}
	for _, opt := range opts {
		opt(&x.options)
	}
	if err := x.options.faults.Err(); err != nil {
		return Tokens{}, Session{}, err
	}
	var err error
	if x.presented, err = i.readRefresh(ctx, refreshToken); err != nil {
		return Tokens{}, Session{}, err
	}
	for range maxAttempts {
		tokens, row, err := x.try(ctx)
		if !errors.Is(err, errLostSwap) {
			return tokens, row, err
		}
	}
	return Tokens{}, Session{}, errBusySession
}

const (
	// maxLostSwaps is how many races against rotations a refresh loses before
	// it gives up.
	maxLostSwaps = 3
	// maxAttempts also counts races against updates, which do not make the
	// presented token old.
	maxAttempts = 16
)

var (
	errLostSwap    = errors.New("jwtauth: the session was changed by another refresh")
	errBusySession = fmt.Errorf("%w: the session is being refreshed by other clients", ErrUnavailable)
)

// exchange is one call of refresh.
type exchange struct {
	*Issuer
	presented refreshClaims
	arrived   time.Time
	check     func(Tokens, Session) error
	options   refreshOptions

	private    any     // claims
	privateFor Session // the session that they are for, if hasPrivate
	hasPrivate bool

	lost           int   // swaps, to rotations
	lostGeneration int64 // of the row whose swap was lost last; 0 for none
}

// try refreshes the session as it is now, or returns errLostSwap.
func (x *exchange) try(ctx context.Context) (Tokens, Session, error) {
	row, err := x.sessions.load(ctx, x.presented.sessionID, x.presented.subject)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	if x.lostGeneration != 0 && row.Generation != x.lostGeneration {
		if x.lost++; x.lost == maxLostSwaps {
			return Tokens{}, Session{}, errBusySession
		}
	}
	step := x.decide(row)
	switch {
	case step == rotation.Expired:
		return Tokens{}, Session{}, ErrSessionEnded
	case !x.options.confirms(row.attributes().Confirmation):
		// This comes before the reuse of a token, which ends the session: a
		// thief without the key must not end it.
		return Tokens{}, Session{}, errUnconfirmed
	case step == rotation.Reuse && x.hasPrivate:
		// The token was good when it arrived, but other clients have rotated
		// twice since. This client may hold a newer token.
		return Tokens{}, Session{}, errBusySession
	case step == rotation.Reuse:
		return Tokens{}, Session{}, x.endReused(ctx, row)
	}
	if err := x.checkCredential(ctx, row, ErrSessionEnded); err != nil {
		return Tokens{}, Session{}, x.endDenied(ctx, row, err)
	}
	switch repeats := step == rotation.Repeat || step == rotation.Retry; {
	case len(x.options.changes) == 0 && repeats:
		return x.reissue(ctx, row, step)
	case len(x.options.changes) > 0 && step != rotation.Adopt:
		return x.update(ctx, row)
	default:
		return x.rotate(ctx, row, step)
	}
}

// decide returns the step for the presented token and the stored session.
func (x *exchange) decide(row Session) rotation.Step {
	now := x.rules.now()
	// If the clock was set back since the request arrived, it gave the
	// rotations since then earlier times as well.
	x.arrived = earlier(x.arrived, now)
	rules := rotation.Rules{Window: x.window, AccessTTL: x.ttl}
	return rules.Decide(
		rotation.Row{Generation: row.Generation, RotatedAt: row.RotatedAt, ExpiresAt: row.ExpiresAt, EndsAt: row.EndsAt},
		rotation.Token{Generation: x.presented.generation, ExpiresAt: x.presented.expiresAt, ArrivedAt: x.arrived},
		x.sessions.lastOutage(), now)
}

// callClaims calls IssuerOptions.Claims, unless that was called for the same
// revision of the session: the claims may depend on it.
func (x *exchange) callClaims(ctx context.Context, row Session) error {
	// Claims of a rotation come before the time of the rotation is known.
	row.RotatedAt, row.ExpiresAt = time.Time{}, time.Time{}
	if x.hasPrivate && x.privateFor.equal(row) {
		return nil
	}
	private, err := x.privateClaims(ctx, row)
	if err != nil {
		return x.endDenied(ctx, row, err)
	}
	x.private, x.privateFor, x.hasPrivate = private, row, true
	return nil
}

// issue returns the tokens of a session, if check accepts them.
func (x *exchange) issue(ctx context.Context, row Session) (Tokens, error) {
	if err := x.callClaims(ctx, row); err != nil {
		return Tokens{}, err
	}
	tokens, err := x.sessionTokens(row, x.private)
	if err != nil {
		return Tokens{}, err
	}
	if err := x.check(tokens, row); err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

// reissue returns tokens without a write. It loads the session again, after
// everything else, so that a concurrent logout wins.
func (x *exchange) reissue(ctx context.Context, row Session, step rotation.Step) (Tokens, Session, error) {
	for range maxAttempts {
		tokens, err := x.issue(ctx, row)
		if err != nil {
			return Tokens{}, Session{}, err
		}
		again, err := x.sessions.load(ctx, x.presented.sessionID, x.presented.subject)
		if err != nil {
			return Tokens{}, Session{}, err
		}
		switch {
		case again.equal(row):
			x.emitRefresh(ctx, refreshReasons[step], row)
			return tokens, row, nil
		case again.Generation < x.presented.generation:
			// The store has lost it in a failover. The next attempt adopts it.
			return Tokens{}, Session{}, errLostSwap
		}
		row = again
	}
	return Tokens{}, Session{}, errBusySession
}

// update changes the session in place, as the options say. It leaves the
// generation, the time of the rotation and the expiry alone.
func (x *exchange) update(ctx context.Context, row Session) (Tokens, Session, error) {
	next := row
	next.Revision++
	if err := x.change(&next); err != nil {
		return Tokens{}, Session{}, err
	}
	return x.swapFor(ctx, row, next, ReasonUpdated)
}

// change applies the options to a session.
func (x *exchange) change(s *Session) error {
	a, err := attributes.Decode(s.Attributes)
	if err != nil {
		return fmt.Errorf("jwtauth: Refresh: %w", err)
	}
	for _, change := range x.options.changes {
		if err := change(s, &a); err != nil {
			return err
		}
	}
	s.AuthTime = earlier(s.AuthTime, milliseconds(x.rules.now()))
	a.Updates++
	if s.Attributes, err = a.Encode(); err != nil {
		return fmt.Errorf("jwtauth: Refresh: %w", err)
	}
	return nil
}

// rotate begins the next generation, or adopts the presented one.
func (x *exchange) rotate(ctx context.Context, row Session, step rotation.Step) (Tokens, Session, error) {
	next := row
	next.Revision++
	next.Generation++
	if step == rotation.Adopt {
		next.Generation = x.presented.generation
		if len(x.options.changes) > 0 {
			if err := x.change(&next); err != nil {
				return Tokens{}, Session{}, err
			}
		}
	}
	if next.Generation > maxGeneration {
		return Tokens{}, Session{}, errors.New("jwtauth: the session has reached its last generation")
	}
	// Claims may take long. The window of the rotation begins after it.
	if err := x.callClaims(ctx, next); err != nil {
		return Tokens{}, Session{}, err
	}
	next.RotatedAt = milliseconds(x.rules.now())
	next.ExpiresAt = earlier(next.RotatedAt.Add(x.idle), row.EndsAt)
	return x.swapFor(ctx, row, next, refreshReasons[step])
}

// swapFor replaces row by next and returns the tokens of next. Everything that
// can fail comes before the swap, which then completes even if the client hangs
// up.
func (x *exchange) swapFor(ctx context.Context, row, next Session, reason EventReason) (Tokens, Session, error) {
	tokens, err := x.issue(ctx, next)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	if err := ctx.Err(); err != nil {
		return Tokens{}, Session{}, fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	switch won, err := x.sessions.swap(ctx, row, next); {
	case err != nil:
		return Tokens{}, Session{}, err
	case !won:
		x.lostGeneration = row.Generation
		return Tokens{}, Session{}, errLostSwap
	}
	x.emitRefresh(ctx, reason, next)
	return tokens, next, nil
}

func (x *exchange) emitRefresh(ctx context.Context, reason EventReason, row Session) {
	x.emit(ctx, Event{Kind: EventRefresh, Reason: reason, Subject: row.Subject, SessionID: row.ID})
}

// endReused ends a session of which two parties hold tokens.
func (x *exchange) endReused(ctx context.Context, row Session) error {
	reason := ReasonStolen
	if x.presented.generation == row.Generation-1 {
		reason = ReasonLateRetry
	}
	if err := x.end(ctx, Event{Kind: EventReuse, Reason: reason, Subject: row.Subject, SessionID: row.ID}); err != nil {
		return err
	}
	return ErrTokenReused
}

// endDenied ends the session if its subject is disabled or its credential was
// changed. After any other error of a callback the session goes on.
func (x *exchange) endDenied(ctx context.Context, row Session, err error) error {
	reason := denialReason(err)
	if reason == "" {
		return err
	}
	if err := x.end(ctx, Event{Kind: EventDenied, Reason: reason, Subject: row.Subject, SessionID: row.ID}); err != nil {
		return err
	}
	if errors.Is(err, ErrSessionEnded) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrSessionEnded, faults.Detail(err))
}
