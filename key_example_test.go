package jwtauth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

// A key pair published in RFC 8037, Appendix A. Never use it.
const exampleJWK = `{"kty":"OKP","crv":"Ed25519",
	"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
	"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`

func ExampleNewKey() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwtauth.NewKey(jwtauth.ES256, private)
	fmt.Println(key.Algorithm(), err)

	_, err = jwtauth.NewKey(jwtauth.ES384, private)
	fmt.Println(err)
	_, err = jwtauth.NewKey(jwtauth.HS256, []byte("secret"))
	fmt.Println(err)
	// Output:
	// ES256 <nil>
	// jwtauth: ECDSA key is on P-256; ES384 requires P-384
	// jwtauth: HS256 key is 6 bytes; RFC 7518, section 3.2, requires at least 32 (openssl rand -base64 32)
}

// kms stands for the client of a key management service.
type kms struct{ private *ecdsa.PrivateKey }

func (k kms) Public() crypto.PublicKey { return k.private.Public() }

func (k kms) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.private.Sign(random, digest, opts)
}

func ExampleNewKey_signer() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwtauth.NewKey(jwtauth.ES256, kms{private})
	if err != nil {
		log.Fatal(err)
	}
	text, err := key.MarshalPEM() // the private part stays where it is
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.SplitN(string(text), "\n", 2)[0])
	// Output: -----BEGIN PUBLIC KEY-----
}

func ExampleGenerateKey() {
	key, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Algorithm(), len(key.ID()))
	// Output: EdDSA 43
}

func ExampleParseKey() {
	key, err := jwtauth.ParseKey("", []byte(exampleJWK))
	fmt.Println(key, err)

	_, err = jwtauth.ParseKey(jwtauth.RS256, []byte(exampleJWK))
	fmt.Println(err)
	_, err = jwtauth.ParseKey("", []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	fmt.Println(err)
	// Output:
	// jwtauth.Key(EdDSA, id "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", private) <nil>
	// jwtauth: JWK is refused: RS256 key is an Ed25519 key; it must be an *rsa.PrivateKey or *rsa.PublicKey, or a crypto.Signer with such a public key
	// jwtauth: PEM key is encrypted; decrypt it first (openssl pkey -in key.pem -out decrypted.pem)
}

func ExampleKeyFromEnv() {
	os.Setenv("EXAMPLE_TOKEN_SECRET", "XdWdCzkXVlNqm7pCw5ZKd5V5mrJfRjQrmEr2sRkGgTQ=") // openssl rand -base64 32
	key, err := jwtauth.KeyFromEnv("EXAMPLE_TOKEN_SECRET")
	fmt.Println(key.Algorithm(), err)

	_, err = jwtauth.KeyFromEnv("EXAMPLE_UNSET")
	fmt.Println(err)
	// Output:
	// HS256 <nil>
	// jwtauth: environment variable EXAMPLE_UNSET: not set or empty; set it to a secret of at least 32 bytes (openssl rand -base64 32), or to a key as PEM or JWK
}

func ExampleKey_ID() {
	key, err := jwtauth.ParseKey("", []byte(exampleJWK))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.ID()) // the thumbprint of RFC 8037, Appendix A.3
	// Output: kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
}

func ExampleKey_WithID() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	key = key.WithID("2026-07")
	fmt.Println(key.ID())
	// Output: 2026-07
}

func ExampleKey_Algorithm() {
	key, err := jwtauth.GenerateKey(jwtauth.HS512)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.Algorithm())
	// Output: HS512
}

func ExampleKey_Public() {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	public := key.Public()
	fmt.Println(public.ID() == key.ID())

	secret, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(secret.Public() == jwtauth.Key{})
	// Output:
	// true
	// true
}

func ExampleKey_MarshalPEM() {
	key, err := jwtauth.ParseKey("", []byte(exampleJWK))
	if err != nil {
		log.Fatal(err)
	}
	text, err := key.Public().MarshalPEM()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s", text)
	// Output:
	// -----BEGIN PUBLIC KEY-----
	// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
	// -----END PUBLIC KEY-----
}

func ExampleKey_MarshalJWK() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	object, err := key.WithID("2026-07").MarshalJWK() // contains the secret
	if err != nil {
		log.Fatal(err)
	}

	// Later, for example in the next process:
	key, err = jwtauth.ParseKey("", object)
	fmt.Println(key, err)
	// Output: jwtauth.Key(HS256, id "2026-07", secret) <nil>
}

func ExampleKey_String() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(key.WithID("a").String())
	// Output: jwtauth.Key(HS256, id "a", secret)
}

func ExampleKey_Format() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x\n", key)
	// Output: jwtauth.Key(HS256, id "", secret)
}

func ExampleKey_LogValue() {
	key, err := jwtauth.ParseKey("", []byte(exampleJWK))
	if err != nil {
		log.Fatal(err)
	}
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})).Info("signing", "key", key.WithID("a"))
	// Output: level=INFO msg=signing key="jwtauth.Key(EdDSA, id \"a\", private)"
}

// A key is bound to one algorithm. Key material of one kind may suit several.
func ExampleAlgorithm() {
	curves := map[elliptic.Curve]jwtauth.Algorithm{
		elliptic.P256(): jwtauth.ES256,
		elliptic.P384(): jwtauth.ES384,
		elliptic.P521(): jwtauth.ES512,
	}
	for curve, alg := range curves {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := jwtauth.NewKey(alg, private); err != nil {
			log.Fatal(err)
		}
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	secret := make([]byte, 64)
	rand.Read(secret)
	for _, alg := range []jwtauth.Algorithm{
		jwtauth.HS256, jwtauth.HS384, jwtauth.HS512,
		jwtauth.RS256, jwtauth.RS384, jwtauth.RS512,
		jwtauth.PS256, jwtauth.PS384, jwtauth.PS512,
		jwtauth.EdDSA,
	} {
		_, secretErr := jwtauth.NewKey(alg, secret)
		_, rsaErr := jwtauth.NewKey(alg, private)
		fmt.Println(alg, secretErr == nil, rsaErr == nil)
	}
	// Output:
	// HS256 true false
	// HS384 true false
	// HS512 true false
	// RS256 false true
	// RS384 false true
	// RS512 false true
	// PS256 false true
	// PS384 false true
	// PS512 false true
	// EdDSA false false
}
