package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// publicJWK is the public form of a key. The members that RFC 7638 §3.2 wants
// come first and in its order: with the others left out, this is what a thumbprint
// is the hash of.
type publicJWK struct {
	Crv string `json:"crv,omitempty"`
	E   string `json:"e,omitempty"`
	Kty string `json:"kty"`
	N   string `json:"n,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`

	Kid string    `json:"kid,omitempty"`
	Alg Algorithm `json:"alg,omitempty"`
	Use string    `json:"use,omitempty"`
}

// newPublicJWK returns the members of pub, which has been checked.
func newPublicJWK(pub crypto.PublicKey) publicJWK {
	text := base64.RawURLEncoding.EncodeToString
	switch p := pub.(type) {
	case *rsa.PublicKey:
		return publicJWK{Kty: "RSA", N: text(p.N.Bytes()), E: text(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, _ := p.Bytes() // 4‖x‖y; fails only off the curve
		size := len(point) / 2
		return publicJWK{Kty: "EC", Crv: p.Params().Name, X: text(point[1 : 1+size]), Y: text(point[1+size:])}
	case ed25519.PublicKey:
		return publicJWK{Kty: "OKP", Crv: "Ed25519", X: text(p)}
	}
	return publicJWK{}
}

// AppendPublicJWK appends the public JWK of k to dst.
func (k *Key) AppendPublicJWK(dst []byte) ([]byte, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	if k.Symmetric() {
		return nil, fmt.Errorf("%s keys have no public form", k.alg)
	}
	m := newPublicJWK(k.pub)
	m.Kid, m.Alg, m.Use = k.id, k.alg, "sig"
	object, err := json.Marshal(m)
	return append(dst, object...), err
}

// Thumbprint returns the SHA-256 thumbprint of k's public key in base64url (RFC
// 7638), "" for an HMAC key, which has none.
func (k *Key) Thumbprint() string { return thumbprint(k.pub) }

// thumbprint returns the SHA-256 thumbprint of pub in base64url (RFC 7638), ""
// for none.
func thumbprint(pub crypto.PublicKey) string {
	if pub == nil {
		return ""
	}
	required, err := json.Marshal(newPublicJWK(pub))
	if err != nil {
		return "" // strings alone always marshal
	}
	sum := sha256.Sum256(required)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
