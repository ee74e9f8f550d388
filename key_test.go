package jwtauth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

var (
	keyRSA                    = sync.OnceValue(func() *rsa.PrivateKey { return keyMust(rsa.GenerateKey(rand.Reader, 2048)) })
	keyP256, keyP384, keyP521 = keyEC(elliptic.P256()), keyEC(elliptic.P384()), keyEC(elliptic.P521())
	keyEd                     = sync.OnceValue(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(keySecret(32)) })
)

var keyAlgorithms = []jwtauth.Algorithm{
	jwtauth.HS256, jwtauth.HS384, jwtauth.HS512, jwtauth.RS256, jwtauth.RS384, jwtauth.RS512, jwtauth.PS256,
	jwtauth.PS384, jwtauth.PS512, jwtauth.ES256, jwtauth.ES384, jwtauth.ES512, jwtauth.EdDSA,
}

func keyMust[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func keyEC(curve elliptic.Curve) func() *ecdsa.PrivateKey {
	return sync.OnceValue(func() *ecdsa.PrivateKey { return keyMust(ecdsa.GenerateKey(curve, rand.Reader)) })
}

func keySecret(size int) []byte {
	secret := make([]byte, size)
	rand.Read(secret)
	return secret
}

// keyMaterial returns private material for alg. It is the same in each call,
// except for HMAC.
func keyMaterial(alg jwtauth.Algorithm) any {
	switch alg {
	case jwtauth.HS256:
		return keySecret(32)
	case jwtauth.HS384:
		return keySecret(48)
	case jwtauth.HS512:
		return keySecret(64)
	case jwtauth.ES256:
		return keyP256()
	case jwtauth.ES384:
		return keyP384()
	case jwtauth.ES512:
		return keyP521()
	case jwtauth.EdDSA:
		return keyEd()
	}
	return keyRSA()
}

// keyRSAPublic returns the modulus 2^(bits-1) + low and the exponent e. These
// tests do not need its factors.
func keyRSAPublic(bits uint, low int64, e int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(low)), E: e}
}

// TestKeyErrors checks that each constructor and each way to write a key
// returns the zero Key and an error with one prefix.
func TestKeyErrors(t *testing.T) {
	hs, es := keyMust(jwtauth.GenerateKey(jwtauth.HS256)), keyMust(jwtauth.GenerateKey(jwtauth.ES256))
	written := func(text []byte, err error) (jwtauth.Key, error) {
		if text != nil {
			t.Errorf("%q beside the error", text)
		}
		return jwtauth.Key{}, err
	}
	t.Setenv("JWTAUTH_TEST_KEY", "short")
	for _, tt := range []struct {
		name string
		call func() (jwtauth.Key, error)
		want string
	}{
		{"NewKey", func() (jwtauth.Key, error) { return jwtauth.NewKey("none", nil) }, `jwtauth: algorithm "none" is not one of HS256, `},
		{"NewKey", func() (jwtauth.Key, error) { return jwtauth.NewKey("HS256", "secret") }, "jwtauth: HS256 key is a string; it must be a []byte of at least 32 bytes"},
		{"NewKey", func() (jwtauth.Key, error) { return jwtauth.NewKey("ES256", es) }, "jwtauth: ES256 key is a jwtauth.Key; it must be an *ecdsa.PrivateKey "},
		{"ParseKey", func() (jwtauth.Key, error) { return jwtauth.ParseKey("", nil) }, "jwtauth: key text is empty"},
		{"ParseKey", func() (jwtauth.Key, error) { return jwtauth.ParseKey("", []byte(`{}`)) }, "jwtauth: JWK has no member kty"},
		{"GenerateKey", func() (jwtauth.Key, error) { return jwtauth.GenerateKey("") }, `jwtauth: algorithm "" is not one of HS256, `},
		{"KeyFromEnv", func() (jwtauth.Key, error) { return jwtauth.KeyFromEnv("JWTAUTH_TEST_KEY") }, "jwtauth: environment variable JWTAUTH_TEST_KEY: HS256 key is 5 bytes"},
		{"MarshalPEM", func() (jwtauth.Key, error) { return written(hs.MarshalPEM()) }, "jwtauth: HS256 keys have no PEM form; use MarshalJWK"},
		{"MarshalPEM", func() (jwtauth.Key, error) { return written(jwtauth.Key{}.MarshalPEM()) }, "jwtauth: the zero Key has no PEM form"},
		{"MarshalJWK", func() (jwtauth.Key, error) { return written(jwtauth.Key{}.MarshalJWK()) }, "jwtauth: key is the zero Key; create one with NewKey"},
		{"MarshalJWK", func() (jwtauth.Key, error) { return written(es.WithID("a\n").MarshalJWK()) }, "jwtauth: ES256 key: key ID contains control characters"},
	} {
		key, err := tt.call()
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Count(err.Error(), "jwtauth: ") != 1 {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
		if key != (jwtauth.Key{}) {
			t.Errorf("%s: key %v beside the error", tt.name, key)
		}
	}
}

func TestKeyFromEnv(t *testing.T) {
	const name = "JWTAUTH_TEST_KEY"
	key := keyMust(jwtauth.GenerateKey(jwtauth.ES256)).WithID("a")
	for text, want := range map[string]string{
		string(keyMust(key.MarshalJWK())):  `jwtauth.Key(ES256, id "a", private)`,
		string(keyMust(key.MarshalPEM())):  key.WithID("").String(),
		"0123456789abcdef0123456789abcde!": `jwtauth.Key(HS256, id "", secret)`,
	} {
		t.Setenv(name, text)
		if got, err := jwtauth.KeyFromEnv(name); err != nil || got.String() != want {
			t.Errorf("%v, %v, want %s", got, err, want)
		}
	}
	os.Unsetenv(name) // t.Setenv restores it
	for _, value := range []string{"", "0123456789abcdef0123456789abcde"} {
		if value != "" {
			t.Setenv(name, value)
		}
		got, err := jwtauth.KeyFromEnv(name)
		if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: environment variable "+name+": ") || value != "" && strings.Contains(err.Error(), value) {
			t.Errorf("%q: %v", value, err)
		}
		if got != (jwtauth.Key{}) {
			t.Errorf("%q: key %v beside the error", value, got)
		}
	}
}

func TestKeyIDs(t *testing.T) {
	for _, alg := range keyAlgorithms {
		key := keyMust(jwtauth.NewKey(alg, keyMaterial(alg)))
		own := key.ID()
		if hmac := strings.HasPrefix(string(alg), "HS"); hmac != (own == "") || !hmac && len(own) != 43 {
			t.Errorf("%s: ID %q", alg, own)
		}
		named := key.WithID("2026-07")
		if named.ID() != "2026-07" || key.ID() != own || named.Algorithm() != alg || named.WithID("").ID() != own {
			t.Errorf("%s: %v from %v", alg, named, key)
		}
		if named.Public() != (jwtauth.Key{}) && named.Public().ID() != "2026-07" {
			t.Errorf("%s: Public loses the ID", alg)
		}
	}
}

// TestKeyComparable checks that copies are equal, and that keys created
// separately are not.
func TestKeyComparable(t *testing.T) {
	for _, alg := range keyAlgorithms {
		material := keyMaterial(alg)
		key, same := keyMust(jwtauth.NewKey(alg, material)), keyMust(jwtauth.NewKey(alg, material))
		clone := key
		if key != clone || key == same || key == key.WithID("a") {
			t.Errorf("%s: equal to its copy: %t, to another key: %t, to one with another ID: %t", alg, key == clone, key == same, key == key.WithID("a"))
		}
		public := key.Public()
		if hmac := strings.HasPrefix(string(alg), "HS"); hmac != (public == jwtauth.Key{}) || !hmac && (public == key || public.Public() != public) {
			t.Errorf("%s: Public of %v is %v", alg, key, public)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	for _, alg := range keyAlgorithms {
		if alg != "PS256" && (alg[0] == 'P' || alg[0] == 'R') {
			continue // the same as PS256, and slow
		}
		key, err := jwtauth.GenerateKey(alg)
		if err != nil || key.Algorithm() != alg {
			t.Errorf("%s: %v, %v", alg, key, err)
		}
		if again, _ := jwtauth.GenerateKey(alg); again == key || key.ID() != "" && again.ID() == key.ID() {
			t.Errorf("%s: generated twice", alg)
		}
	}
}

func TestZeroKey(t *testing.T) {
	var key jwtauth.Key
	if key.Algorithm() != "" || key.ID() != "" || key.WithID("a") != key || key.Public() != key || key.String() != "jwtauth.Key(none)" {
		t.Errorf("%v", key)
	}
	if got := fmt.Sprintf("%v %+v %#v %s %d", key, key, key, key, key); got != strings.TrimSpace(strings.Repeat("jwtauth.Key(none) ", 5)) {
		t.Error(got)
	}
	if got := key.LogValue().String(); got != "jwtauth.Key(none)" {
		t.Error(got)
	}
}

// TestKeyKept writes keys, reads them again, and verifies tokens of the first
// with the second and the other way around.
func TestKeyKept(t *testing.T) {
	for _, alg := range keyAlgorithms {
		key := keyMust(jwtauth.NewKey(alg, keyMaterial(alg))).WithID("2026-07")
		kept := map[string]jwtauth.Key{"JWK": keyMust(jwtauth.ParseKey("", keyMust(key.MarshalJWK())))}
		if text, err := key.MarshalPEM(); err == nil {
			kept["PEM"] = keyMust(jwtauth.ParseKey(alg, text)).WithID("2026-07")
		}
		for form, again := range kept {
			if again.String() != key.String() || again == key {
				t.Errorf("%s: %v by %s is %v", alg, key, form, again)
			}
			for _, pair := range [][2]jwtauth.Key{{key, again}, {again, key}} {
				signer := keyMust(jwtauth.NewIssuer(pair[0], jwtauth.IssuerOptions{}))
				verifier := keyMust(jwtauth.NewIssuer(pair[1], jwtauth.IssuerOptions{}))
				if _, err := verifier.VerifyToken(t.Context(), keyMust(signer.Sign("user-1", nil))); err != nil {
					t.Errorf("%s by %s: %v", alg, form, err)
				}
			}
		}
		if public := key.Public(); public != (jwtauth.Key{}) {
			again := keyMust(jwtauth.ParseKey("", keyMust(public.MarshalJWK())))
			if again.String() != public.String() {
				t.Errorf("%s: the public part %v is read as %v", alg, public, again)
			}
		}
	}
}

// TestKeySignerError checks that the error of a crypto.Signer can be matched.
func TestKeySignerError(t *testing.T) {
	down := errors.New("kms: down")
	key := keyMust(jwtauth.NewKey(jwtauth.ES256, failingSigner{keyP256(), down}))
	issuer := keyMust(jwtauth.NewIssuer(key, jwtauth.IssuerOptions{}))
	if _, err := issuer.Sign("user-1", nil); !errors.Is(err, down) || !strings.HasPrefix(err.Error(), "jwtauth: ") {
		t.Errorf("%v", err)
	}
	if object := keyMust(key.MarshalJWK()); !bytes.Equal(object, keyMust(key.Public().MarshalJWK())) {
		t.Errorf("the JWK of a key in a KMS is %s", object)
	}
}

type failingSigner struct {
	*ecdsa.PrivateKey
	err error
}

func (s failingSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, s.err }

// TestKeyRedacted prints and logs keys, alone and within other values, and
// looks for the secret in every form in which a printer may write it.
func TestKeyRedacted(t *testing.T) {
	for _, alg := range keyAlgorithms {
		material := keyMaterial(alg)
		var secrets [][]byte
		switch m := material.(type) {
		case []byte:
			secrets = append(secrets, m)
		case *rsa.PrivateKey:
			secrets = append(secrets, m.D.Bytes(), m.Primes[0].Bytes(), m.Primes[1].Bytes())
		case *ecdsa.PrivateKey:
			secrets = append(secrets, keyMust(m.Bytes()))
		case ed25519.PrivateKey:
			secrets = append(secrets, m[:32])
		}
		var forms []string
		for _, s := range secrets {
			piece := s[4:12] // eight bytes from the middle, in any grouping
			forms = append(forms, string(piece), fmt.Sprintf("%x", piece), fmt.Sprintf("%X", piece), strings.Trim(fmt.Sprint(piece), "[]"),
				strings.ReplaceAll(strings.Trim(fmt.Sprint(piece), "[]"), " ", ","), strings.ReplaceAll(strings.Trim(fmt.Sprint(piece), "[]"), " ", ", "),
				strings.Trim(fmt.Sprintf("%#v", piece), "[]byte{}"), fmt.Sprintf("% x", piece), fmt.Sprintf("%q", piece),
				fmt.Sprintf("%o", piece), strings.Trim(fmt.Sprintf("%b", piece), "[]"),
				new(big.Int).SetBytes(s).String(), new(big.Int).SetBytes(s).Text(16), new(big.Int).SetBytes(s).Text(8))
			for skip := range 3 { // the alignment of base64
				forms = append(forms, base64.RawStdEncoding.EncodeToString(s[skip:skip+9]), base64.RawURLEncoding.EncodeToString(s[skip:skip+9]))
			}
		}

		key := keyMust(jwtauth.NewKey(alg, material)).WithID("the-id")
		type exported struct {
			Key jwtauth.Key
			Ptr *jwtauth.Key
		}
		type unexported struct {
			key jwtauth.Key
			ptr *jwtauth.Key
		}
		values := []any{
			key, &key, exported{key, &key}, &exported{key, &key}, unexported{key, &key}, &unexported{key, &key},
			[]jwtauth.Key{key}, []*jwtauth.Key{&key}, [1]jwtauth.Key{key}, map[string]jwtauth.Key{"a": key}, map[jwtauth.Key]int{key: 1},
			[]any{key}, struct{ any }{key}, []unexported{{key, &key}}, map[string]unexported{"a": {key, &key}},
		}
		var out strings.Builder
		for _, v := range values {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "% x", "%#x", "%o", "%b", "%c", "%U", "%t", "%e", "%p", "%10.3v", "%z"} {
				fmt.Fprintf(&out, verb+"\n", v)
			}
			fmt.Fprintln(&out, v)
			if text, err := json.Marshal(v); err == nil {
				out.Write(text)
			}
			for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
				slog.New(handler).Info("message", "key", v, slog.Group("group", "key", v))
			}
			fmt.Fprintf(&out, "%v %s", fmt.Errorf("wrapped: %v", v), slog.AnyValue(v).Resolve())
		}
		for _, form := range forms {
			if len(form) < 8 {
				t.Fatalf("form %q is too short to look for", form)
			}
			if i := strings.Index(out.String(), form); i >= 0 {
				t.Errorf("%s: %q is printed: %q", alg, form, out.String()[max(0, i-80):i+len(form)])
			}
		}
		want := fmt.Sprintf(`jwtauth.Key(%s, id "the-id", private)`, alg)
		if strings.HasPrefix(string(alg), "HS") {
			want = fmt.Sprintf(`jwtauth.Key(%s, id "the-id", secret)`, alg)
		}
		for _, got := range []string{key.String(), fmt.Sprintf("%v", key), fmt.Sprintf("%#v", key), fmt.Sprintf("%d", &key), key.LogValue().String()} {
			if got != want {
				t.Errorf("%s: printed as %q, want %q", alg, got, want)
			}
		}
	}
}
