package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// jwkMembers is a JWK to be written. A thumbprint hashes the required members
// in alphabetical order (RFC 7638, section 3.2), so those come first, and a
// value with only those is the input of the hash.
type jwkMembers struct {
	Crv string `json:"crv,omitempty"`
	E   string `json:"e,omitempty"`
	Kty string `json:"kty"`
	N   string `json:"n,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`

	Kid    string    `json:"kid,omitempty"`
	Alg    Algorithm `json:"alg,omitempty"`
	Use    string    `json:"use,omitempty"`
	KeyOps []string  `json:"key_ops,omitempty"`
	Issuer string    `json:"issuer,omitempty"`

	D  string `json:"d,omitempty"`
	P  string `json:"p,omitempty"`
	Q  string `json:"q,omitempty"`
	DP string `json:"dp,omitempty"`
	DQ string `json:"dq,omitempty"`
	QI string `json:"qi,omitempty"`
	K  string `json:"k,omitempty"`
}

// publicJWK returns the required members of pub.
func publicJWK(pub crypto.PublicKey) jwkMembers {
	text := base64.RawURLEncoding.EncodeToString
	switch p := pub.(type) {
	case *rsa.PublicKey:
		return jwkMembers{Kty: "RSA", N: text(p.N.Bytes()), E: text(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, _ := p.Bytes() // 4‖x‖y; fails only for points off the curve
		size := len(point) / 2
		return jwkMembers{Kty: "EC", Crv: p.Params().Name, X: text(point[1 : 1+size]), Y: text(point[1+size:])}
	case ed25519.PublicKey:
		return jwkMembers{Kty: "OKP", Crv: "Ed25519", X: text(p)}
	}
	return jwkMembers{}
}

// AppendPublicJWK appends the public JWK of k to dst.
func (k *Key) AppendPublicJWK(dst []byte) ([]byte, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	if k.Symmetric() {
		return nil, fmt.Errorf("%s keys have no public form", k.alg)
	}
	m := publicJWK(k.pub)
	m.Kid, m.Alg, m.Use, m.Issuer = k.id, k.alg, "sig", k.issuer
	object, err := json.Marshal(m)
	return append(dst, object...), err
}

// MarshalJWK returns k as a JWK, including its private part unless that is in a
// crypto.Signer.
func (k *Key) MarshalJWK() ([]byte, error) {
	if err := k.Check(); err != nil {
		return nil, err
	}
	m := publicJWK(k.pub)
	m.Kid, m.Alg, m.Use, m.Issuer = k.id, k.alg, "sig", k.issuer
	if k.verifyOnly {
		m.KeyOps = []string{"verify"}
	}
	text := base64.RawURLEncoding.EncodeToString
	switch private := k.inProcess().(type) {
	case []byte:
		m.Kty, m.K = "oct", text(private)
	case *rsa.PrivateKey:
		m.D = text(private.D.Bytes())
		m.P, m.Q = text(private.Primes[0].Bytes()), text(private.Primes[1].Bytes())
		m.DP, m.DQ = text(private.Precomputed.Dp.Bytes()), text(private.Precomputed.Dq.Bytes())
		m.QI = text(private.Precomputed.Qinv.Bytes())
	case *ecdsa.PrivateKey:
		d, err := private.Bytes()
		if err != nil {
			return nil, fmt.Errorf("%s key as JWK: %v", k.alg, err)
		}
		m.D = text(d)
	case ed25519.PrivateKey:
		m.D = text(private.Seed())
	}
	return json.Marshal(m)
}
