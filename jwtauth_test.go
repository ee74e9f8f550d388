package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func TestContext(t *testing.T) {
	type other struct{}
	base := context.WithValue(t.Context(), other{}, "kept")
	if claims, ok := jwtauth.FromContext(base); ok || claims != nil {
		t.Errorf("claims %v in a context without any", claims)
	}
	if _, err := jwtauth.ClaimsAs[struct{}](base); !errors.Is(err, jwtauth.ErrTokenMissing) {
		t.Errorf("ClaimsAs: %v, want ErrTokenMissing", err)
	}

	want := readClaims(t, `{"sub":"user-1","name":"Ann"}`)
	ctx := jwtauth.NewContext(base, want)
	if claims, ok := jwtauth.FromContext(ctx); !ok || claims != want {
		t.Errorf("claims %v, want those that were put in", claims)
	}
	if ctx.Value(other{}) != "kept" || ctx.Value("unknown") != nil {
		t.Error("other values are lost")
	}
	derived := context.WithValue(ctx, other{}, "changed")
	if claims, ok := jwtauth.FromContext(derived); !ok || claims != want {
		t.Errorf("claims %v in a derived context", claims)
	}
	own, err := jwtauth.ClaimsAs[struct{ Name string }](derived)
	if err != nil || own.Name != "Ann" {
		t.Errorf("ClaimsAs: %+v, %v", own, err)
	}
	pointer, err := jwtauth.ClaimsAs[*struct{ Name string }](derived)
	if err != nil || pointer == nil || pointer.Name != "Ann" {
		t.Errorf("ClaimsAs of a pointer: %+v, %v", pointer, err)
	}
	if _, err := jwtauth.ClaimsAs[struct{ Name int }](derived); err == nil {
		t.Error("ClaimsAs of the wrong type: no error")
	}

	inner := &jwtauth.Claims{Subject: "user-2"}
	if claims, _ := jwtauth.FromContext(jwtauth.NewContext(derived, inner)); claims != inner {
		t.Errorf("claims %v, want the innermost", claims)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if jwtauth.NewContext(cancelled, want).Err() == nil {
		t.Error("cancellation is lost")
	}
	mustPanic(t, "NewContext: claims is nil", func() { jwtauth.NewContext(base, nil) })
}

func mustPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "jwtauth: ") || !strings.Contains(got, text) {
			t.Errorf("panic %q, want one of this package with %q", got, text)
		}
	}()
	f()
}
