package jose

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// FromText reads the key in the value of an environment variable.
func FromText(value string) (*Key, error) {
	text := strings.TrimSpace(value)
	switch {
	case text == "":
		return nil, errors.New("not set or empty; set it to a secret of at least 32 bytes (openssl rand -base64 32), or to a key as PEM or JWK")
	case strings.Contains(text, "BEGIN") || strings.Contains(text, "-----"):
		return Parse("", []byte(strings.NewReplacer(`\r\n`, "\n", `\n`, "\n").Replace(text)))
	case text[0] == '{':
		return Parse("", []byte(text))
	case strings.ContainsRune("\"'[<", rune(text[0])) || strings.Contains(text, "${") || strings.Contains(text, "://"):
		return nil, errors.New("is in quotes or brackets, or refers to something else; set the variable to the value itself")
	case len(text) != len(value):
		return nil, errors.New("begins or ends with white space; remove it, or pass the exact bytes to NewKey")
	}
	return New(HS256, []byte(value))
}

// checkSecret refuses bytes that are no secret, whatever their length: a buffer
// that was never filled, and the text of a key, which may well be public.
func checkSecret(secret []byte) error {
	if len(secret) > 0 && len(bytes.Trim(secret, "\x00")) == 0 {
		return errors.New("is nothing but zero bytes; fill it from crypto/rand")
	}
	if what := keyLike(secret); what != "" {
		return fmt.Errorf("is %s, which is no secret; ParseKey reads PEM and JWK", what)
	}
	return nil
}

// keyLike says what kind of key b is the text or the DER encoding of, "" if none.
// Random bytes pass for a key less than once in a million.
func keyLike(b []byte) string {
	if what := keyLikeAsIs(b); what != "" {
		return what
	}
	text := strings.NewReplacer(`\r`, "", `\n`, "", "\uFEFF", "", `"`, "", "'", "").Replace(string(b))
	text = strings.Join(strings.Fields(text), "")
	decoded, err := hex.DecodeString(text)
	if err != nil {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		decoded, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil {
		return ""
	}
	if what := keyLikeAsIs(decoded); what != "" {
		return "an encoding of " + what
	}
	return ""
}

// kty is the member that every JWK has, also inside of an escaped string.
var kty = regexp.MustCompile(`\\?"kty\\?"\s*:`)

func keyLikeAsIs(b []byte) string {
	switch text := bytes.TrimSpace(b); {
	case bytes.Contains(b, []byte("-----BEGIN")):
		return "PEM"
	case bytes.HasPrefix(text, []byte("{")) && json.Valid(text) || kty.Match(b):
		return "JSON, like a JWK"
	case bytes.Contains(b, []byte("<RSAKeyValue>")):
		return "an XML key"
	case bytes.HasPrefix(text, []byte("ssh-")) || bytes.HasPrefix(text, []byte("ecdsa-sha2-")):
		return "an OpenSSH public key"
	case looksDER(b):
		return "the DER of a key or certificate"
	}
	return ""
}

// looksDER reports whether b begins like the DER of a key or certificate; it
// need not be whole. Sizes aside, that is SEQUENCE { version 0 or 1 …},
// SEQUENCE { SEQUENCE { OID … or, where the sizes are large, SEQUENCE { INTEGER or SEQUENCE.
func looksDER(b []byte) bool {
	if len(b) < 40 || b[0] != 0x30 || b[1] > 0x83 {
		return false
	}
	content := b[2:]
	long := b[1] > 0x80
	if long {
		content = content[b[1]-0x80:]
	}
	switch {
	case content[0] == 0x02 && content[1] == 1 && content[2] <= 1, content[0] == 0x30 && content[2] == 0x06:
		return true
	default:
		return long && (content[0] == 0x30 || content[0] == 0x02) && (content[1] == 0x81 || content[1] == 0x82)
	}
}
