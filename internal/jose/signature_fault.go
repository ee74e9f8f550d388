package jose

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

// signatureFaults are the reasons why a signature is none of an algorithm. They
// are built once, so that refusing a token costs no more than accepting it.
type signatureFaults struct {
	size             int // in bytes, or 0 if it depends on the key
	der, hex, length error
}

var faultsOf = func() map[Algorithm]signatureFaults {
	m := make(map[Algorithm]signatureFaults)
	for _, s := range suites {
		size := s.signatureSize()
		f := signatureFaults{
			size:   size,
			hex:    errors.New("the signature is hexadecimal; JWS needs base64url of its bytes (RFC 7515, section 2)"),
			length: fmt.Errorf("the signature does not have the %d bytes of %s: it was cut off, or is of another algorithm", size, s.alg),
		}
		if size == 0 {
			f.length = errors.New("the signature is not as long as the modulus of a key: it was made with a key of another length, or cut off")
		}
		if s.family == familyECDSA {
			f.der = fmt.Errorf("the signature is in ASN.1 DER form; JWS needs the %d bytes of r and s (RFC 7518, section 3.4)", size)
		}
		m[s.alg] = f
	}
	return m
}()

// signatureSize returns the number of bytes of each signature, or 0 if it
// depends on the key.
func (s *suite) signatureSize() int {
	switch s.family {
	case familyHMAC:
		return s.hash.Size()
	case familyECDSA:
		return 2 * ((s.curve.Params().BitSize + 7) / 8)
	case familyEd25519:
		return 64
	}
	return 0
}

// SignatureFaults returns all errors of [SignatureFault].
func SignatureFaults() (all []error) {
	for _, alg := range Algorithms() {
		f := faultsOf[alg]
		all = append(all, f.hex, f.length)
		if f.der != nil {
			all = append(all, f.der)
		}
	}
	return all
}

// SignatureFault returns the reason why the third segment of a token, which is
// base64url, cannot be a signature of alg with any key that [Key.Fits] refuses
// it for.
func SignatureFault(alg Algorithm, segment string) error {
	f := faultsOf[alg]
	signature, _ := compact.Decode(nil, segment)
	switch {
	case f.der != nil && isDERSequence(signature):
		return f.der
	case f.size > 0 && len(segment) == 2*f.size && strings.Trim(segment, "0123456789abcdefABCDEF") == "":
		return f.hex
	}
	return f.length
}

// Fits reports whether segment is as long as a signature of k in base64url.
func (k *Key) Fits(segment string) bool {
	return k != nil && len(segment) == base64.RawURLEncoding.EncodedLen(k.size)
}

// isDERSequence reports whether b is an ASN.1 SEQUENCE that begins with an
// INTEGER and fills b.
func isDERSequence(b []byte) bool {
	if len(b) > 3 && b[0] == 0x30 && b[1] == 0x81 { // a long form of the length
		b = b[1:]
	} else if len(b) < 3 || b[0] != 0x30 {
		return false
	}
	return int(b[1]) == len(b)-2 && b[2] == 0x02
}
