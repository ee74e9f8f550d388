package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxKeyText is the maximum length of PEM and JWK in bytes. The longest RSA key
// needs about 13 KiB.
const maxKeyText = 64 << 10

// Parse reads one key from PEM or from a JWK. If alg is "", the key is for the
// algorithm that the JWK names, or for the default of the key's type.
//
// It repairs text if the result is unambiguous: see [cleanText], [splitPEM] and
// [parseBase64].
func Parse(alg Algorithm, data []byte) (*Key, error) {
	if alg != "" {
		if err := alg.Check(); err != nil {
			return nil, err
		}
	}
	if len(data) > maxKeyText {
		return nil, fmt.Errorf("key text is %d bytes; the maximum is %d", len(data), maxKeyText)
	}
	text := cleanText(data)
	if derSize(data) == len(data) { // which may begin or end with white space
		text = string(data)
	}
	switch {
	case text == "":
		return nil, errors.New("key text is empty; it must be PEM or a JWK")
	case text[0] == '{':
		return parseJWK(alg, text)
	case strings.Contains(text, pemBegin) || strings.Contains(text, pemEnd):
		return parsePEM(alg, text)
	}
	if k, err := parseBase64(alg, text); k != nil || err != nil {
		return k, err
	}
	return nil, unreadable(text)
}

// parseJWK reads a JWK, whose secret must not be one that can be guessed.
func parseJWK(alg Algorithm, text string) (*Key, error) {
	m, err := ScanJWK([]byte(text))
	if err != nil {
		return nil, err
	}
	k, err := m.Key(alg)
	if err != nil {
		return nil, err
	}
	if err := checkGuessable(k); err != nil {
		return nil, err
	}
	return k, nil
}

// parseBase64 reads the base64 of PEM, or PEM whose first and last line were
// lost. It returns nil and no error for any other text.
func parseBase64(alg Algorithm, text string) (*Key, error) {
	b, ok := decodeBase64(text)
	if !ok {
		return nil, nil
	}
	if inner := cleanText(b); strings.HasPrefix(inner, pemBegin) {
		k, err := parsePEM(alg, inner)
		if err != nil {
			return nil, fmt.Errorf("base64 of %w", err)
		}
		return k, nil
	}
	if derSize(b) != len(b) {
		return nil, nil
	}
	for i := range derForms {
		if m, err := derForms[i].read(b); err == nil {
			return m.key(alg)
		}
	}
	return nil, nil
}

// unreadable returns the error for text that is neither PEM nor a JWK.
func unreadable(text string) error {
	if strings.HasPrefix(text, "ssh-ed25519 ") {
		return errors.New("key text is an OpenSSH public key for Ed25519, which ssh-keygen cannot convert; create a new key (openssl genpkey -algorithm Ed25519 -out key.pem)")
	}
	switch kind := keyLike([]byte(text)); kind {
	case "":
	case kindOpenSSH:
		return errors.New("key text is an OpenSSH public key; convert it (ssh-keygen -e -m PKCS8 -f key.pub)")
	case kindDER:
		return fmt.Errorf("key text is %s; convert it (%s)", kind, convertDER([]byte(text)))
	case kindJSON:
		return errors.New("key text is JSON, like a JWK, with other text around it; pass the JWK object alone")
	default:
		return fmt.Errorf("key text is %s; it must be PEM, from -----BEGIN to END-----, or a JWK object", kind)
	}
	switch {
	case brokenDashes.MatchString(text):
		return errors.New("key text is neither PEM nor a JWK: the first and the last line of PEM have five hyphens (-) on each side")
	case strings.HasPrefix(text, "data:"):
		return errors.New("key text is a data: URL; pass the PEM or JWK in it")
	}
	return errors.New("key text is neither PEM (-----BEGIN …) nor a JWK ({…}); use NewKey for a secret")
}

// convertDER returns the command that converts der to PEM.
func convertDER(der []byte) string {
	if _, err := x509.ParseCertificate(der); err == nil {
		return "openssl x509 -inform DER -in cert.der -pubkey -noout"
	}
	for i := range derForms {
		if _, err := derForms[i].read(der); err == nil && !derForms[i].private {
			return "openssl pkey -pubin -inform DER -in key.der -out key.pem"
		}
	}
	return "openssl pkey -inform DER -in key.der -out key.pem"
}

// brokenDashes matches the first line of PEM if its hyphens were lost, or
// replaced by dashes as word processors do.
var brokenDashes = regexp.MustCompile(`BEGIN [A-Z0-9 -]*(KEY|CERTIFICATE)`)

// defaultAlgorithm returns the algorithm of a key that does not name one. For a
// key that no algorithm supports, New rejects the result.
func defaultAlgorithm(material any) Algorithm {
	var curve string
	switch m := material.(type) {
	case *rsa.PrivateKey, *rsa.PublicKey:
		return RS256
	case ed25519.PrivateKey, ed25519.PublicKey:
		return EdDSA
	case []byte:
		return HS256
	case *ecdsa.PrivateKey:
		curve = m.Params().Name
	case *ecdsa.PublicKey:
		curve = m.Params().Name
	}
	switch curve {
	case "P-384":
		return ES384
	case "P-521":
		return ES512
	default:
		return ES256
	}
}

// quote returns s in quotes if it looks like the name of an algorithm or a
// format. Other text may be a misplaced secret, which errors must not contain.
func quote(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_. "
	if len(s) > 24 || strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(plain, r) }) {
		return "(not shown)"
	}
	return strconv.Quote(s)
}
