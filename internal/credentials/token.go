// Package credentials finds tokens in the text of headers, parameters and
// cookies, and explains why a text is not a token.
package credentials

import (
	"errors"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

// Reasons why a text is not a token, besides those of [compact.Damage]. They do
// not contain the text.
var (
	ErrEmpty       = errors.New("no token follows the scheme")
	ErrScheme      = errors.New("a scheme precedes the token: read this header with HeaderScheme")
	ErrSchemeTwice = errors.New("the scheme is given twice")
	ErrCharacter   = errors.New("a character that no token contains (RFC 6750, section 2.1)")
)

// IsTokenChar reports whether c may occur in the name of a scheme or a header
// (RFC 9110, section 5.6.2).
func IsTokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// IsName reports whether s can be the name of a scheme or a header.
func IsName(s string) bool {
	for _, c := range []byte(s) {
		if !IsTokenChar(c) {
			return false
		}
	}
	return s != ""
}

// badTokenByte is 1 for each byte that cannot be in a b64token (RFC 6750,
// section 2.1), and for "=", which can only end one.
var badTokenByte = func() (t [256]byte) {
	for c := range t {
		t[c] = 1
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") {
		t[c] = 0
	}
	return t
}()

// Token returns s if it is a b64token, and an error otherwise.
func Token(s string) (string, error) {
	body := s
	for len(body) > 1 && body[len(body)-1] == '=' {
		body = body[:len(body)-1]
	}
	if body == "" {
		return "", ErrEmpty
	}
	var bad byte
	for len(body) >= 8 { // every request passes here: no branch for each byte
		bad |= badTokenByte[body[0]] | badTokenByte[body[1]] | badTokenByte[body[2]] | badTokenByte[body[3]] |
			badTokenByte[body[4]] | badTokenByte[body[5]] | badTokenByte[body[6]] | badTokenByte[body[7]]
		body = body[8:]
	}
	for i := range len(body) {
		bad |= badTokenByte[body[i]]
	}
	if bad != 0 {
		return "", damage(s)
	}
	return s, nil
}

// damage returns the reason why s is not a token.
func damage(s string) error {
	if err := compact.Damage(s); err != nil {
		return err
	}
	return ErrCharacter
}

// Plain is like Token for a text without a scheme. Its error says so if there
// is one.
func Plain(s string) (string, error) {
	token, err := Token(s)
	if err == nil {
		return token, nil
	}
	scheme, rest, found := strings.Cut(s, " ")
	if found && IsName(scheme) && rest != "" {
		return "", ErrScheme
	}
	return "", err
}

// Scheme returns the token in a header with the given scheme in any case and
// one or more spaces (RFC 9110, section 11.4). It returns "" and no error if
// the header has another scheme.
func Scheme(header, scheme string) (string, error) {
	rest, err := AfterScheme(header, scheme)
	if rest == "" {
		return "", err
	}
	token, err := Token(rest)
	if err != nil {
		if after, twice := cutScheme(rest, scheme); twice && strings.HasPrefix(after, " ") {
			return "", ErrSchemeTwice
		}
		return "", err
	}
	return token, nil
}

// AfterScheme is like [Scheme], but does not check the characters of the token.
func AfterScheme(header, scheme string) (string, error) {
	rest, ok := cutScheme(header, scheme)
	switch {
	case !ok:
		return "", nil
	case rest == "":
		return "", ErrEmpty
	case rest[0] != ' ':
		return "", ErrCharacter
	}
	if rest = strings.TrimLeft(rest, " "); rest == "" {
		return "", ErrEmpty
	}
	return rest, nil
}

// cutScheme returns the header after the scheme, and false if the header has
// another scheme.
func cutScheme(header, scheme string) (rest string, ok bool) {
	if len(header) < len(scheme) {
		return "", false
	}
	// EqualFold compares letter by letter, and most clients send the same case.
	if name := header[:len(scheme)]; name != scheme && !strings.EqualFold(name, scheme) {
		return "", false
	}
	rest = header[len(scheme):]
	if rest != "" && IsTokenChar(rest[0]) { // the name of a longer scheme
		return "", false
	}
	return rest, true
}
