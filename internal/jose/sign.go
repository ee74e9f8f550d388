package jose

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"

	"github.com/seed-0a072700/jwtauth/internal/compact"
)

// Sign appends the signature of input to dst, as base64url without padding.
func (k *Key) Sign(dst, input []byte) ([]byte, error) {
	if k == nil {
		return nil, errors.New("the zero Key cannot sign")
	}
	if err := k.Check(); err != nil {
		return nil, err
	}
	if !k.CanSign() {
		return nil, fmt.Errorf("%s key has no private part to sign with", k.alg)
	}
	if k.macs != nil {
		m := k.macs.Get().(*mac)
		dst = append(dst, macText(m, input)...)
		k.macs.Put(m)
		return dst, nil
	}
	private := k.private()
	signer, isExternal := private.(external)
	var signature []byte
	var err error
	if isExternal {
		signature, err = k.signExternally(signer, input)
	} else {
		signature, err = k.suite.method.Sign(string(input), private)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.alg, err)
	}
	if len(signature) != k.size {
		return nil, fmt.Errorf("%s: signature is %d bytes instead of %d", k.alg, len(signature), k.size)
	}
	return base64.RawURLEncoding.AppendEncode(dst, signature), nil
}

// Verify reports whether token[dot+1:] is a valid signature of token[:dot] in
// canonical base64url without padding. For HMAC it does not allocate.
func (k *Key) Verify(token string, dot int) bool {
	if k == nil || dot < 0 || dot >= len(token) {
		return false
	}
	segment := token[dot+1:]
	if len(segment) != base64.RawURLEncoding.EncodedLen(k.size) {
		return false
	}
	if k.macs != nil {
		// Comparing the encoded MACs, instead of decoding the given one,
		// accepts only the canonical encoding.
		m := k.macs.Get().(*mac)
		want := macText(m, token[:dot])
		given := m.given[:copy(m.given[:], segment)]
		ok := subtle.ConstantTimeCompare(want, given) == 1
		k.macs.Put(m)
		return ok
	}
	buffer := signatures.Get().(*[maxSignature]byte)
	defer signatures.Put(buffer)
	signature, ok := compact.Decode(buffer[:0], segment)
	return ok && k.suite.method.Verify(token[:dot], signature, k.pub) == nil
}

const maxSignature = maxRSABits / 8

// signatures holds buffers for decoded signatures. A local buffer would be
// allocated for each call, because it is passed to an interface method.
var signatures = sync.Pool{New: func() any { return new([maxSignature]byte) }}
