package jwtauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// LoginOption describes a login to [Issuer.Login].
type LoginOption func(*loginOptions)

type loginOptions struct {
	label    string
	authTime time.Time
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
	return func(o *loginOptions) { o.label = cleanLabel(text) }
}

const maxLabelBytes = 128

func cleanLabel(text string) string {
	if len(text) > 4*maxLabelBytes { // the text may be as long as a request header
		text = text[:4*maxLabelBytes]
	}
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	for len(text) > maxLabelBytes {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// Login returns tokens for a subject that has just authenticated. With
// IssuerOptions.Sessions it creates a session and returns a refresh token as
// well. The private claims of the access token come from IssuerOptions.Claims.
//
// Login returns
//
//   - [ErrSubjectDisabled] if IssuerOptions.Claims returns it;
//   - [ErrUnavailable] if IssuerOptions.Claims or the store fails;
//   - another error if the subject is empty, longer than 1 KiB, not UTF-8 or
//     contains control characters, if [Issuer.Sign] refuses the private claims,
//     or if the key fails to sign.
//
// On error a session may remain in the store, but no token for it exists.
func (i *Issuer) Login(ctx context.Context, subject string, opts ...LoginOption) (Tokens, error) {
	tokens, _, err := i.login(ctx, subject, opts...)
	return tokens, err
}

// login is Login, and returns the new session as well. Without a store the
// session has no ID.
func (i *Issuer) login(ctx context.Context, subject string, opts ...LoginOption) (Tokens, Session, error) {
	if err := faults.CheckName(subject); err != nil {
		return Tokens{}, Session{}, fmt.Errorf("jwtauth: Login: subject: %w", err)
	}
	s := i.newSession(subject, opts)
	if i.store == nil {
		s = Session{Subject: subject, AuthTime: s.AuthTime}
		private, err := i.privateClaims(ctx, subject)
		if err != nil {
			return Tokens{}, Session{}, err
		}
		tokens, err := i.accessToken(s, private)
		return tokens, s, err
	}

	// Create the session before calling Claims. If an administrator disables
	// the subject and calls LogoutAll at this moment, then either LogoutAll
	// finds the session, or Claims is called later and sees that the subject is
	// disabled.
	if err := i.sessions.create(ctx, s); err != nil {
		return Tokens{}, Session{}, err
	}
	private, err := i.privateClaims(ctx, subject)
	var tokens Tokens
	if err == nil {
		tokens, err = i.sessionTokens(s, private)
	}
	if err != nil {
		if failed := i.sessions.delete(ctx, s.ID); failed != nil {
			return Tokens{}, Session{}, failed
		}
		if errors.Is(err, ErrSubjectDisabled) {
			i.emit(ctx, Event{Kind: EventDenied, Subject: s.Subject, SessionID: s.ID})
		}
		return Tokens{}, Session{}, err
	}
	i.emit(ctx, Event{Kind: EventLogin, Subject: s.Subject, SessionID: s.ID})
	return tokens, s, nil
}

// newSession returns the session that a login creates.
func (i *Issuer) newSession(subject string, opts []LoginOption) Session {
	now := milliseconds(i.rules.now())
	o := loginOptions{authTime: now}
	for _, opt := range opts {
		opt(&o)
	}
	if o.authTime.Before(time.Unix(0, 0)) {
		o.authTime = time.Time{}
	}
	return Session{
		ID:         SubjectTag(subject) + "-" + rand.Text(),
		Subject:    subject,
		Label:      o.label,
		Revision:   1,
		Generation: 1,
		CreatedAt:  now,
		AuthTime:   milliseconds(earlier(o.authTime, now)),
		RotatedAt:  now,
		ExpiresAt:  earlier(now.Add(i.idle), now.Add(i.life)),
		EndsAt:     now.Add(i.life),
	}
}

// privateClaims returns the private claims of a subject.
func (i *Issuer) privateClaims(ctx context.Context, subject string) (any, error) {
	if i.claims == nil {
		return nil, nil
	}
	private, err := i.claims(ctx, subject)
	if err == nil || errors.Is(err, ErrSubjectDisabled) {
		return private, err
	}
	return nil, fmt.Errorf("%w: IssuerOptions.Claims: %v", ErrUnavailable, err)
}

// accessToken returns an access token of a session. Without an ID, s stands for
// a login without a session.
func (i *Issuer) accessToken(s Session, private any) (Tokens, error) {
	token, seconds, err := i.sign(&tokenSpec{
		subject:   s.Subject,
		private:   private,
		ttl:       i.ttl,
		authTime:  s.AuthTime,
		sessionID: s.ID,
		endsAt:    s.ExpiresAt,
	})
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{AccessToken: token, TokenType: "Bearer", ExpiresIn: seconds}, nil
}

// sessionTokens returns both tokens of a session's current generation.
func (i *Issuer) sessionTokens(s Session, private any) (Tokens, error) {
	tokens, err := i.accessToken(s, private)
	if err != nil {
		return Tokens{}, err
	}
	tokens.RefreshToken, err = i.keys.Load().mintRefresh(s)
	if err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

// Logout ends the session of a refresh token, even if the token is expired or
// already rotated. It returns no error if the session has already ended.
//
// Access tokens of the session stay valid until they expire, unless they are
// verified by [Issuer.Live].
//
// Every successful call causes an [EventLogout], because stores do not report
// whether the session existed.
//
// Logout returns [ErrTokenInvalid] if the token is not a refresh token of this
// issuer, [ErrUnavailable] if it is unknown whether the session has ended, and
// an error that names IssuerOptions.Sessions if that is not set.
func (i *Issuer) Logout(ctx context.Context, refreshToken string) error {
	if i.store == nil {
		return errNoSessions
	}
	presented, err := i.readRefresh(ctx, refreshToken)
	if err != nil {
		return err
	}
	if err := i.sessions.delete(ctx, presented.sessionID); err != nil {
		return err
	}
	i.emit(ctx, Event{Kind: EventLogout, Subject: presented.subject, SessionID: presented.sessionID})
	return nil
}

// LogoutAll ends all sessions of a subject, such as after a change of password.
// It returns no error if the subject has no sessions. Access tokens stay valid
// as described at [Issuer.Logout].
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
