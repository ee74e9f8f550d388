package jose

import (
	"crypto/ecdh"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"
)

// keyMaterial is the key in a DER encoding.
type keyMaterial struct {
	value any         // for New
	algs  []Algorithm // that the encoding allows, the default first; nil for any
}

// derForm is one of the encodings of keys, and the label that PEM gives it.
type derForm struct {
	label   string
	private bool
	parse   func(der []byte) (any, error)
}

var derForms = [...]derForm{
	{"PRIVATE KEY", true, x509.ParsePKCS8PrivateKey},
	{"RSA PRIVATE KEY", true, func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) }},
	{"EC PRIVATE KEY", true, func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) }},
	{"PUBLIC KEY", false, x509.ParsePKIXPublicKey},
	{"RSA PUBLIC KEY", false, func(der []byte) (any, error) { return x509.ParsePKCS1PublicKey(der) }},
}

// findForm returns the form that PEM labels in this way, or nil.
func findForm(label string) *derForm {
	for i := range derForms {
		if derForms[i].label == label {
			return &derForms[i]
		}
	}
	return nil
}

// read reads der in this form.
func (f *derForm) read(der []byte) (keyMaterial, error) {
	if pss, err := readPSS(der, f); err != nil || pss.value != nil {
		return pss, err
	}
	value, err := f.parse(der)
	if err != nil {
		return keyMaterial{}, err
	}
	switch value.(type) {
	case *ecdh.PrivateKey, *ecdh.PublicKey:
		return keyMaterial{}, fmt.Errorf("%w X25519, which cannot sign; use Ed25519 (openssl genpkey -algorithm Ed25519 -out key.pem)", errOtherType)
	}
	return keyMaterial{value: value}, nil
}

// readAny reads der in this form, or in another form of the same kind: some
// programs write a label that does not fit. A private key under the label of a
// public one is refused, because it was probably published.
func (f *derForm) readAny(der []byte) (keyMaterial, error) {
	m, err := f.read(der)
	if err == nil || errors.Is(err, errOtherType) {
		return m, err
	}
	for i := range derForms {
		other := &derForms[i]
		m, otherErr := other.read(der)
		switch {
		case otherErr != nil:
		case other.private == f.private:
			return m, nil
		case other.private:
			return keyMaterial{}, fmt.Errorf("PEM block %s contains a private key; if it was published, create a new key", quote(f.label))
		default:
			return keyMaterial{}, fmt.Errorf("PEM block %s contains a public key; its label must be %s", quote(f.label), other.label)
		}
	}
	return keyMaterial{}, f.unparsable(der, err)
}

// errOtherType marks the errors about keys that are well formed but of a type
// that is not supported.
var errOtherType = errors.New("PEM key is for")

// unparsable returns the error for der, which x509 refused with err.
func (f *derForm) unparsable(der []byte, err error) error {
	text := strings.TrimPrefix(err.Error(), "x509: ")
	if name := otherAlgorithms[algorithmOf(der).String()]; name != "" {
		return fmt.Errorf("%w %s, which is not supported; use Ed25519 (openssl genpkey -algorithm Ed25519 -out key.pem)", errOtherType, name)
	}
	switch {
	case strings.Contains(text, "elliptic curve"), strings.Contains(text, "ECDSA parameters"):
		return errors.New("PEM key is on a curve that is not supported; use P-256 (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem)")
	case strings.Contains(text, "(use Parse"):
		text = "its content is damaged"
	}
	return fmt.Errorf("PEM block %s does not parse: %s", quote(f.label), text)
}

// otherAlgorithms are the names of key types that are not supported.
var otherAlgorithms = map[string]string{
	"1.3.101.111":          "X448",
	"1.3.101.113":          "Ed448",
	"1.2.840.10040.4.1":    "DSA",
	"1.2.840.113549.1.3.1": "Diffie-Hellman",
	"1.2.840.10046.2.1":    "Diffie-Hellman",
}

// key returns the key for alg, or for the default of its type.
func (m keyMaterial) key(alg Algorithm) (*Key, error) {
	if alg == "" {
		alg = defaultAlgorithm(m.value)
		if m.algs != nil {
			alg = m.algs[0]
		}
	}
	if err := m.allows(alg); err != nil {
		return nil, err
	}
	return New(alg, m.value)
}

// derSize returns the size of the ASN.1 element at the start of b, or 0 if
// there is none. The element may be longer than b.
func derSize(b []byte) int {
	const sequence = 0x30
	if len(b) < 2 || b[0] != sequence {
		return 0
	}
	if b[1] < 0x80 {
		return 2 + int(b[1])
	}
	n := int(b[1] & 0x7f)
	if n < 1 || n > 3 || len(b) < 2+n {
		return 0
	}
	size := 0
	for _, digit := range b[2 : 2+n] {
		size = size<<8 | int(digit)
	}
	return 2 + n + size
}

// algorithmOf returns the algorithm of a PKCS #8 or SPKI key, or nil.
func algorithmOf(der []byte) asn1.ObjectIdentifier {
	identifier, _, _ := splitKey(der)
	return identifier.Algorithm
}
