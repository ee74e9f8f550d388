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
	"unicode"
	"unicode/utf8"
)

// checkSecret rejects bytes of any length that are not a secret: a buffer that
// was never filled, and the text of a key, which may be a public one.
func checkSecret(secret []byte) error {
	if len(secret) > 0 && len(bytes.Trim(secret, "\x00")) == 0 {
		return errors.New("is all zero bytes; fill it from crypto/rand")
	}
	if kind := keyLike(secret); kind != "" {
		return fmt.Errorf("is %s, not a secret; ParseKey reads PEM and JWK", kind)
	}
	return nil
}

// newChosenSecret returns the HMAC key with a copy of secret, which someone
// chose. It refuses secrets that others can guess.
func newChosenSecret(s *suite, secret []byte) (*Key, error) {
	k, err := newSecret(s, secret)
	if err != nil {
		return nil, err
	}
	if fault := guessable(secret); fault != "" {
		return nil, fmt.Errorf("%s key %s; use a random one (openssl rand -base64 %d)", s.alg, fault, s.hash.Size())
	}
	return k, nil
}

// minDistinct is the least number of distinct bytes of a secret. A random one
// of 32 bytes has about 30 of them, and about 14 if it is the hex of 16 bytes.
const minDistinct = 8

// guessable returns the reason why others can guess secret, or "".
func guessable(secret []byte) string {
	var seen [256]bool
	distinct := 0
	for _, b := range secret {
		if !seen[b] {
			seen[b] = true
			distinct++
		}
	}
	switch {
	case distinct < minDistinct:
		return fmt.Sprintf("has fewer than %d distinct bytes, so it can be guessed", minDistinct)
	case fingerprint.Match(secret):
		return "is the fingerprint of a key, which is public"
	case isPublished(secret):
		return "is a published example or default, so anyone can sign with it"
	}
	return ""
}

// fingerprint matches the output of ssh-keygen -l and openssl -fingerprint, and
// at least 16 bytes in hex with colons, also in quotes.
var fingerprint = regexp.MustCompile(`^[\s"']*(?:[0-9]+ )?(?i:(?:sha-?(?:1|256|384|512)|md5)(?: fingerprint)?[:=] ?[0-9a-z+/:_-]{20,}=?(?:[\s"']|$)|(?:[0-9a-f]{2}:){15,}[0-9a-f]{2}[\s"']*$)`)

// keyLike returns the kind of key that b is the text or the DER encoding of, or
// "". White space and invisible characters do not hide a key. Random bytes are
// mistaken for a key less than once in a million.
func keyLike(b []byte) string {
	if kind := keyLikeAsIs(b); kind != "" {
		return kind
	}
	if kind := keyLikeAsIs([]byte(trimInvisible(string(b)))); kind != "" {
		return kind
	}
	visible := strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || isInvisible(c) {
			return -1
		}
		return c
	}, string(b))
	if kind := keyLikeAsIs([]byte(visible)); kind != "" && utf8.Valid(b) {
		return kind
	}
	text := strings.NewReplacer(`\r`, "", `\n`, "", `"`, "", "'", "").Replace(visible)
	decoded, err := hex.DecodeString(text)
	if err != nil {
		text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		decoded, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil {
		return ""
	}
	if kind := keyLikeAsIs(decoded); kind != "" {
		return "an encoding of " + kind
	}
	return ""
}

// The kinds for which Parse has its own advice.
const (
	kindJSON    = "JSON, like a JWK"
	kindOpenSSH = "an OpenSSH public key"
	kindDER     = "the DER of a key or certificate"
)

// kty matches the member that every JWK has, also within an escaped string.
var kty = regexp.MustCompile(`\\?"kty\\?"\s*:`)

func keyLikeAsIs(b []byte) string {
	switch text := bytes.TrimSpace(b); {
	case bytes.Contains(b, []byte("-----BEGIN")):
		return "PEM"
	case bytes.HasPrefix(text, []byte("{")) && json.Valid(text) || kty.Match(b):
		return kindJSON
	case bytes.Contains(b, []byte("<RSAKeyValue>")):
		return "an XML key"
	case bytes.Contains(b, []byte("---- BEGIN SSH2")) || bytes.Contains(b, []byte("----BEGINSSH2")):
		return "an SSH2 public key"
	case bytes.HasPrefix(text, []byte("ssh-")) || bytes.HasPrefix(text, []byte("ecdsa-sha2-")):
		return kindOpenSSH
	case looksDER(b):
		return kindDER
	}
	return ""
}

// looksDER reports whether b begins like the DER of a key or a certificate. The
// end may be missing. Keys and certificates are a SEQUENCE that begins with
//
//   - an INTEGER 0 or 1, the version of a private key;
//   - a SEQUENCE with an OBJECT IDENTIFIER, the algorithm of a public key;
//   - a long INTEGER or SEQUENCE, the modulus of an RSA public key or the
//     content of a certificate.
func looksDER(b []byte) bool {
	const (
		integer, oid, sequence = 0x02, 0x06, 0x30
		minKey                 = 40 // the shortest has 44 bytes
	)
	if len(b) < minKey || b[0] != sequence {
		return false
	}
	// The length is one byte, or 0x81 to 0x83 and one to three bytes.
	content, long := b[2:], false
	if b[1] > 0x83 {
		return false
	}
	if b[1] > 0x80 {
		content, long = b[2+b[1]-0x80:], true
	}
	switch tag, length, first := content[0], content[1], content[2]; {
	case tag == integer && length == 1:
		return first <= 1
	case tag == sequence && first == oid:
		return true
	case tag == integer || tag == sequence:
		return long && (length == 0x81 || length == 0x82)
	}
	return false
}
