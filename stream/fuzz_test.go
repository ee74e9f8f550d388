package stream_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// Whatever a client offers, a token is one of the offers or a part of one, and
// a handler sees that offer no more.
func FuzzSubprotocol(f *testing.F) {
	for _, offer := range []string{
		"bearer, a.b.c", "chat, app.bearer.a.b.c", kubernetes + "YS5iLmM, v4", "bearer,bearer", "a,,b", "bearer, \"a\"", "app.bearer.", kubernetes + "YR",
	} {
		f.Add(offer, "")
		f.Add("chat", offer)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, form := range forms {
			token, others, err := read(form.source, handshake(first, second))
			switch {
			case err != nil:
				if token != "" || len(others) > 0 || !errors.Is(err, jwtauth.ErrInvalidRequest) {
					t.Errorf("%s: %q, %q, %v", form.name, token, others, err)
				}
				continue
			case len(others) > 1:
				t.Errorf("%s: %d headers", form.name, len(others))
			}
			offered := split(first + "," + second)
			left := split(strings.Join(others, ","))
			if token == "" {
				if !slices.Equal(left, offered) {
					t.Errorf("%s: the handler sees %q of %q", form.name, left, offered)
				}
				continue
			}
			if len(left) != len(offered)-1 {
				t.Errorf("%s: the handler sees %q of %q", form.name, left, offered)
			}
			for _, name := range left {
				if name == token || strings.Contains(name, base64url(token)) {
					t.Errorf("%s: the handler sees the token", form.name)
				}
			}
		}
	})
}

func split(list string) (names []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.Trim(name, " \t"); name != "" {
			names = append(names, name)
		}
	}
	return names
}
