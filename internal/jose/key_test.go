package jose_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestID(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		key := must(jose.New(alg, materialFor(alg)))
		own := key.ID()
		if alg.Symmetric() != (own == "") || own != key.Thumbprint() || own != "" && len(own) != 43 {
			t.Errorf("%s: ID %q", alg, own)
		}
		named := key.WithID("2026-07")
		if named.ID() != "2026-07" || key.ID() != own || named.Algorithm() != alg {
			t.Errorf("%s: %v from %v", alg, named, key)
		}
		if key.Assigned() || !named.Assigned() || named.WithID("").Assigned() {
			t.Errorf("%s: assigned: %t, %t, %t", alg, key.Assigned(), named.Assigned(), named.WithID("").Assigned())
		}
		if got := named.WithID("").ID(); got != own {
			t.Errorf("%s: WithID(\"\") has ID %q, want %q", alg, got, own)
		}
		if named.Public() != nil && named.Public().ID() != "2026-07" {
			t.Errorf("%s: Public loses the ID", alg)
		}
	}
}

func TestWithIDBounds(t *testing.T) {
	key := must(jose.Generate(jose.EdDSA))
	for id, want := range map[string]string{
		"a":                      "",
		" ~é/\u0085":             "",
		strings.Repeat("é", 128): "",
		strings.Repeat("a", 257): "EdDSA key: key ID is 257 bytes; the maximum is 256",
		"a\x00":                  "EdDSA key: key ID contains control characters or invalid UTF-8",
		"a\x1f":                  "EdDSA key: key ID contains control characters",
		"a\x7f":                  "EdDSA key: key ID contains control characters",
		"a\xff":                  "EdDSA key: key ID contains control characters or invalid UTF-8",
	} {
		err := key.WithID(id).Check()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", id, err, want)
		}
		if err := key.WithID(id).WithID("").Check(); err != nil {
			t.Errorf("%q, then \"\": %v", id, err)
		}
	}
}

func TestPublic(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		key := must(jose.New(alg, materialFor(alg)))
		public := key.Public()
		if alg.Symmetric() {
			if public != nil {
				t.Errorf("%s: Public is %v", alg, public)
			}
			continue
		}
		if public == key || public.CanSign() || public.ID() != key.ID() || public.Algorithm() != alg || public.Public() != public {
			t.Errorf("%s: Public of %v is %v", alg, key, public)
		}
		if text := must(public.MarshalPEM()); !bytes.HasPrefix(text, []byte("-----BEGIN PUBLIC KEY-----")) {
			t.Errorf("%s: Public has PEM %.40q", alg, text)
		}
	}
}

func TestGenerate(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		if alg.RSA() && alg != jose.PS256 {
			continue // the same as PS256, and slow
		}
		key, err := jose.Generate(alg)
		if err != nil || key.Algorithm() != alg || !key.CanSign() {
			t.Errorf("%s: %v, %v", alg, key, err)
		}
		if again := must(jose.Generate(alg)); bytes.Equal(must(again.MarshalJWK()), must(key.MarshalJWK())) {
			t.Errorf("%s: generated twice", alg)
		}
	}
	if key, err := jose.Generate("none"); err == nil || key != nil {
		t.Errorf("none: %v, %v", key, err)
	}
}

func TestNilKey(t *testing.T) {
	var key *jose.Key
	if key.Algorithm() != "" || key.ID() != "" || key.Assigned() || key.WithID("a") != nil || key.Public() != nil ||
		key.CanSign() || key.Symmetric() || key.String() != "none" || fmt.Sprint(key) != "none" {
		t.Errorf("%v", key)
	}
	for name, err := range map[string]error{
		"Check":           key.Check(),
		"MarshalPEM":      second(key.MarshalPEM()),
		"MarshalJWK":      second(key.MarshalJWK()),
		"AppendPublicJWK": second(key.AppendPublicJWK(nil)),
		"Sign":            second(key.Sign(nil, nil)),
		"DeriveHMAC":      second(key.DeriveHMAC("")),
		"SignToken":       second(jose.SignToken(key, key.Header("JWT"), nil)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestFormat prints keys with every verb. The root package looks for secrets in
// the output; here the output must be the same for each verb.
func TestFormat(t *testing.T) {
	for _, alg := range jose.Algorithms() {
		key := must(jose.New(alg, materialFor(alg))).WithID(`a"b`)
		kind := "private"
		if alg.Symmetric() {
			kind = "secret"
		}
		keys := map[*jose.Key]string{key: kind}
		if !alg.Symmetric() {
			keys[key.Public()] = "public"
		}
		for key, kind := range keys {
			want := fmt.Sprintf(`%s, id "a\"b", %s`, alg, kind)
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				if got := fmt.Sprintf(verb, key); got != want {
					t.Errorf("%s of %s: %s, want %s", verb, alg, got, want)
				}
			}
		}
	}
}
