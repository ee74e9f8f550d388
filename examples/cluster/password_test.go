package main

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// A change of the password ends the sessions of the old one at their next
// refresh.
func TestPasswordChange(t *testing.T) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := newIssuer(key, memstore.New(), config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	subject, opts, err := authenticate(t.Context(), admin.name, "password")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := issuer.Login(t.Context(), subject, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if tokens, err = issuer.Refresh(t.Context(), tokens.RefreshToken); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { usersByID[admin.id] = admin })
	changed := admin
	changed.version = "2"
	usersByID[admin.id] = changed
	if _, err := issuer.Refresh(t.Context(), tokens.RefreshToken); !errors.Is(err, jwtauth.ErrSessionEnded) {
		t.Errorf("a refresh after the change: %v", err)
	}
	if _, err := issuer.Login(t.Context(), subject, opts...); !errors.Is(err, jwtauth.ErrWrongPassword) {
		t.Errorf("a login that has checked the old password: %v", err)
	}
}
