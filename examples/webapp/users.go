package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/seed-0a072700/jwtauth"
)

// user is a row of a table in a real service.
type user struct {
	id           string // the subject of the tokens; never changes and is never reused
	name         string
	passwordHash string
	version      int // of the password: each change raises it
}

// admin has the password "password".
var admin = user{id: "1", name: "admin", passwordHash: "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe", version: 1}

// users is the table. Here it is in memory, so a changed password lasts until
// the server stops.
type users struct {
	check func(ctx context.Context, hash, password string) error
	hash  func(ctx context.Context, password string) (string, error)

	mu   sync.Mutex
	rows []user
}

func newUsers() *users {
	return &users{check: jwtauth.CheckPassword, hash: jwtauth.HashPassword, rows: []user{admin}}
}

// find returns the zero user if there is no such user.
func (u *users) find(match func(user) bool) user {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, row := range u.rows {
		if match(row) {
			return row
		}
	}
	return user{}
}

func (u *users) byID(id string) user {
	return u.find(func(row user) bool { return row.id == id })
}

// setPassword stores a new password unless it has changed since the version. In
// SQL this is one statement: UPDATE users SET password_hash = ?, version =
// version + 1 WHERE id = ? AND version = ?.
func (u *users) setPassword(id string, version int, hash string) (changed bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range u.rows {
		if row := &u.rows[i]; row.id == id && row.version == version {
			row.passwordHash, row.version = hash, version+1
			return true
		}
	}
	return false
}

// authenticate is HandlerOptions.Authenticate. The hash of an unknown user is
// empty: CheckPassword then takes as long as for a wrong password.
func (u *users) authenticate(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
	row := u.find(func(row user) bool { return strings.EqualFold(row.name, username) })
	return row.id, []jwtauth.LoginOption{version(row.version)}, u.check(ctx, row.passwordHash, password)
}

func version(v int) jwtauth.LoginOption { return jwtauth.CredentialVersion(strconv.Itoa(v)) }

// credentialVersion is IssuerOptions.CredentialVersion. It ends logins and
// sessions with a password that has changed since.
func (u *users) credentialVersion(_ context.Context, subject string) (string, error) {
	row := u.byID(subject)
	if row.id == "" {
		return "", jwtauth.ErrSubjectDisabled
	}
	return strconv.Itoa(row.version), nil
}

// claims are the private claims of a token. Every holder of the token can read
// them.
type claims struct {
	Username string `json:"username"`
}

// privateClaims is IssuerOptions.Claims.
func (u *users) privateClaims(_ context.Context, s jwtauth.Session) (any, error) {
	row := u.byID(s.Subject)
	if row.id == "" {
		return nil, jwtauth.ErrSubjectDisabled
	}
	return claims{Username: row.name}, nil
}

// changePassword is the form of the dashboard. It signs out all devices and
// begins a new session in this browser.
func (s *server) changePassword(w http.ResponseWriter, r *http.Request) {
	me, _ := jwtauth.FromContext(r.Context())
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	current, next := r.PostFormValue("current"), r.PostFormValue("new")
	row := s.users.byID(me.Subject)
	// A thief of the session must not guess the password here.
	ctx, err := s.guard.Allow(r, row.name)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	ctx = jwtauth.WithClient(ctx, jwtauth.PeerAddress(r))
	err = s.users.check(ctx, row.passwordHash, current)
	s.guard.Report(w, r.WithContext(ctx), row.name, err)
	var hash string
	if err == nil && next == "" {
		err = jwtauth.ErrPasswordUnhashable
	}
	if err == nil {
		hash, err = s.users.hash(ctx, next)
	}
	if err == nil && !s.users.setPassword(row.id, row.version, hash) {
		err = jwtauth.ErrWrongPassword // it has just been changed elsewhere
	}
	if err == nil {
		// Live refuses the old sessions from now on. If this call fails, they
		// end at their next refresh, because of the version.
		err = s.issuer.LogoutAll(r.Context(), row.id)
	}
	if err == nil {
		// Only this browser remains known.
		err = errors.Join(s.guard.Reset(r.Context(), row.name), s.guard.Trust(w, r, row.name))
	}
	if err == nil {
		err = s.begin(w, r, row.id, version(row.version+1))
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	http.Redirect(w, r, "/?password-changed", http.StatusSeeOther)
}
