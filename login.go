package jwtauth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// LoginOption adds to what [Issuer.Login] knows of a login.
type LoginOption func(*login)

type login struct {
	label    string
	authTime time.Time
}

// AuthenticatedAt says when the subject proved who it is, where that was before the
// call: it becomes the tokens' "auth_time", which [RequireFresh] asks for. Default, and latest: now; before 1970 means unknown, and sets none.
func AuthenticatedAt(t time.Time) LoginOption { return func(l *login) { l.authTime = t } }

// Label names a session for its owner, in a list of devices: a User-Agent, say. Control and
// formatting characters and invalid UTF-8 are left out, and what exceeds 128 bytes. Default: "".
func Label(text string) LoginOption { return func(l *login) { l.label = cleanLabel(text) } }

const maxLabelBytes = 128

func cleanLabel(text string) string {
	if len(text) > 4*maxLabelBytes { // no more is looked at than could be kept
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

// Login returns the tokens for a subject that has just proved who it is. With
// IssuerOptions.Sessions it begins a session and adds a refresh token; without, there is an access token
// only. It asks IssuerOptions.Claims for the private claims.
//
// Errors: [ErrSubjectDisabled] where IssuerOptions.Claims says so; [ErrUnavailable] where that or the
// store fails. Nobody has a token then of a session that may be left in the store.
func (i *Issuer) Login(ctx context.Context, subject string, opts ...LoginOption) (Tokens, error) {
	if err := faults.CheckName(subject); err != nil {
		return Tokens{}, fmt.Errorf("jwtauth: Login: subject: %w", err)
	}
	now := milliseconds(i.rules.now())
	l := login{authTime: now}
	for _, opt := range opts {
		opt(&l)
	}
	if l.authTime.Before(time.Unix(0, 0)) {
		l.authTime = time.Time{} // unknown: no auth_time
	}
	s := Session{
		ID:         SubjectTag(subject) + "-" + rand.Text(),
		Subject:    subject,
		Label:      l.label,
		Generation: 1,
		CreatedAt:  now,
		AuthTime:   milliseconds(earlier(l.authTime, now)),
		RotatedAt:  now,
		ExpiresAt:  earlier(now.Add(i.idle), now.Add(i.life)),
		EndsAt:     now.Add(i.life),
	}
	if i.store == nil {
		private, err := i.askClaims(ctx, subject)
		if err != nil {
			return Tokens{}, err
		}
		return i.accessToken(Session{Subject: subject, AuthTime: s.AuthTime}, private)
	}

	// The row comes before the question: a LogoutAll at this moment, by someone
	// who has just disabled the subject, either finds the row or comes before the question, too.
	if err := i.create(ctx, s); err != nil {
		return Tokens{}, err
	}
	private, err := i.askClaims(ctx, subject)
	var tokens Tokens
	if err == nil {
		tokens, err = i.sessionTokens(s, private)
	}
	if err != nil {
		if failed := i.delete(ctx, s.ID); failed != nil {
			return Tokens{}, failed
		}
		if errors.Is(err, ErrSubjectDisabled) {
			i.tell(ctx, EventDenied, s)
		}
		return Tokens{}, err
	}
	i.tell(ctx, EventLogin, s)
	return tokens, nil
}

func (i *Issuer) create(ctx context.Context, s Session) error {
	own, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	called := i.rules.now()
	return i.outage.judge(ctx, storeError(i.store.Create(own, s)), called, i.rules.now)
}

// askClaims returns the private claims of a subject.
func (i *Issuer) askClaims(ctx context.Context, subject string) (any, error) {
	if i.claims == nil {
		return nil, nil
	}
	private, err := i.claims(ctx, subject)
	if err == nil || errors.Is(err, ErrSubjectDisabled) {
		return private, err
	}
	return nil, fmt.Errorf("%w: IssuerOptions.Claims: %v", ErrUnavailable, err)
}

// accessToken returns an access token of a session, or without one where s has no ID.
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

// sessionTokens returns both tokens of a session's generation.
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

var errNoSessions = errors.New("jwtauth: IssuerOptions.Sessions is not set")

// Logout ends the session that a refresh token belongs to, were it expired or
// exchanged long ago. Access tokens of the session verify until they expire, except by [Issuer.Live]. OnEvent is told
// each time, also where the session was over: stores do not say what they had to delete.
//
// Errors: [ErrTokenInvalid] for what is no refresh token of this issuer, [ErrUnavailable] where it is not
// known whether the session has ended. It is no error where the session was over.
func (i *Issuer) Logout(ctx context.Context, refreshToken string) error {
	if i.store == nil {
		return errNoSessions
	}
	presented, err := i.readRefresh(ctx, refreshToken)
	if err != nil {
		return err
	}
	if err := i.delete(ctx, presented.sessionID); err != nil {
		return err
	}
	i.tell(ctx, EventLogout, Session{ID: presented.sessionID, Subject: presented.subject})
	return nil
}

// LogoutAll ends all sessions of a subject. The error is [ErrUnavailable] where it is not known whether they have ended.
func (i *Issuer) LogoutAll(ctx context.Context, subject string) error {
	if i.store == nil {
		return errNoSessions
	}
	own, cancel := detached(ctx)
	defer cancel()
	called := i.rules.now()
	if err := i.outage.judge(context.WithoutCancel(ctx), storeError(i.store.DeleteSubject(own, subject)), called, i.rules.now); err != nil {
		return err
	}
	i.tell(ctx, EventLogout, Session{Subject: subject})
	return nil
}

// Sessions returns the sessions of a subject that stand, the newest login first:
// what a page of signed-in devices shows. The error is [ErrUnavailable] where the store cannot be asked.
func (i *Issuer) Sessions(ctx context.Context, subject string) ([]Session, error) {
	if i.store == nil {
		return nil, errNoSessions
	}
	own, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	now := i.rules.now()
	list, err := i.store.List(own, subject, now)
	if err = i.outage.judge(ctx, storeError(err), now, i.rules.now); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b Session) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// EndSession ends one session of a subject: what the button beside it in that list does. Errors:
// [ErrSessionEnded] where the subject has no such session, [ErrUnavailable] where it is not known whether it has ended.
func (i *Issuer) EndSession(ctx context.Context, subject, sessionID string) error {
	if i.store == nil {
		return errNoSessions
	}
	// The id comes from a request: no store need see what cannot be one of the subject's.
	if !strings.HasPrefix(sessionID, SubjectTag(subject)+"-") || strings.ContainsFunc(sessionID, notInID) {
		return ErrSessionEnded
	}
	row, err := i.load(ctx, refreshClaims{sessionID: sessionID, subject: subject})
	if err != nil {
		return err
	}
	if err := i.delete(ctx, row.ID); err != nil {
		return err
	}
	i.tell(ctx, EventLogout, row)
	return nil
}

func notInID(r rune) bool {
	return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z')
}
