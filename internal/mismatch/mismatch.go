// Package mismatch explains why the issuer or the audience of a token is not
// the configured one. An error names the configured value and the kind of the
// difference, but not the value in the token.
package mismatch

import (
	"fmt"
	"slices"
	"strings"
)

// Errors are the errors for one claim. They are built once, so that refusing a
// token costs no more than accepting it.
type Errors struct {
	want        []string
	missing     error
	emptyArray  error
	emptyString error
	other       error
	near        [len(differences)]error
}

// New returns the errors for a claim of which one value must be in want. They
// wrap sentinel.
func New(sentinel error, claim string, want []string) *Errors {
	list := fmt.Sprintf("%q", want)
	if len(want) == 1 {
		list = fmt.Sprintf("%q", want[0])
	}
	must, not := "it must contain "+list, "does not contain "+list
	if claim == "iss" { // one string
		must, not = "it must be "+list, "is not "+list
	}
	e := &Errors{
		want:        want,
		missing:     fmt.Errorf("%w: %s is missing or empty; %s", sentinel, claim, must),
		emptyArray:  fmt.Errorf("%w: %s is an empty array; %s", sentinel, claim, must),
		emptyString: fmt.Errorf("%w: %s is an empty string; %s", sentinel, claim, must),
		other:       fmt.Errorf("%w: %s %s", sentinel, claim, not),
	}
	for i := range differences {
		e.near[i] = fmt.Errorf("%w: %s %s; %s", sentinel, claim, not, differences[i].text)
	}
	return e
}

// Issuer returns the error for a token of another issuer, or of none.
func (e *Errors) Issuer(iss string) error {
	if iss == "" {
		return e.missing
	}
	return e.of(iss)
}

// Audience returns the error for a token whose audience contains none of the
// configured names. aud is nil if the token has none.
func (e *Errors) Audience(aud []string) error {
	switch {
	case aud == nil:
		return e.missing
	case len(aud) == 0:
		return e.emptyArray
	case slices.Max(aud) == "":
		return e.emptyString
	}
	return e.of(aud...)
}

// Only so many names of a token are compared with the configured ones, and only
// up to this length. Otherwise a refusal could cost 20 times as much as an
// acceptance, because an audience may have thousands of names.
const (
	maxNames = 8
	maxLen   = 512 // in bytes
)

func (e *Errors) of(have ...string) error {
	have = have[:min(len(have), maxNames)]
	if slices.ContainsFunc(have, func(name string) bool { return len(name) > maxLen }) {
		return e.other
	}
	for i := range differences {
		for _, want := range e.want {
			if slices.ContainsFunc(have, func(have string) bool { return differences[i].is(want, have) }) {
				return e.near[i]
			}
		}
	}
	return e.other
}

// differences are the differences that are easily overlooked.
var differences = [...]struct {
	text string
	is   func(want, have string) bool
}{
	{"it differs only in a slash at the end", func(want, have string) bool {
		return strings.TrimSuffix(want, "/") == strings.TrimSuffix(have, "/")
	}},
	{"it differs only in its scheme (https://, http:// or none)", func(want, have string) bool {
		return withoutScheme(want) == withoutScheme(have)
	}},
	{"it differs only in capital and small letters", strings.EqualFold},
	{"it differs only in white space at an end", func(want, have string) bool {
		return strings.TrimSpace(want) == strings.TrimSpace(have)
	}},
	{"it is one text with several names; the issuer must write an array of strings", func(want, have string) bool {
		return slices.Contains(strings.FieldsFunc(have, func(r rune) bool { return r == ' ' || r == ',' }), want)
	}},
}

func withoutScheme(uri string) string {
	uri = strings.TrimSuffix(uri, "/")
	return strings.TrimPrefix(strings.TrimPrefix(uri, "https://"), "http://")
}
