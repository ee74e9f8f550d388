package jose_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// The private keys of these tests. Each is generated once.
var (
	rsaKey                    = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Key, p384Key, p521Key = ecKey(elliptic.P256()), ecKey(elliptic.P384()), ecKey(elliptic.P521())
	edKey                     = sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(randomBytes(32)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ecKey(curve elliptic.Curve) func() *ecdsa.PrivateKey {
	return sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(curve, rand.Reader)) })
}

func randomBytes(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

// materialFor returns private material for alg. It is the same in each call,
// except for HMAC.
func materialFor(alg jose.Algorithm) any {
	switch {
	case alg.Symmetric():
		return randomBytes(hashOf(alg).Size())
	case alg == jose.ES256:
		return p256Key()
	case alg == jose.ES384:
		return p384Key()
	case alg == jose.ES512:
		return p521Key()
	case alg == jose.EdDSA:
		return edKey()
	}
	return rsaKey()
}

func hashOf(alg jose.Algorithm) crypto.Hash {
	switch string(alg)[2:] {
	case "256":
		return crypto.SHA256
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	}
	return 0
}

// rsaPublic returns the modulus 2^(bits-1) + low and the exponent e. These
// tests do not need its factors.
func rsaPublic(bits uint, low int64, e int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(low)), E: e}
}

// spkiOf returns the SPKI of a public key for alg.
func spkiOf(alg jose.Algorithm) []byte {
	return must(x509.MarshalPKIXPublicKey(materialFor(alg).(crypto.Signer).Public()))
}

func pemOf(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// jwkOf returns the members of a JWK with its private part.
func jwkOf(material any) map[string]any {
	text := base64.RawURLEncoding.EncodeToString
	switch p := material.(type) {
	case []byte:
		return map[string]any{"kty": "oct", "k": text(p)}
	case *rsa.PrivateKey:
		p.Precompute()
		return map[string]any{
			"kty": "RSA", "n": text(p.N.Bytes()), "e": text(big.NewInt(int64(p.E)).Bytes()), "d": text(p.D.Bytes()),
			"p": text(p.Primes[0].Bytes()), "q": text(p.Primes[1].Bytes()),
			"dp": text(p.Precomputed.Dp.Bytes()), "dq": text(p.Precomputed.Dq.Bytes()), "qi": text(p.Precomputed.Qinv.Bytes()),
		}
	case *ecdsa.PrivateKey:
		point := must(p.PublicKey.Bytes())
		size := len(point) / 2
		return map[string]any{
			"kty": "EC", "crv": p.Params().Name, "x": text(point[1 : 1+size]), "y": text(point[1+size:]), "d": text(must(p.Bytes())),
		}
	case ed25519.PrivateKey:
		return map[string]any{"kty": "OKP", "crv": "Ed25519", "x": text(p[32:]), "d": text(p[:32])}
	}
	panic("no JWK")
}

// readJWK reads a JWK like Parse, but accepts the published secrets of test
// vectors.
func readJWK(text []byte) (*jose.Key, error) {
	m, err := jose.ScanJWK(text)
	if err != nil {
		return nil, err
	}
	return m.Key("")
}

// jwkWithout returns m without the members whose changes are nil, and with the
// others changed.
func jwkWithout(m map[string]any, changes map[string]any) map[string]any {
	var changed map[string]any
	if err := json.Unmarshal([]byte(jwkWith(m, changes)), &changed); err != nil {
		panic(err)
	}
	return changed
}

// jwkWith returns the text of m with other members. A nil value removes one.
func jwkWith(m map[string]any, changes map[string]any) string {
	m = maps.Clone(m)
	for name, value := range changes {
		if value == nil {
			delete(m, name)
		} else {
			m[name] = value
		}
	}
	return string(must(json.Marshal(m)))
}

// fakeSigner is a crypto.Signer whose private key is not a type of the standard
// library, like the client of a KMS.
type fakeSigner struct {
	public func() crypto.PublicKey
	sign   func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) // nil if it must not be called
}

func (s fakeSigner) Public() crypto.PublicKey { return s.public() }

func (s fakeSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.sign(random, digest, opts)
}

// publicSigner returns a signer with the given public key that cannot sign.
func publicSigner(pub crypto.PublicKey) fakeSigner {
	return fakeSigner{public: func() crypto.PublicKey { return pub }}
}

// signerOf returns a signer that hides that its key is private.
func signerOf(private crypto.Signer) fakeSigner {
	return fakeSigner{private.Public, private.Sign}
}

// input is the signing input of most tests.
const input = "eyJhbGciOiJ4In0.eyJzdWIiOiJhIn0"

// signed returns text with a dot and its signature by k.
func signed(t testing.TB, k *jose.Key, text string) string {
	t.Helper()
	token, err := k.Sign([]byte(text+"."), []byte(text))
	if err != nil {
		t.Fatalf("%v: %v", k, err)
	}
	if !bytes.HasPrefix(token, []byte(text+".")) {
		t.Fatalf("Sign does not append: %q", token)
	}
	return string(token)
}

func verifies(k *jose.Key, token string) bool {
	return k.Verify(token, strings.LastIndexByte(token, '.'))
}
