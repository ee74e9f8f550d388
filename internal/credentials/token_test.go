package credentials_test

import (
	"errors"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/credentials"
)

func TestScheme(t *testing.T) {
	for header, c := range map[string]struct {
		token string
		err   error
	}{
		"Bearer a.b.c":        {"a.b.c", nil},
		"bEARER  a.b.c==":     {"a.b.c==", nil},
		"":                    {"", nil},
		"a.b.c":               {"", nil},
		"JWT a.b.c":           {"", nil},
		"BearerX a":           {"", nil},
		"Bearer":              {"", credentials.ErrEmpty},
		"Bearer   ":           {"", credentials.ErrEmpty},
		"Bearer\ta":           {"", credentials.ErrCharacter},
		"Bearer a,b":          {"", compact.ErrComma},
		"Bearer {a}":          {"", compact.ErrJSON},
		"Bearer a.b.c!":       {"", credentials.ErrCharacter},
		"Bearer %2e":          {"", compact.ErrPercent},
		"Bearer [object a]":   {"", compact.ErrObject},
		`Bearer "a.b.c"`:      {"", compact.ErrQuoted},
		"Bearer 'a.b.c'":      {"", compact.ErrQuoted},
		"Bearer a b":          {"", compact.ErrSpace},
		"Bearer a\n":          {"", compact.ErrSpace},
		"Bearer Bearer a.b.c": {"", credentials.ErrSchemeTwice},
	} {
		token, err := credentials.Scheme(header, "Bearer")
		if token != c.token || !errors.Is(err, c.err) {
			t.Errorf("%q: %q, %v; want %q, %v", header, token, err, c.token, c.err)
		}
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]error{
		"a.b.c":        nil,
		"Bearer a.b.c": credentials.ErrScheme,
		"JWT a":        credentials.ErrScheme,
		"a ":           compact.ErrSpace,
		" a":           compact.ErrSpace,
		`"a.b.c"`:      compact.ErrQuoted,
		"a,b":          compact.ErrComma,
	} {
		if token, err := credentials.Plain(text); !errors.Is(err, want) || (err == nil) != (token == text) {
			t.Errorf("%q: %q, %v; want %v", text, token, err, want)
		}
	}
}
