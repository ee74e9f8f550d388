package jose

import (
	"errors"
	"strings"
)

// FromText returns the key in the value of an environment variable: PEM, whose
// line breaks may be written as \n, a JWK, or an HS256 secret. It refuses text
// that is likely to be a mistake instead of using it as a secret.
func FromText(value string) (*Key, error) {
	text := cleanText([]byte(value))
	switch {
	case text == "":
		return nil, errors.New("not set or empty; set it to a secret of at least 32 bytes (openssl rand -base64 32), or to a key as PEM or JWK")
	case strings.Contains(text, "BEGIN") || strings.Contains(text, "-----") || text[0] == '{':
		return Parse("", []byte(text))
	}
	if k, err := parseBase64("", text); k != nil || err != nil {
		return k, err
	}
	text = trimInvisible(value)
	switch {
	case strings.ContainsRune("\"'[<", rune(text[0])) || strings.Contains(text, "${") || strings.Contains(text, "://") || strings.HasPrefix(text, "data:"):
		return nil, errors.New("is in quotes or brackets, or refers to something else; set the variable to the value itself")
	case len(text) != len(value):
		// Some programs would trim it and others would not.
		return nil, errors.New("begins or ends with white space or a byte order mark; remove it, or pass the exact bytes to NewKey")
	}
	return New(HS256, []byte(value))
}
