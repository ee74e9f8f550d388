// Package scopes reads the scopes in the claims of a token.
package scopes

import (
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// Add returns a list of scopes with those of v added: a string (RFC 8693,
// section 4.2) or an array of strings, which several providers write. For any
// other value it returns the list and false. It leaves out elements that are
// not a scope-token (RFC 6749, section 3.3) because they are empty or contain a
// space: joined with the others, such an element would read as two scopes that
// were not granted.
func Add(list string, v jsonscan.Value) (all string, ok bool) {
	if more, ok := v.Str(); ok {
		switch {
		case list == "":
			return more, true
		case more == "":
			return list, true
		}
		return list + " " + more, true
	}
	var joined strings.Builder
	joined.Grow(len(list) + len(v.Text))
	joined.WriteString(list)
	ok = v.Elements(func(e jsonscan.Value) bool {
		one, ok := e.Str()
		if ok && one != "" && !strings.Contains(one, " ") {
			if joined.Len() > 0 {
				joined.WriteByte(' ')
			}
			joined.WriteString(one)
		}
		return ok
	})
	if !ok {
		return list, false
	}
	return joined.String(), true
}
