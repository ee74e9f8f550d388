package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// keyLookup is a KeySource.
type keyLookup func() ([]jwtauth.Key, error)

func (f keyLookup) VerificationKeys(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
	return f()
}

// The text of an error has the prefix of the package once, also if a callback
// returns an error of the package. The log of a service shows these texts.
func TestErrorsHaveOnePrefix(t *testing.T) {
	ctx := t.Context()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	newIssuer := func(opts jwtauth.IssuerOptions) *jwtauth.Issuer {
		issuer, err := jwtauth.NewIssuer(key, opts)
		if err != nil {
			t.Fatal(err)
		}
		return issuer
	}
	var fails error // returned by the callbacks
	store := &spyStore{SessionStore: memstore.New()}
	plain := newIssuer(jwtauth.IssuerOptions{Sessions: store, Issuer: "https://a.example", Audience: []string{"b"}})
	claims := newIssuer(jwtauth.IssuerOptions{Sessions: store,
		Claims: func(context.Context, jwtauth.Session) (any, error) { return nil, fails }})
	version := newIssuer(jwtauth.IssuerOptions{Sessions: store,
		CredentialVersion: func(context.Context, string) (string, error) { return "1", fails }})
	check := newIssuer(jwtauth.IssuerOptions{
		Check: func(context.Context, *jwtauth.Claims) error { return fails }})
	byKeys, err := jwtauth.NewVerifier(keyLookup(func() ([]jwtauth.Key, error) { return nil, fails }),
		jwtauth.VerifierOptions{Issuer: "https://a.example", Audience: []string{"b"}})
	if err != nil {
		t.Fatal(err)
	}
	byIssuer := jwtauth.ByIssuerFunc(func(context.Context, string) (jwtauth.TokenVerifier, error) { return nil, fails })

	login := func(issuer *jwtauth.Issuer, opts ...jwtauth.LoginOption) jwtauth.Tokens {
		t.Helper()
		fails = nil
		tokens, err := issuer.Login(ctx, "ann", opts...)
		if err != nil {
			t.Fatal(err)
		}
		return tokens
	}
	verified := func(v jwtauth.TokenVerifier, token string, opts ...jwtauth.VerifyOption) (err error) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		report := jwtauth.OnError(func(_ http.ResponseWriter, _ *http.Request, e error) { err = e })
		h := jwtauth.Verify(v, append(opts, report)...)(jwtauth.Require(func(*jwtauth.Claims) error { return fails })(http.NotFoundHandler()))
		h.ServeHTTP(httptest.NewRecorder(), r)
		return err
	}
	failing := func(op string) func(context.Context, string) error {
		return func(_ context.Context, got string) error {
			if got == op {
				return fails
			}
			return nil
		}
	}
	// Each place prepares, sets fails and calls.
	places := map[string]func(with error) error{
		"Claims in Login": func(with error) error {
			fails = with
			_, err := claims.Login(ctx, "ann")
			return err
		},
		"Claims in Refresh": func(with error) error {
			tokens := login(claims)
			fails = with
			_, err := claims.Refresh(ctx, tokens.RefreshToken)
			return err
		},
		"CredentialVersion in Login": func(with error) error {
			fails = with
			_, err := version.Login(ctx, "ann", jwtauth.CredentialVersion("1"))
			return err
		},
		"CredentialVersion in Refresh": func(with error) error {
			tokens := login(version, jwtauth.CredentialVersion("1"))
			fails = with
			_, err := version.Refresh(ctx, tokens.RefreshToken)
			return err
		},
		"Create": func(with error) error {
			store.before, fails = failing("Create"), with
			defer func() { store.before = nil }()
			_, err := plain.Login(ctx, "ann")
			return err
		},
		"Load": func(with error) error {
			tokens := login(plain)
			store.before, fails = failing("Load"), with
			defer func() { store.before = nil }()
			_, err := plain.Refresh(ctx, tokens.RefreshToken)
			return err
		},
		"Swap": func(with error) error {
			tokens := login(plain)
			store.before, fails = failing("Swap"), with
			defer func() { store.before = nil }()
			_, err := plain.Refresh(ctx, tokens.RefreshToken)
			return err
		},
		"Live": func(with error) error {
			tokens := login(plain)
			store.before, fails = failing("Load"), with
			defer func() { store.before = nil }()
			_, err := jwtauth.Live(plain, store, 0).VerifyToken(ctx, tokens.AccessToken)
			return err
		},
		"Check": func(with error) error {
			tokens := login(check)
			fails = with
			_, err := check.VerifyToken(ctx, tokens.AccessToken)
			return err
		},
		"KeySource": func(with error) error {
			tokens := login(plain)
			fails = with
			_, err := byKeys.VerifyToken(ctx, tokens.AccessToken)
			return err
		},
		"ByIssuerFunc": func(with error) error {
			tokens := login(plain)
			fails = with
			_, err := byIssuer.VerifyToken(ctx, tokens.AccessToken)
			return err
		},
		"Require": func(with error) error {
			tokens := login(plain)
			fails = with
			return verified(plain, tokens.AccessToken)
		},
		"ProofOfPossession": func(with error) error {
			tokens := login(plain)
			return verified(plain, tokens.AccessToken,
				jwtauth.ProofOfPossession(func(*http.Request, string, *jwtauth.Claims) error { return with }))
		},
	}
	sentinels := []error{
		jwtauth.ErrTokenInvalid, jwtauth.ErrKeyUnknown, jwtauth.ErrSessionEnded, jwtauth.ErrForbidden,
		jwtauth.ErrSubjectDisabled, jwtauth.ErrUnavailable, jwtauth.ErrPasswordUnhashable, jwtauth.ErrBusy,
		errors.New("jwtauth: of another version"),
	}
	for name, call := range places {
		for _, sentinel := range sentinels {
			for _, with := range []error{sentinel, fmt.Errorf("%w: with a reason", sentinel)} {
				err := call(with)
				if err == nil {
					t.Errorf("%s returning %q: no error", name, with)
				} else if strings.Count(err.Error(), "jwtauth:") != 1 || !strings.HasPrefix(err.Error(), "jwtauth: ") {
					t.Errorf("%s returning %q: %q", name, with, err)
				}
			}
		}
	}
}
