package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/seed-0a072700/jwtauth"
)

// user is a row of a table of users. It implements
// webauthn.User.
type user struct {
	id           string // the subject of the tokens: never changes, is never given to another user
	name         string
	passwordHash string
	// passwordVersion rises when the password changes. Sessions that began with
	// another version end at their next refresh (see credentialVersion).
	passwordVersion string
	passkeys        []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return []byte(u.id) }
func (u user) WebAuthnName() string                       { return u.name }
func (u user) WebAuthnDisplayName() string                { return u.name }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.passkeys }

// The password is "password".
const demoHash = "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe"

// users stands in for the table. It returns copies of its rows.
type users struct {
	mu   sync.Mutex
	rows []user
}

func newUsers() *users {
	return &users{rows: []user{
		{id: "user-7f3a", name: "ann", passwordHash: demoHash, passwordVersion: "1"},
		{id: "user-19c4", name: "bob", passwordHash: demoHash, passwordVersion: "1"},
	}}
}

var errNoUser = errors.New("no such user")

func (u *users) byID(id string) (user, error) {
	return u.find(func(row user) bool { return row.id == id })
}

func (u *users) byName(name string) (user, error) {
	return u.find(func(row user) bool { return strings.EqualFold(row.name, name) })
}

func (u *users) find(match func(user) bool) (user, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := slices.IndexFunc(u.rows, match)
	if i < 0 {
		return user{}, errNoUser
	}
	row := u.rows[i]
	row.passkeys = slices.Clone(row.passkeys)
	return row, nil
}

// savePasskey adds a passkey, or replaces the one with the same ID.
func (u *users) savePasskey(id string, passkey webauthn.Credential) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	i := slices.IndexFunc(u.rows, func(row user) bool { return row.id == id })
	if i < 0 {
		return errNoUser
	}
	row := &u.rows[i]
	for n := range row.passkeys {
		if slices.Equal(row.passkeys[n].ID, passkey.ID) {
			row.passkeys[n] = passkey
			return nil
		}
	}
	row.passkeys = append(row.passkeys, passkey)
	return nil
}

// passwordCheck is jwtauth.CheckPassword. Tests replace it, because bcrypt is
// slow on purpose.
type passwordCheck = func(ctx context.Context, hash, password string) error

var checkPassword passwordCheck = jwtauth.CheckPassword

// authenticate is HandlerOptions.Authenticate. The hash of an unknown user is
// empty: CheckPassword then takes as long as for a wrong password.
func (u *users) authenticate(check passwordCheck) func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
	return func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
		row, _ := u.byName(username)
		if err := check(ctx, row.passwordHash, password); err != nil {
			return "", nil, err
		}
		return row.id, []jwtauth.LoginOption{
			jwtauth.CredentialVersion(row.passwordVersion),
			jwtauth.AuthenticatedBy(acrPassword, "pwd"),
		}, nil
	}
}

// credentialVersion is IssuerOptions.CredentialVersion.
func (u *users) credentialVersion(_ context.Context, subject string) (string, error) {
	row, err := u.byID(subject)
	if err != nil {
		return "", jwtauth.ErrSubjectDisabled
	}
	return row.passwordVersion, nil
}

// claims are the private claims of an access token.
type claims struct {
	Name string `json:"name"`
}

// claims is IssuerOptions.Claims.
func (u *users) claims(_ context.Context, session jwtauth.Session) (any, error) {
	row, err := u.byID(session.Subject)
	if err != nil {
		return nil, jwtauth.ErrSubjectDisabled
	}
	return claims{Name: row.name}, nil
}
