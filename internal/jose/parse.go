package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxKeyText is the maximum length of PEM and JWK in bytes. The longest RSA key
// needs about 13 KiB.
const maxKeyText = 64 << 10

// Parse reads one key from PEM or from a JWK. If alg is "", the key is for the
// algorithm that the JWK names, or for the default of the key's type.
func Parse(alg Algorithm, data []byte) (*Key, error) {
	if alg != "" {
		if err := alg.Check(); err != nil {
			return nil, err
		}
	}
	if len(data) > maxKeyText {
		return nil, fmt.Errorf("key text is %d bytes; the maximum is %d", len(data), maxKeyText)
	}
	text := bytes.TrimSpace(data)
	switch {
	case len(text) == 0:
		return nil, errors.New("key text is empty; it must be PEM or a JWK")
	case bytes.HasPrefix(text, pemBegin):
		return parsePEM(alg, text)
	case text[0] == '{':
		m, err := ScanJWK(text)
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
	case bytes.Contains(text, pemBegin):
		return nil, errors.New("PEM block is preceded by other text; pass exactly one key")
	}
	if kind := keyLike(text); kind != "" {
		return nil, fmt.Errorf("key text is %s; it must be PEM, from -----BEGIN to END-----, or a JWK object", kind)
	}
	return nil, errors.New("key text is neither PEM (-----BEGIN …) nor a JWK ({…}); use NewKey for a secret")
}

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
