package jose

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"fmt"
	"hash"
	"sync"
)

// newSecret returns the HMAC key with a copy of secret.
func newSecret(s *suite, secret []byte) (*Key, error) {
	if size := s.hash.Size(); len(secret) < size {
		return nil, fmt.Errorf("%s key is %d bytes; RFC 7518, section 3.2, requires at least %d (openssl rand -base64 %d)", s.alg, len(secret), size, size)
	}
	secret = bytes.Clone(secret)
	return &Key{
		suite:   s,
		alg:     s.alg,
		size:    s.hash.Size(),
		private: func() any { return secret },
		macs:    newMACs(s.hash, secret),
	}, nil
}

// mac is the state of an HMAC or of a plain hash, with the buffers of one
// computation. Values that pass through the hash.Hash interface escape to the
// heap, so they are pooled together. The buffers have a fixed size: a long
// token does not grow the pool.
type mac struct {
	hash  hash.Hash
	input [1024]byte
	sum   [64]byte
	given [64]byte // the MAC of a token
}

// newMACs returns a pool of states that use secret.
func newMACs(h crypto.Hash, secret []byte) *sync.Pool {
	return &sync.Pool{New: func() any { return &mac{hash: hmac.New(h.New, secret)} }}
}

// newDigests returns a pool of states of the plain hash h.
func newDigests(h crypto.Hash) *sync.Pool {
	return &sync.Pool{New: func() any { return &mac{hash: h.New()} }}
}

// sum returns the MAC or the hash of input. The result is valid until m is used
// again.
func sum[T string | []byte](m *mac, input T) []byte {
	m.hash.Reset()
	for len(input) > 0 {
		n := copy(m.input[:], input)
		m.hash.Write(m.input[:n])
		input = input[n:]
	}
	return m.hash.Sum(m.sum[:0])
}
