package jwtauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// LoginOption describes a login to [Issuer.Login].
type LoginOption func(*loginOptions)

type loginOptions struct {
	label      string
	authTime   time.Time
	attributes attributes.Attributes
	faults     faults.Collector
}

// AuthenticatedAt sets the time at which the subject authenticated. It becomes
// the claim "auth_time", which [RequireFresh] checks. The default is the time
// of the call, and later times are replaced by it. With a time before 1970, the
// tokens have no auth_time.
func AuthenticatedAt(t time.Time) LoginOption {
	return func(o *loginOptions) { o.authTime = t }
}

// Label sets a name by which the owner recognizes the session in a list of
// devices, such as the User-Agent header. The label is cleaned: control and
// formatting characters, invalid UTF-8 and everything after 128 bytes are
// removed. The default is no label.
func Label(text string) LoginOption {
	return func(o *loginOptions) { o.label = attributes.CleanLabel(text) }
}

// AuthenticatedBy sets how the subject authenticated: the claims "acr" and
// "amr" (OpenID Connect Core, section 2; RFC 8176), which [RequireFresh]
// checks. Each text has at most 256 bytes, and there are at most 16 methods.
// The session keeps them until [Reauthenticated] replaces them.
//
// A session keeps at most 2 KiB of JSON in all: acr, amr, [SessionData],
// [CredentialVersion] and [Confirmation]. The longest values of all of them do
// not fit together. Login then returns an error with the size, and so does
// Refresh with the option SetSessionData or Reauthenticated.
func AuthenticatedBy(acr string, amr ...string) LoginOption {
	amr = slices.Clone(amr)
	return func(o *loginOptions) {
		o.attributes.SetAuthentication(&o.faults, "AuthenticatedBy", acr, amr)
	}
}

// SessionData keeps v with the session, encoded by encoding/json: at most 1 KiB
// (see [AuthenticatedBy] for the sum of all options). IssuerOptions.Claims
// reads it with [Session.Data] at every refresh, and [SetSessionData] replaces
// it. Do not keep secrets in it.
//
// A failover of the store can lose an update. So rights that must not come back
// after they were withdrawn do not belong in session data; let
// IssuerOptions.Claims look them up.
func SessionData(v any) LoginOption {
	return func(o *loginOptions) { o.attributes.SetData(&o.faults, "SessionData", v) }
}

// CredentialVersion sets the version of the password, or of another credential,
// that was checked for this login: at most 256 bytes. Use a counter or a time
// that changes with the password. Do not use its hash, which also changes when
// the same password is hashed again. [Issuer.Login] and [Issuer.Refresh]
// compare the version with IssuerOptions.CredentialVersion, even if it is
// empty, such as for a user whose password was never changed. Without this
// option, such as for a login with a passkey, there is no comparison.
func CredentialVersion(v string) LoginOption {
	return func(o *loginOptions) { o.attributes.SetCredentialVersion(&o.faults, "CredentialVersion", v) }
}

// BrowserSession makes the cookies of the session end with the browser, also
// after a refresh. It has no effect on tokens in bodies. By default, cookies
// last as long as their tokens.
func BrowserSession() LoginOption {
	return func(o *loginOptions) { o.attributes.BrowserSession = true }
}

// Confirmation binds the session to a key of the client (RFC 7800, section
// 3.1): access tokens get the claim "cnf" with this member, such as "jkt" (RFC
// 9449, section 6.1) or "x5t#S256" (RFC 8705, section 3.1), and
// [Issuer.Refresh] requires a [ConfirmedBy] with the same member and value.
// Each text has at most 256 bytes. With "jkt", Tokens.TokenType is "DPoP".
func Confirmation(member, value string) LoginOption {
	return func(o *loginOptions) { o.attributes.SetConfirmation(&o.faults, "Confirmation", member, value) }
}

// Login returns tokens for a subject that has just authenticated. With
// IssuerOptions.Sessions it creates a session and returns a refresh token as
// well. The private claims of the access token come from IssuerOptions.Claims.
//
// Login returns
//
//   - [ErrSubjectDisabled] if IssuerOptions.Claims or
//     IssuerOptions.CredentialVersion returns it;
//   - [ErrWrongPassword] if the credential was changed while it was checked,
//     according to IssuerOptions.CredentialVersion;
//   - [ErrUnavailable] if one of these callbacks or the store fails, or if ctx
//     ends while Login creates a session;
//   - another error if the subject is empty, longer than 1 KiB, not UTF-8 or
//     contains control characters, if an option has an invalid value, if the
//     options exceed 2 KiB (see [AuthenticatedBy]), if [Issuer.Sign] refuses
//     the private claims, or if the key fails to sign.
//
// If a callback fails or panics, or if ctx ends before Login returns, the
// session is deleted. It can remain in the store, without a token, if the store
// fails or the process ends at that moment. It also remains if the response is
// lost. Such sessions end after IssuerOptions.IdleTTL, or earlier by
// IssuerOptions.MaxSessions.
func (i *Issuer) Login(ctx context.Context, subject string, opts ...LoginOption) (Tokens, error) {
	tokens, s, err := i.login(ctx, subject, opts...)
	if err == nil {
		i.limitSessions(ctx, s)
	}
	return tokens, err
}

// login is Login without the limit of IssuerOptions.MaxSessions, and returns
// the new session as well. Without a store the session has no ID.
func (i *Issuer) login(ctx context.Context, subject string, opts ...LoginOption) (Tokens, Session, error) {
	s, err := i.newSession(subject, opts)
	if err != nil {
		return Tokens{}, Session{}, err
	}
	if i.store == nil {
		if err := i.checkCredential(ctx, s, ErrWrongPassword); err != nil {
			return Tokens{}, Session{}, err
		}
		private, err := i.privateClaims(ctx, s)
		if err != nil {
			return Tokens{}, Session{}, err
		}
		tokens, err := i.accessToken(s, private)
		return tokens, s, err
	}

	// Create the session before calling the callbacks. If the subject is
	// disabled or changes its password, and LogoutAll is called at this moment,
	// then either LogoutAll finds the session, or a callback is called later
	// and sees the change.
	if err := i.sessions.create(ctx, s); err != nil {
		if ctx.Err() != nil { // the client has gone, and the store is not down
			_ = i.sessions.delete(ctx, s.Subject, s.ID)
		}
		return Tokens{}, Session{}, err
	}
	var tokens Tokens
	i.endOnPanic(ctx, s, func() { tokens, err = i.complete(ctx, s) })
	if err != nil {
		return Tokens{}, Session{}, err
	}
	return tokens, s, nil
}

// endOnPanic calls do for a new session. If a callback panics in it, the tokens
// of the session are lost, so it ends the session.
func (i *Issuer) endOnPanic(ctx context.Context, s Session, do func()) {
	returned := false
	defer func() {
		if !returned && s.ID != "" {
			_ = i.sessions.delete(ctx, s.Subject, s.ID)
		}
	}()
	do()
	returned = true
}

// complete returns the tokens of a session that was just created. On error, it
// deletes the session.
func (i *Issuer) complete(ctx context.Context, s Session) (Tokens, error) {
	tokens, err := i.firstTokens(ctx, s)
	if err != nil {
		if failed := i.sessions.delete(ctx, s.Subject, s.ID); failed != nil {
			return Tokens{}, failed
		}
		if reason := denialReason(err); reason != "" {
			i.emit(ctx, Event{Kind: EventDenied, Reason: reason, Subject: s.Subject, SessionID: s.ID})
		}
		return Tokens{}, err
	}
	i.emit(ctx, Event{Kind: EventLogin, Subject: s.Subject, SessionID: s.ID})
	return tokens, nil
}

// firstTokens returns the tokens of a session that was just created.
func (i *Issuer) firstTokens(ctx context.Context, s Session) (Tokens, error) {
	if err := i.checkCredential(ctx, s, ErrWrongPassword); err != nil {
		return Tokens{}, err
	}
	private, err := i.privateClaims(ctx, s)
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := i.sessionTokens(s, private)
	if err != nil {
		return Tokens{}, err
	}
	if err := ctx.Err(); err != nil { // the client has gone, without its tokens
		return Tokens{}, fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	return tokens, nil
}

// newSession returns the session that a login creates.
func (i *Issuer) newSession(subject string, opts []LoginOption) (Session, error) {
	now := milliseconds(i.rules.now())
	o := loginOptions{authTime: now}
	o.faults.Name("Login: subject", subject)
	for _, opt := range opts {
		opt(&o)
	}
	if o.authTime.Before(time.Unix(0, 0)) {
		o.authTime = time.Time{}
	}
	if err := o.faults.Err(); err != nil {
		return Session{}, err
	}
	text, err := o.attributes.Encode()
	if err != nil {
		return Session{}, fmt.Errorf("jwtauth: Login: %w", err)
	}
	s := Session{
		Subject:    subject,
		Label:      o.label,
		Attributes: text,
		AuthTime:   milliseconds(earlier(o.authTime, now)),
	}
	if i.store == nil {
		return s, nil
	}
	s.ID = SubjectTag(subject) + "-" + rand.Text()
	s.Revision, s.Generation = 1, 1
	s.CreatedAt, s.RotatedAt = now, now
	s.ExpiresAt, s.EndsAt = earlier(now.Add(i.idle), now.Add(i.life)), now.Add(i.life)
	return s, nil
}

// checkCredential calls IssuerOptions.CredentialVersion and returns changed if
// the credential of the session is another one by now.
func (i *Issuer) checkCredential(ctx context.Context, s Session, changed error) error {
	seen := s.attributes().CredentialVersion
	if i.credentialVersion == nil || seen == nil {
		return nil
	}
	current, err := i.credentialVersion(ctx, s.Subject)
	switch {
	case errors.Is(err, ErrSubjectDisabled):
		return err
	case err != nil:
		return fmt.Errorf("%w: IssuerOptions.CredentialVersion: %v", ErrUnavailable, faults.Detail(err))
	case current != *seen:
		return fmt.Errorf("%w: %w", changed, errCredentialChanged)
	}
	return nil
}

var errCredentialChanged = errors.New("the credential was changed")

// denialReason returns the reason for an EventDenied, or "" for an error that
// is no denial.
func denialReason(err error) EventReason {
	switch {
	case errors.Is(err, ErrUnavailable):
		return ""
	case errors.Is(err, ErrSubjectDisabled):
		return ReasonDisabled
	case errors.Is(err, errCredentialChanged):
		return ReasonCredentialChanged
	}
	return ""
}

// privateClaims returns the private claims for a session.
func (i *Issuer) privateClaims(ctx context.Context, s Session) (any, error) {
	if i.claims == nil {
		return nil, nil
	}
	private, err := i.claims(ctx, s)
	if err == nil || errors.Is(err, ErrSubjectDisabled) {
		return private, err
	}
	return nil, fmt.Errorf("%w: IssuerOptions.Claims: %v", ErrUnavailable, faults.Detail(err))
}

// Logout ends the session of a refresh token, even if the token is expired or
// already rotated. It returns no error if the session has already ended.
//
// Access tokens of the session stay valid until they expire, unless they are
// verified by [Live].
//
// If the session is bound to a key (see [Confirmation]), Logout requires the
// option [ConfirmedBy], so that a thief of the token cannot end the session. A
// client that has lost its key cannot end its session: it ends when it expires,
// or with [Issuer.EndSession]. Other options have no effect.
//
// Every successful call causes an [EventLogout], because stores do not report
// whether the session existed.
//
// Logout returns [ErrTokenInvalid] if the token is not a refresh token of this
// issuer, or if ConfirmedBy is missing or different; [ErrUnavailable] if it is
// unknown whether the session has ended; and an error that names
// IssuerOptions.Sessions if that is not set.
func (i *Issuer) Logout(ctx context.Context, refreshToken string, opts ...RefreshOption) error {
	if i.store == nil {
		return errNoSessions
	}
	var options refreshOptions
	for _, opt := range opts {
		opt(&options)
	}
	presented, err := i.readRefresh(ctx, refreshToken)
	switch {
	case err != nil:
		return err
	case !options.confirms(presented.confirmation):
		return errUnconfirmed
	}
	return i.end(ctx, Event{Kind: EventLogout, Subject: presented.subject, SessionID: presented.sessionID})
}

// LogoutAll ends all sessions of a subject, such as after a change of password.
// It returns no error if the subject has no sessions. Access tokens stay valid
// as described at [Issuer.Logout].
//
// LogoutAll ends the sessions that exist. A login that checks the old password
// at the same time could begin another one afterwards. To prevent that, keep a
// version with the password, pass it to each login ([CredentialVersion]), set
// IssuerOptions.CredentialVersion, and raise the version with the password,
// before you call LogoutAll. The session of the caller ends as well. To keep
// the user logged in, begin a new one afterwards, with the new version.
//
// It returns [ErrUnavailable] if it is unknown whether the sessions have ended,
// and an error that names IssuerOptions.Sessions if that is not set.
func (i *Issuer) LogoutAll(ctx context.Context, subject string) error {
	if i.store == nil {
		return errNoSessions
	}
	if err := i.sessions.deleteSubject(ctx, subject); err != nil {
		return err
	}
	i.emit(ctx, Event{Kind: EventLogout, Subject: subject})
	return nil
}

func milliseconds(t time.Time) time.Time { return t.Truncate(time.Millisecond) }

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
