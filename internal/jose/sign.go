package jose

import (
	"encoding/base64"
	"errors"
	"fmt"
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
		dst = base64.RawURLEncoding.AppendEncode(dst, sum(m, input))
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
