package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/mail"
	"strings"
	"sync"

	"github.com/seed-0a072700/jwtauth"
)

// users stands in for a table of a database.
type users struct {
	mu      sync.Mutex
	byEmail map[string]string // subject by e-mail address
	byID    map[string]string // the reverse
}

func newUsers() *users {
	return &users{byEmail: map[string]string{}, byID: map[string]string{}}
}

// enter returns the subject of the user with this e-mail address. It creates
// the user if there is no such user yet. The subject is random and never given
// to another user. An e-mail address would be a bad subject: it can change, and
// go to someone else.
func (u *users) enter(email string) (subject string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byEmail[email] == "" {
		id := rand.Text()
		u.byEmail[email], u.byID[id] = id, email
	}
	return u.byEmail[email]
}

func (u *users) remove(subject string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byEmail, u.byID[subject])
	delete(u.byID, subject)
}

// claims are the private claims of an access token.
type claims struct {
	Email string `json:"email"`
}

// claims is IssuerOptions.Claims. Login and Refresh call it, so the sessions of
// a removed user end at the next refresh at the latest.
func (u *users) claims(_ context.Context, session jwtauth.Session) (any, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	email, ok := u.byID[session.Subject]
	if !ok {
		return nil, jwtauth.ErrSubjectDisabled
	}
	return claims{Email: email}, nil
}

var errEmail = &refusal{http.StatusBadRequest, "email_invalid", "Please enter an e-mail address."}

// normalEmail returns an e-mail address in the form in which it is stored and
// written to. Mail always goes to that form and never to the text of a form:
// otherwise two texts that count as one user could be two mailboxes. For the
// same reason only ASCII is accepted: lower case has surprises outside of it.
func normalEmail(text string) (string, error) {
	text = strings.TrimSpace(text)
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Name != "" || parsed.Address != text || len(text) > 254 ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
		return "", errEmail
	}
	return strings.ToLower(text), nil
}
