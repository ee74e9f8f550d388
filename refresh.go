package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// Refresh exchanges a refresh token for new tokens of the same session.
//
// Concurrent refreshes of one token return the same refresh token. A client
// that lost the response can present the same token again within
// IssuerOptions.ReuseWindow. After that, reuse of an old token is treated as
// theft: the session ends.
//
// Refresh returns
//
//   - [ErrTokenInvalid] if the token is not a refresh token of this issuer;
//   - [ErrSessionEnded] if the session has ended or the token has expired; the
//     error also matches [ErrSubjectDisabled] if the session ends because
//     IssuerOptions.Claims returns that;
//   - [ErrTokenReused] if an old token was reused, which ends the session;
//   - [ErrUnavailable] if the store or IssuerOptions.Claims fails, or if other
//     clients refresh the session at the same moment: the session goes on, and
//     the same token can be presented again;
//   - another error if [Issuer.Sign] refuses the private claims, if the key
//     fails to sign, or if IssuerOptions.Sessions is not set. The error then
//     names that field.
func (i *Issuer) Refresh(ctx context.Context, refreshToken string) (Tokens, error) {
	tokens, _, err := i.refresh(ctx, refreshToken, func(Tokens, Session) error { return nil })
	return tokens, err
}

// refresh is Refresh for callers that cannot use all tokens, such as cookies
// with their limited size. It calls check with the tokens that it is about to
// return and the session that they belong to. If check fails, so does refresh,
// and the session is unchanged.
func (i *Issuer) refresh(ctx context.Context, refreshToken string, check func(Tokens, Session) error) (Tokens, Session, error) {
	x := exchange{Issuer: i, arrived: i.rules.now(), check: check}
	if i.store == nil {
		return Tokens{}, Session{}, errNoSessions
	}
	var err error
	if x.presented, err = i.readRefresh(ctx, refreshToken); err != nil {
		return Tokens{}, Session{}, err
	}
	for range maxLostSwaps {
		tokens, row, err := x.try(ctx)
		if !errors.Is(err, errLostSwap) {
			return tokens, row, err
		}
	}
	return Tokens{}, Session{}, errBusySession
}

// maxLostSwaps limits the attempts of a refresh that loses races.
const maxLostSwaps = 3

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

	private    any // claims
	hasPrivate bool
}

// try refreshes the session as it is now. It returns errLostSwap if the session
// changes meanwhile.
func (x *exchange) try(ctx context.Context) (Tokens, Session, error) {
	row, err := x.sessions.load(ctx, x.presented.sessionID, x.presented.subject)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	step := x.decide(row)
	switch {
	case step == rotation.Expired:
		return Tokens{}, Session{}, ErrSessionEnded
	case step == rotation.Reuse && x.hasPrivate:
		// The token was good when it arrived, but other clients have rotated
		// twice since. This client may hold a newer token.
		return Tokens{}, Session{}, errBusySession
	case step == rotation.Reuse:
		return Tokens{}, Session{}, x.endReused(ctx, row)
	}
	if !x.hasPrivate {
		if x.private, err = x.privateClaims(ctx, row.Subject); err != nil {
			return Tokens{}, Session{}, x.endDisabled(ctx, row, err)
		}
		x.hasPrivate = true
	}
	if step == rotation.Repeat || step == rotation.Retry {
		return x.reissue(ctx, step)
	}
	return x.rotate(ctx, row, step)
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

// issue returns the tokens of a session, if check accepts them.
func (x *exchange) issue(row Session) (Tokens, error) {
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
func (x *exchange) reissue(ctx context.Context, step rotation.Step) (Tokens, Session, error) {
	row, err := x.sessions.load(ctx, x.presented.sessionID, x.presented.subject)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	tokens, err := x.issue(row)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	x.emitRefresh(ctx, step, row)
	return tokens, row, nil
}

// rotate begins the next generation, or adopts the presented one. Everything
// that can fail comes before the swap, which then completes even if the client
// hangs up.
func (x *exchange) rotate(ctx context.Context, row Session, step rotation.Step) (Tokens, Session, error) {
	next := row
	next.Revision++
	next.Generation++
	if step == rotation.Adopt {
		next.Generation = x.presented.generation
	}
	if next.Generation > maxGeneration {
		return Tokens{}, Session{}, errors.New("jwtauth: the session has reached its last generation")
	}
	next.RotatedAt = milliseconds(x.rules.now())
	next.ExpiresAt = earlier(next.RotatedAt.Add(x.idle), row.EndsAt)
	tokens, err := x.issue(next)
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
		return Tokens{}, Session{}, errLostSwap
	}
	x.emitRefresh(ctx, step, next)
	return tokens, next, nil
}

func (x *exchange) emitRefresh(ctx context.Context, step rotation.Step, row Session) {
	x.emit(ctx, Event{Kind: EventRefresh, Reason: refreshReasons[step], Subject: row.Subject, SessionID: row.ID})
}

// endReused ends a session of which two parties hold tokens.
func (x *exchange) endReused(ctx context.Context, row Session) error {
	if err := x.sessions.delete(ctx, row.ID); err != nil {
		return err
	}
	x.emit(ctx, Event{Kind: EventReuse, Subject: row.Subject, SessionID: row.ID})
	return ErrTokenReused
}

// endDisabled ends the session if its subject is disabled. After any other
// error of IssuerOptions.Claims the session goes on.
func (x *exchange) endDisabled(ctx context.Context, row Session, reason error) error {
	if !errors.Is(reason, ErrSubjectDisabled) {
		return reason
	}
	if err := x.sessions.delete(ctx, row.ID); err != nil {
		return err
	}
	x.emit(ctx, Event{Kind: EventDenied, Subject: row.Subject, SessionID: row.ID})
	return fmt.Errorf("%w: %w", ErrSessionEnded, reason)
}

// refreshType is the "typ" of refresh tokens. By default no verifier of access
// tokens accepts it.
const refreshType = "rt+jwt"

// refreshClaims are the claims of a refresh token. All of them are in the
// session's row, so a generation has exactly one token. The row alone does not
// give the token.
type refreshClaims struct {
	sessionID  string
	subject    string
	generation int64
	expiresAt  time.Time
}

// mintRefresh returns the refresh token of the session's generation.
func (keys *issuerKeys) mintRefresh(s Session) (string, error) {
	payload := appendString([]byte(`{"sid":`), s.ID)
	payload = append(payload, `,"gen":`...)
	payload = strconv.AppendInt(payload, s.Generation, 10)
	payload = append(payload, `,"sub":`...)
	payload = appendString(payload, s.Subject)
	payload = append(payload, `,"exp":`...)
	payload = strconv.AppendInt(payload, refreshExpiry(s).Unix(), 10)
	payload = append(payload, '}')
	signing := keys.refresh[0].k
	return seal(signing, signing.Header(refreshType), payload)
}

// refreshExpiry returns when the refresh token of a session expires, in whole
// seconds. It is rounded up, because the row decides when the session ends.
func refreshExpiry(s Session) time.Time {
	return time.Unix(s.ExpiresAt.Add(time.Second-1).Unix(), 0)
}

// readRefresh verifies a refresh token, except for its expiry.
func (i *Issuer) readRefresh(ctx context.Context, token string) (refreshClaims, error) {
	claims, _, err := i.refreshVerifier.read(ctx, token, i.rules.now())
	if err != nil {
		return refreshClaims{}, err
	}
	generation := scanGeneration(claims.payload)
	if generation < 1 || generation > maxGeneration || claims.SessionID == "" || claims.Subject == "" {
		return refreshClaims{}, errRefreshClaims
	}
	return refreshClaims{claims.SessionID, claims.Subject, generation, claims.ExpiresAt}, nil
}

// scanGeneration returns the member "gen" of a verified payload, or 0 if it is
// not an integer. encoding/json would also accept "Gen".
func scanGeneration(payload string) (generation int64) {
	s := jsonscan.New(payload)
	for s.Next() {
		if s.Name() == "gen" && s.Value().Kind == jsonscan.Number {
			generation, _ = strconv.ParseInt(s.Value().Text, 10, 64)
		}
	}
	return generation
}

var errRefreshClaims = claimsFault("not the claims of a refresh token")

// ownRefreshKeys is the KeySource for an Issuer's refresh tokens.
type ownRefreshKeys Issuer

func (o *ownRefreshKeys) VerificationKeys(_ context.Context, alg Algorithm, _ string) ([]Key, error) {
	var keys []Key
	for _, key := range o.keys.Load().refresh {
		if key.Algorithm() == alg {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// deriveRefreshKey returns the HMAC key for refresh tokens that belongs to key,
// one of RefreshKeys or the keys for access tokens (HKDF, RFC 5869). It differs
// from key, so that a verifier of access tokens, here or in another library,
// never accepts a refresh token. It also differs from that of another issuer
// with the same key, so that neither accepts the tokens of the other.
func deriveRefreshKey(key Key, issuer string) (Key, error) {
	derived, err := key.k.DeriveHMAC("jwtauth refresh token\x00" + issuer)
	return Key{derived}, err
}

func milliseconds(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
