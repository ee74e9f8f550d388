package main

import (
	"context"

	"github.com/seed-0a072700/jwtauth"
)

// user is a row of a table in a real service.
type user struct {
	id           string // the subject of the tokens; never changes and is never reused
	name         string
	passwordHash string
}

// admin has the password "password".
var admin = user{id: "user-1", name: "admin", passwordHash: "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe"}

// usersByName returns the zero user for an unknown name.
var usersByName = map[string]user{admin.name: admin}

// users checks passwords with a Hasher.
type users struct{ hasher *jwtauth.Hasher }

// authenticate returns the subject of a name and a password.
func (u users) authenticate(ctx context.Context, username, password string) (subject string, opts []jwtauth.LoginOption, err error) {
	// The hash of an unknown user is empty. CheckPassword then takes as long
	// as for a wrong password and returns the same error.
	found := usersByName[username]
	return found.id, nil, u.hasher.CheckPassword(ctx, found.passwordHash, password)
}
