package main

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// A change of the password ends the sessions of the old one at their next
// refresh.
func TestPasswordChange(t *testing.T) {
	t.Setenv("SIGNING_KEY", "")
	service, err := newIssuer(slog.New(slog.DiscardHandler), "https://issuer.example")
	if err != nil {
		t.Fatal(err)
	}
	subject, opts, err := authenticate(t.Context(), "admin", "password")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := service.issuer.Login(t.Context(), subject, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if tokens, err = service.issuer.Refresh(t.Context(), tokens.RefreshToken); err != nil {
		t.Fatal(err)
	}
	old := users["admin"]
	t.Cleanup(func() { users["admin"] = old })
	changed := old
	changed.version = "2"
	users["admin"] = changed
	if _, err := service.issuer.Refresh(t.Context(), tokens.RefreshToken); !errors.Is(err, jwtauth.ErrSessionEnded) {
		t.Errorf("a refresh after the change: %v", err)
	}
	if _, err := service.issuer.Login(t.Context(), subject, opts...); !errors.Is(err, jwtauth.ErrWrongPassword) {
		t.Errorf("a login that has checked the old password: %v", err)
	}
}
