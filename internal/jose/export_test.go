package jose

import "encoding/base64"

// UncheckedSecret returns an HMAC key that verifies with a secret of any
// length. Some test vectors use shorter ones than JOSE allows.
func UncheckedSecret(alg Algorithm, secret []byte) *Key {
	s, err := alg.suite()
	if err != nil {
		panic(err)
	}
	return &Key{suite: s, alg: alg, size: s.hash.Size(), macs: newMACs(s.hash, secret)}
}

// SignatureLength returns the length of the signatures of k in base64url.
func (k *Key) SignatureLength() int { return base64.RawURLEncoding.EncodedLen(k.size) }
