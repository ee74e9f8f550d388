package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// users stands in for a table with one user. A real service stores a version of
// the password as well: see examples/webapp.
type users struct {
	id, name, passwordHash string

	check func(ctx context.Context, hash, password string) error
}

// newUsers returns the user admin, whose password is "password".
func newUsers() *users {
	return &users{"1", "admin", "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe", jwtauth.CheckPassword}
}

// authenticate is HandlerOptions.Authenticate. The hash of an unknown user is
// empty: CheckPassword then takes as long as for a wrong password.
func (u *users) authenticate(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
	hash := ""
	if strings.EqualFold(username, u.name) {
		hash = u.passwordHash
	}
	return u.id, []jwtauth.LoginOption{jwtauth.CredentialVersion(passwordVersion)}, u.check(ctx, hash, password)
}

// passwordVersion would change with the password, which this example does not
// change.
const passwordVersion = "1"

// credentialVersion is IssuerOptions.CredentialVersion.
func (u *users) credentialVersion(_ context.Context, subject string) (string, error) {
	if subject != u.id {
		return "", jwtauth.ErrSubjectDisabled
	}
	return passwordVersion, nil
}

// claims are the private claims of a token.
type claims struct {
	Username string `json:"username"`
}

// privateClaims is IssuerOptions.Claims.
func (u *users) privateClaims(_ context.Context, s jwtauth.Session) (any, error) {
	if s.Subject != u.id {
		return nil, jwtauth.ErrSubjectDisabled
	}
	return claims{u.name}, nil
}

// newGuard limits the guesses at the password of one account.
func newGuard(log *slog.Logger) (*guard.Guard, error) {
	return guard.New(guard.Options{
		Secret:     []byte(rand.Text() + rand.Text()), // several instances need the same, and a shared store
		CookieName: "realtime-device",
		OnEvent: func(_ context.Context, e guard.Event) {
			log.Warn("guard", "event", e.Kind, "err", e.Err)
		},
	})
}
