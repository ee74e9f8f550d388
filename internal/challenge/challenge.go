// Package challenge writes the challenges of WWW-Authenticate headers (RFC
// 9110, section 11.6.1).
package challenge

import (
	"errors"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/credentials"
)

// Scheme is an authentication scheme and its own parameters, such as
// `DPoP algs="ES256"`.
type Scheme struct {
	name       string
	parameters string // may be empty
}

// reserved are the parameters that depend on the response.
var reserved = []string{"realm", "error", "error_description", "error_uri", "scope", "resource_metadata", "max_age", "acr_values"}

// Parse reads the name of a scheme, followed by a space and parameters that are
// separated by ", " if it has any.
func Parse(text string) (Scheme, error) {
	name, parameters, hasParameters := strings.Cut(text, " ")
	if !credentials.IsName(name) {
		return Scheme{}, errors.New("does not begin with the name of a scheme")
	}
	for rest := parameters; hasParameters; {
		parameter, value, ok := strings.Cut(rest, "=")
		if !ok || !credentials.IsName(parameter) {
			return Scheme{}, errors.New(`the parameters are not a list like a="1", b="2"`)
		}
		if slices.Contains(reserved, strings.ToLower(parameter)) {
			return Scheme{}, errors.New("the parameter " + parameter + " is set for each response")
		}
		n := valueLength(value)
		if n == 0 {
			return Scheme{}, errors.New("the parameter " + parameter + " has no value in quotes")
		}
		if rest, hasParameters = strings.CutPrefix(value[n:], ", "); !hasParameters && rest != "" {
			return Scheme{}, errors.New("the value of the parameter " + parameter + ` is not followed by ", "`)
		}
	}
	return Scheme{name, parameters}, nil
}

// valueLength returns the length of the quoted string or the token at the
// beginning of s, or 0 if there is none.
func valueLength(s string) int {
	if s == "" || s[0] != '"' {
		n := 0
		for n < len(s) && credentials.IsTokenChar(s[n]) {
			n++
		}
		return n
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c < ' ' || c > '~':
			return 0
		case c == '\\':
			i++
		}
	}
	return 0
}

// Set is the challenges of one protected part of a service.
type Set struct {
	Schemes          []Scheme
	Realm            string
	ResourceMetadata string // a URL, or empty
}

// Lines returns the challenges with the parameters of one response, one for
// each scheme.
func (s Set) Lines(parameters ...string) []string {
	lines := make([]string, len(s.Schemes))
	for i, scheme := range s.Schemes {
		all := []string{Parameter("realm", s.Realm), scheme.parameters}
		if s.ResourceMetadata != "" {
			all = append(all, Parameter("resource_metadata", s.ResourceMetadata))
		}
		all = slices.DeleteFunc(append(all, parameters...), func(p string) bool { return p == "" })
		lines[i] = scheme.name + " " + strings.Join(all, ", ")
	}
	return lines
}

// Parameter returns a parameter with its value in quotes.
func Parameter(name, value string) string {
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// IsListItem reports whether s can be an item of a list that is separated by
// spaces, such as a scope-token (RFC 6749, section 3.3).
func IsListItem(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// IsRealm reports whether s is printable ASCII and not empty.
func IsRealm(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
