package jwtauth_test

import (
	"errors"
	"net/http"
	"regexp"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

var (
	bearerField = regexp.MustCompile("(?is)^bearer(?:[^a-z0-9!#$%&'*+.^_`|~-].*)?$")
	bearerToken = regexp.MustCompile(`(?i)^bearer +([A-Za-z0-9._~+/-]+=*)$`)
)

// FuzzAuthorization compares Bearer with the grammar of RFC 6750, section 2.1,
// in regular expressions.
func FuzzAuthorization(f *testing.F) {
	for _, c := range authorizations {
		f.Add(c.field)
	}
	for _, field := range hostileTokens(f) {
		f.Add(field)
	}
	source := jwtauth.Bearer()
	f.Fuzz(func(t *testing.T, field string) {
		token, err := source(&http.Request{Header: http.Header{"Authorization": {field}}})
		match := bearerToken.FindStringSubmatch(field)
		switch {
		case match != nil:
			if err != nil || token != match[1] {
				t.Errorf("%q: %q, %v; want %q", field, token, err, match[1])
			}
		case bearerField.MatchString(field):
			if token != "" || !errors.Is(err, jwtauth.ErrInvalidRequest) {
				t.Errorf("%q: %q, %v; want ErrInvalidRequest", field, token, err)
			}
		default:
			if token != "" || err != nil {
				t.Errorf("%q: %q, %v; want nothing", field, token, err)
			}
		}
		for _, fields := range [][]string{{field, field}, {"", field}, {field, ""}} {
			if token, err := source(&http.Request{Header: http.Header{"Authorization": fields}}); token != "" || !errors.Is(err, jwtauth.ErrInvalidRequest) {
				t.Errorf("two fields, %q: %q, %v", fields, token, err)
			}
		}
	})
}
