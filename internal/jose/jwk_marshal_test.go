package jose_test

import (
	"bytes"
	"crypto"
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// The members of JWKs by type, without those of every JWK.
var (
	publicMembers  = map[string]string{"RSA": "n e", "EC": "crv x y", "OKP": "crv x"}
	privateMembers = map[string]string{"RSA": "n e d p q dp dq qi", "EC": "crv x y d", "OKP": "crv x d", "oct": "k"}
)

// checkMembers checks that object has the common members of a JWK and those of
// its type.
func checkMembers(t *testing.T, object []byte, k *jose.Key, names map[string]string) {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal(object, &m); err != nil {
		t.Fatalf("%s: %v", object, err)
	}
	common := 4
	if k.ID() == "" {
		common = 3
	}
	want := strings.Fields(names[m["kty"]])
	if len(want) == 0 || len(m) != len(want)+common || m["kid"] != k.ID() || m["alg"] != string(k.Algorithm()) || m["use"] != "sig" {
		t.Errorf("%v: %s", k, object)
	}
	for _, name := range want {
		if m[name] == "" {
			t.Errorf("%v: no member %s", k, name)
		}
	}
}

func TestAppendPublicJWK(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		k := must(jose.New(alg, materialFor(alg)))
		object, err := k.AppendPublicJWK([]byte("["))
		if alg.Symmetric() {
			if err == nil || len(object) != 0 {
				t.Errorf("%s: %q, %v", alg, object, err)
			}
			continue
		}
		if err != nil || object[0] != '[' {
			t.Fatalf("%s: %q, %v", alg, object, err)
		}
		checkMembers(t, object[1:], k, publicMembers)
	}
	k := must(jose.Generate(jose.EdDSA))
	object := must(k.WithID(`a"<b`).AppendPublicJWK(nil))
	if same, err := jose.Parse("", object); err != nil || same.ID() != `a"<b` || !same.Assigned() {
		t.Errorf("%s: %v, %v", object, same, err)
	}
	for _, k := range []*jose.Key{nil, k.WithID("\xff")} {
		if object, err := k.AppendPublicJWK(nil); err == nil {
			t.Errorf("%v: %s", k, object)
		}
	}
}

func TestMarshalJWK(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			key := must(jose.New(alg, materialFor(alg)))
			for name, k := range map[string]*jose.Key{"default ID": key, "ID": key.WithID(`a"<b`)} {
				object := must(k.MarshalJWK())
				checkMembers(t, object, k, privateMembers)
				again := must(jose.Parse("", object))
				if again.String() != k.String() || !again.CanSign() || !verifies(k, signed(t, again, input)) {
					t.Errorf("%s: %v is read as %v", name, k, again)
				}
				if twice := must(again.MarshalJWK()); !bytes.Equal(twice, object) {
					t.Errorf("%s: written as %s, then as %s", name, object, twice)
				}
				if alg.Symmetric() {
					continue
				}
				public := must(k.Public().MarshalJWK())
				if want := must(k.AppendPublicJWK(nil)); !bytes.Equal(public, want) {
					t.Errorf("%s: the public part is written as %s, want %s", name, public, want)
				}
				external := must(jose.New(alg, signerOf(materialFor(alg).(crypto.Signer)))).WithID(k.ID())
				if got := must(external.MarshalJWK()); !bytes.Equal(got, public) {
					t.Errorf("%s: a key in a KMS is written as %s", name, got)
				}
			}
			if object, err := key.WithID("a\n").MarshalJWK(); err == nil {
				t.Errorf("with a bad ID: %s", object)
			}
		})
	}
}

// TestMarshalJWKOfVerifyOnly writes keys whose key_ops exclude "sign". They
// must not be able to sign when they are read again.
func TestMarshalJWKOfVerifyOnly(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		text := jwkWith(jwkOf(materialFor(alg)), map[string]any{"alg": alg, "kid": "a", "key_ops": []string{"verify"}})
		key := must(jose.Parse("", []byte(text)))
		object := must(key.MarshalJWK())
		again := must(jose.Parse("", object))
		if again.CanSign() || again.String() != key.String() || bytes.Contains(object, []byte("key_ops")) != alg.Symmetric() {
			t.Errorf("%s: %s", alg, object)
		}
	}
}
