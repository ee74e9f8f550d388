package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/base64"
	"sync"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

// Verify reports whether token[dot+1:] is a valid signature of token[:dot] in
// canonical base64url without padding. For HMAC it does not allocate.
func (k *Key) Verify(token string, dot int) bool {
	if k == nil || dot < 0 || dot >= len(token) {
		return false
	}
	input, segment := token[:dot], token[dot+1:]
	if len(segment) != base64.RawURLEncoding.EncodedLen(k.size) {
		return false
	}
	if k.macs != nil {
		m := k.macs.Get().(*mac)
		given, ok := compact.Decode(m.given[:0], segment)
		ok = subtle.ConstantTimeCompare(sum(m, input), given) == 1 && ok
		k.macs.Put(m)
		return ok
	}
	buffer := signatures.Get().(*[maxSignature]byte)
	defer signatures.Put(buffer)
	signature, ok := compact.Decode(buffer[:0], segment)
	return ok && k.verify(input, signature)
}

const maxSignature = maxRSABits / 8

// signatures holds buffers for decoded signatures. A local buffer would be
// allocated for each call, because it is passed to other packages.
var signatures = sync.Pool{New: func() any { return new([maxSignature]byte) }}

// verify reports whether signature, in the form of JWS, is a signature of input
// with a key that is not symmetric. It calls the standard library, and not
// golang-jwt, which allocates a hash, a copy of the input and, for ECDSA, two
// big integers.
func (k *Key) verify(input string, signature []byte) bool {
	if len(signature) != k.size {
		return false
	}
	if pub, ok := k.pub.(ed25519.PublicKey); ok {
		return ed25519.Verify(pub, []byte(input), signature)
	}
	d := k.suite.digests.Get().(*mac)
	defer k.suite.digests.Put(d)
	digest := sum(d, input)
	switch pub := k.pub.(type) {
	case *rsa.PublicKey:
		if k.suite.family == familyPSS {
			// The salt is as long as the hash (RFC 7518, section 3.5).
			return rsa.VerifyPSS(pub, k.suite.hash, digest, signature, &strictPSS) == nil
		}
		return rsa.VerifyPKCS1v15(pub, k.suite.hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		var der [maxDER]byte
		return ecdsa.VerifyASN1(pub, digest, appendDER(der[:0], signature))
	}
	return false
}

// maxDER is the length of the longest ASN.1 signature, that of P-521: a tag and
// a length of two bytes, and twice a tag, a length and 66 bytes that follow a
// zero.
const maxDER = 3 + 2*(3+66)

// appendDER appends a signature r‖s (RFC 7518, section 3.4) as the ASN.1
// sequence of both numbers.
func appendDER(dst, signature []byte) []byte {
	half := len(signature) / 2
	r, s := unsigned(signature[:half]), unsigned(signature[half:])
	dst = append(dst, 0x30)
	length := r.derLen() + s.derLen()
	if length > 0x7f {
		dst = append(dst, 0x81)
	}
	dst = append(dst, byte(length))
	return s.appendDER(r.appendDER(dst))
}

// unsigned is a number in big-endian bytes.
type unsigned []byte

// trimmed returns n without leading zeros, of which DER keeps one if the next
// bit is set.
func (n unsigned) trimmed() (digits []byte, zero bool) {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	return n, n[0]&0x80 != 0
}

func (n unsigned) derLen() int {
	digits, zero := n.trimmed()
	if zero {
		return 3 + len(digits)
	}
	return 2 + len(digits)
}

func (n unsigned) appendDER(dst []byte) []byte {
	digits, zero := n.trimmed()
	dst = append(dst, 0x02, byte(n.derLen()-2))
	if zero {
		dst = append(dst, 0)
	}
	return append(dst, digits...)
}
