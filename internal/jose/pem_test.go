package jose_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// ecParameters is the block that "openssl ecparam -genkey" writes before the
// key.
var ecParameters = pemOf("EC PARAMETERS", must(asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})))

func TestParsePEM(t *testing.T) {
	pkcs8 := func(private any) string { return pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(private))) }
	spki := func(pub any) string { return pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(pub))) }
	sec1 := func(p *ecdsa.PrivateKey) string {
		return pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p)))
	}
	for _, tt := range []struct {
		name, text string
		alg, want  jose.Algorithm
		private    bool
		same       any
	}{
		{"PKCS8 RSA", pkcs8(rsaKey()), "", "RS256", true, rsaKey()},
		{"PKCS8 RSA", pkcs8(rsaKey()), "PS384", "PS384", true, rsaKey()},
		{"PKCS8 P-256", pkcs8(p256Key()), "", "ES256", true, p256Key()},
		{"PKCS8 P-384", pkcs8(p384Key()), "", "ES384", true, p384Key()},
		{"PKCS8 P-521", pkcs8(p521Key()), "ES512", "ES512", true, p521Key()},
		{"PKCS8 Ed25519", pkcs8(edKey()), "", "EdDSA", true, edKey()},
		{"PKCS1 private", pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), "", "RS256", true, rsaKey()},
		{"PKCS1 public", pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), "RS512", "RS512", false, rsaKey()},
		{"SEC1 P-256", sec1(p256Key()), "", "ES256", true, p256Key()},
		{"SEC1 P-521", sec1(p521Key()), "", "ES512", true, p521Key()},
		{"SEC1 after parameters", ecParameters + sec1(p256Key()), "", "ES256", true, p256Key()},
		{"SPKI RSA", spki(&rsaKey().PublicKey), "PS256", "PS256", false, rsaKey()},
		{"SPKI P-384", spki(&p384Key().PublicKey), "", "ES384", false, p384Key()},
		{"SPKI Ed25519", spki(edKey().Public()), "EdDSA", "EdDSA", false, edKey()},
		{"white space", "\n\t " + spki(edKey().Public()) + "\r\n\n", "", "EdDSA", false, edKey()},
		{"CRLF", strings.ReplaceAll(spki(edKey().Public()), "\n", "\r\n"), "", "EdDSA", false, edKey()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jose.Parse(tt.alg, []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			same := must(jose.New(tt.want, tt.same))
			if !tt.private {
				same = same.Public()
			}
			if key.Algorithm() != tt.want || key.ID() != same.ID() || !bytes.Equal(must(key.MarshalPEM()), must(same.MarshalPEM())) {
				t.Errorf("read as %v, want %v", key, same)
			}
		})
	}
}

func TestParsePEMRefuses(t *testing.T) {
	spki := pemOf("PUBLIC KEY", spkiOf("EdDSA"))
	pkcs8DER := must(x509.MarshalPKCS8PrivateKey(edKey()))
	pkcs8 := pemOf("PRIVATE KEY", pkcs8DER)
	x25519 := must(ecdh.X25519().GenerateKey(rand.Reader))
	weak := rsaPublic(1024, 1, 65537)
	for _, tt := range []struct {
		name, text string
		alg        jose.Algorithm
		want       string
	}{
		{"unknown algorithm", spki, "none", `algorithm "none" is not one of`},
		{"HMAC", spki, "HS256", "HS256 key is an Ed25519 key"},
		{"another algorithm", spki, "RS256", "RS256 key is an Ed25519 key"},
		{"another curve", pemOf("PUBLIC KEY", spkiOf("ES256")), "ES384", "ECDSA key is on P-256; ES384 requires P-384"},
		{"P-224", pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(&ecKey(elliptic.P224())().PublicKey))), "", "ECDSA key is on P-224"},
		{"weak", pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(weak))), "", "RSA key is 1024 bits"},
		{"X25519 public", pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(x25519.PublicKey()))), "", "X25519, which cannot sign; use Ed25519"},
		{"X25519 private", pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(x25519))), "", "X25519, which cannot sign; use Ed25519"},
		{"small order", pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(ed25519.PublicKey(make([]byte, 32))))), "", "small order"},

		{"encrypted PKCS8", pemOf("ENCRYPTED PRIVATE KEY", randomBytes(100)), "", "encrypted; decrypt it first (openssl pkey"},
		{"encrypted PKCS1", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", "", "encrypted; decrypt it first (openssl pkey"},
		{"header lines", "-----BEGIN PUBLIC KEY-----\nComment: a\n\nAAAA\n-----END PUBLIC KEY-----\n", "", "has header lines"},
		{"certificate", pemOf("CERTIFICATE", randomBytes(100)), "", "is a certificate; extract its public key (openssl x509"},
		{"OpenSSH", pemOf("OPENSSH PRIVATE KEY", randomBytes(100)), "", "OpenSSH's own format; convert a copy of it (ssh-keygen"},
		{"parameters alone", ecParameters, "", "names a curve and contains no key"},
		{"other block", pemOf("DH PARAMETERS", randomBytes(100)), "", `PEM block is "DH PARAMETERS"; it must be PRIVATE KEY`},
		{"secret as label", pemOf("hunter2 hunter2 hunter2 hunter2", nil), "", "PEM block is (not shown)"},

		{"two keys", spki + spki, "", "several blocks"},
		{"key and certificate", spki + pemOf("CERTIFICATE", randomBytes(10)), "", "several blocks"},
		{"parameters after the key", spki + ecParameters, "", "several blocks"},
		{"parameters before another key", ecParameters + pkcs8, "", "several blocks"},
		{"text before", "key: " + spki, "", "preceded by other text"},
		{"text after", spki + "trailing", "", "followed by other text"},
		{"text between", ecParameters + "# key\n" + pemOf("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(p256Key()))), "", "followed by other text"},
		{"damaged block before", "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n" + spki, "", "several blocks"},
		{"no end", strings.TrimSuffix(spki, "-----END PUBLIC KEY-----\n"), "", "damaged or cut short"},
		{"wrong end", strings.Replace(spki, "END PUBLIC", "END PRIVATE", 1), "", "damaged or cut short"},
		{"bytes after the content", pemOf("PRIVATE KEY", append(bytes.Clone(pkcs8DER), 0, 0)), "", `PEM block "PRIVATE KEY" has 2 bytes after its content`},
		{"cut content", pemOf("PRIVATE KEY", pkcs8DER[:len(pkcs8DER)-1]), "", `PEM block "PRIVATE KEY" does not parse`},
		{"no content", pemOf("PUBLIC KEY", nil), "", `PEM block "PUBLIC KEY" does not parse`},
		{"private key with a public label", pemOf("PUBLIC KEY", pkcs8DER), "", `PEM block "PUBLIC KEY" contains a private key`},
		{"public key with a private label", pemOf("PRIVATE KEY", spkiOf("RS256")), "", `PEM block "PRIVATE KEY" contains a public key; its label must be PUBLIC KEY`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jose.Parse(tt.alg, []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if key != nil {
				t.Errorf("key %v beside the error", key)
			}
		})
	}
}

func TestMarshalPEM(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		key := must(jose.New(alg, materialFor(alg)))
		text, err := key.MarshalPEM()
		if alg.Symmetric() {
			if text != nil || err == nil || !strings.HasPrefix(err.Error(), string(alg)+" keys have no PEM form; use MarshalJWK") {
				t.Errorf("%s: %q, %v", alg, text, err)
			}
			continue
		}
		block, rest := pem.Decode(text)
		if err != nil || block.Type != "PRIVATE KEY" || len(rest) > 0 {
			t.Fatalf("%s: %q, %v", alg, text, err)
		}
		same, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil || !same.(interface{ Equal(crypto.PrivateKey) bool }).Equal(materialFor(alg)) {
			t.Errorf("%s: another key, %v", alg, err)
		}
		external := must(jose.New(alg, publicSigner(materialFor(alg).(crypto.Signer).Public())))
		if text := must(external.MarshalPEM()); !bytes.Equal(text, must(key.Public().MarshalPEM())) {
			t.Errorf("%s: the PEM of a key in a KMS is not its public part: %q", alg, text)
		}
	}
}
