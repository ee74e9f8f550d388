package jwtauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"time"
)

// forger is a key of the attacker. It has the type that the middleware expects.
type forger struct {
	alg  string
	sign func(input string) []byte
	jwk  map[string]any
	pair crypto.Signer // nil for a symmetric key
}

// newForger returns an attacker's key for alg, or for EdDSA if alg is unknown.
// The keys protect no data, so each process generates them once.
func newForger(alg string) forger {
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[strings.TrimLeft(alg, "HRPES")]
	f := forger{alg: alg}
	switch {
	case hash != 0 && strings.HasPrefix(alg, "HS"):
		secret := forgedSecret()
		f.sign = func(input string) []byte { return mac(hash, secret, input) }
		f.jwk = map[string]any{"kty": "oct", "k": encode(secret)}
		return f
	case hash != 0 && (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")):
		key := forgedRSA()
		var opts crypto.SignerOpts = hash
		if alg[0] == 'P' {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		f.pair = key
		f.sign = func(input string) []byte {
			signature, err := key.Sign(rand.Reader, digest(hash, input), opts)
			must(err)
			return signature
		}
		f.jwk = map[string]any{"kty": "RSA", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes())}
	case hash != 0 && strings.HasPrefix(alg, "ES"):
		key := forgedECDSA[hash]()
		f.pair = key
		f.sign = func(input string) []byte {
			r, s, err := ecdsa.Sign(rand.Reader, key, digest(hash, input))
			must(err)
			size := (key.Params().BitSize + 7) / 8 // RFC 7518, section 3.4
			signature := make([]byte, 2*size)
			r.FillBytes(signature[:size])
			s.FillBytes(signature[size:])
			return signature
		}
		point, err := key.PublicKey.Bytes()
		must(err)
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		f.jwk = map[string]any{"kty": "EC", "crv": key.Params().Name, "x": encode(x), "y": encode(y)}
	default:
		if alg != "Ed25519" { // RFC 9864, section 2.2
			f.alg = "EdDSA"
		}
		key := forgedEd25519()
		f.pair = key
		f.sign = func(input string) []byte { return ed25519.Sign(key, []byte(input)) }
		f.jwk = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": encode(key.Public().(ed25519.PublicKey))}
	}
	return f
}

// x5c returns the header parameter x5c with a self-signed certificate of the
// key (RFC 7515, section 4.1.6).
func (f forger) x5c() []string {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, f.pair.Public(), f.pair)
	must(err)
	return []string{base64.StdEncoding.EncodeToString(certificate)}
}

var (
	forgedSecret  = sync.OnceValue(func() []byte { return []byte(rand.Text() + rand.Text() + rand.Text()) })
	forgedRSA     = sync.OnceValue(func() *rsa.PrivateKey { key, err := rsa.GenerateKey(rand.Reader, 2048); must(err); return key })
	forgedEd25519 = sync.OnceValue(func() ed25519.PrivateKey { _, key, err := ed25519.GenerateKey(rand.Reader); must(err); return key })
	forgedECDSA   = map[crypto.Hash]func() *ecdsa.PrivateKey{
		crypto.SHA256: forgedOn(elliptic.P256()),
		crypto.SHA384: forgedOn(elliptic.P384()),
		crypto.SHA512: forgedOn(elliptic.P521()),
	}
)

func forgedOn(curve elliptic.Curve) func() *ecdsa.PrivateKey {
	return sync.OnceValue(func() *ecdsa.PrivateKey { key, err := ecdsa.GenerateKey(curve, rand.Reader); must(err); return key })
}

// must panics on errors that occur only if the machine has no source of
// randomness.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func digest(hash crypto.Hash, input string) []byte {
	h := hash.New()
	h.Write([]byte(input))
	return h.Sum(nil)
}

func mac(hash crypto.Hash, secret []byte, input string) []byte {
	h := hmac.New(hash.New, secret)
	h.Write([]byte(input))
	return h.Sum(nil)
}

// forged returns the token with an additional claim, a changed header, and a
// signature by f.
func (f forger) forged(k jws, changes map[string]any) string {
	if f.alg != k.alg {
		changes["alg"] = f.alg
	}
	input := k.headerWith(changes) + "." + k.payloadWith("jwtauthtest", "forged")
	return input + "." + encode(f.sign(input))
}

// guessed returns the token with an additional claim, signed by HMAC with a
// secret that can be guessed. If alg is not an HMAC algorithm, it is changed to
// HS256 (RFC 8725, section 2.1).
func guessed(k jws, secret string) string {
	alg, hash := k.alg, crypto.SHA256
	switch alg {
	case "HS384":
		hash = crypto.SHA384
	case "HS512":
		hash = crypto.SHA512
	default:
		alg = "HS256"
	}
	input := k.headerWith(map[string]any{"alg": alg}) + "." + k.payloadWith("jwtauthtest", "forged")
	return input + "." + encode(mac(hash, []byte(secret), input))
}
