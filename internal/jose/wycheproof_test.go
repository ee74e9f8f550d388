package jose_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// wycheproofDir contains the vector files of Project Wycheproof, which are not
// part of this module, and overlay.json, which corrects some labels.
const wycheproofDir = "../../../shared/wycheproof"

// wycheproofCount is the number of vectors of each file. It shows that all of
// them ran.
var wycheproofCount = map[string]int{
	"ecdsa_secp256r1_sha256_p1363_test.json": 262,
	"ecdsa_secp384r1_sha384_p1363_test.json": 280,
	"ecdsa_secp521r1_sha512_p1363_test.json": 318,
	"ed25519_test.json":                      151,
	"hmac_sha256_test.json":                  174,
	"hmac_sha384_test.json":                  174,
	"hmac_sha512_test.json":                  174,
	"json_web_crypto_test.json":              83,
	"json_web_encryption_test.json":          139,
	"json_web_key_test.json":                 26,
	"json_web_signature_test.json":           401,
	"rsa_pss_2048_sha256_mgf1_32_test.json":  108,
	"rsa_pss_2048_sha384_mgf1_48_test.json":  141,
	"rsa_pss_4096_sha512_mgf1_64_test.json":  179,
	"rsa_signature_2048_sha256_test.json":    259,
	"rsa_signature_2048_sha384_test.json":    258,
	"rsa_signature_2048_sha512_test.json":    259,
}

type wycheproofFile struct {
	NumberOfTests int
	TestGroups    []wycheproofGroup
}

type wycheproofGroup struct {
	Type         string
	Sha          string
	TagSize      int
	Private      json.RawMessage
	Public       json.RawMessage
	PublicKeyJwk json.RawMessage
	KeyJwk       json.RawMessage
	PublicKeyPem string
	Tests        []wycheproofTest
}

type wycheproofTest struct {
	TcID    int
	Comment string
	Result  string
	Key     string
	Msg     string
	Sig     string
	Tag     string
	JWS     json.RawMessage
	JWE     json.RawMessage
}

// wycheproofOverlay is overlay.json. It marks labels that are a matter of
// policy. wycheproofPolicy contains the results of this package for them.
type wycheproofOverlay struct {
	Overrides []struct {
		File string
		TcID []int
		Use  string
	}
}

// wycheproofPolicy reports whether a token verifies if its label is a matter of
// policy.
var wycheproofPolicy = map[string]map[int]bool{
	// Vectors 1 and 4 mix symmetric and public keys or repeat a kid. They
	// verify here, because this test selects keys by kid and tries each of
	// them. StaticKeys has its own rules for such sets (RFC 8725, section 3.1).
	// Vector 7 has a modulus with the ROCA weakness (CVE-2017-15361). The
	// devices that generated such keys were replaced long ago, so there is no
	// check.
	"json_web_key_test.json":    {1: true, 4: true, 7: true},
	"json_web_crypto_test.json": {46: true, 47: true},
}

// needWycheproof skips a test if the vectors are missing, and fails it in CI.
func needWycheproof(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(wycheproofDir); err != nil {
		if os.Getenv("JWTAUTH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true" {
			t.Fatalf("the Wycheproof vectors are required: %v", err)
		}
		t.Skipf("without the Wycheproof vectors: %v", err)
	}
}

func TestWycheproof(t *testing.T) {
	needWycheproof(t)
	var overlay wycheproofOverlay
	wycheproofRead(t, "overlay.json", &overlay)
	entries, err := filepath.Glob(filepath.Join(wycheproofDir, "*_test.json"))
	if err != nil || len(entries) != len(wycheproofCount) {
		t.Fatalf("%d vector files (%v), want %d", len(entries), err, len(wycheproofCount))
	}
	for _, entry := range entries {
		name := filepath.Base(entry)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			use := make(map[int]string)
			for _, o := range overlay.Overrides {
				if o.File == name {
					for _, id := range o.TcID {
						use[id] = o.Use
					}
				}
			}
			wycheproofRun(t, name, use)
		})
	}
}

func wycheproofRead(t *testing.T, name string, v any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(wycheproofDir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func wycheproofRun(t *testing.T, name string, use map[int]string) {
	var file wycheproofFile
	wycheproofRead(t, name, &file)
	ran, accepted := 0, 0
	for _, group := range file.TestGroups {
		for _, test := range group.Tests {
			ran++
			got := group.verifies(t, name, test)
			if got {
				accepted++
			}
			var want bool
			switch use[test.TcID] {
			case "":
				want = test.Result == "valid"
				if test.JWE != nil {
					want = false
				}
				if group.Type == "MacTest" && group.TagSize != wycheproofTagSize[name] {
					want = false // a truncated MAC (RFC 7518, section 3.2)
				}
			case "skip":
				continue
			case "policy":
				policy, ok := wycheproofPolicy[name][test.TcID]
				if !ok {
					t.Errorf("%d: no policy", test.TcID)
				}
				want = policy
			default:
				if !strings.HasPrefix(use[test.TcID], "reject") {
					t.Fatalf("%d: unknown override %q", test.TcID, use[test.TcID])
				}
				want = false
			}
			if got != want {
				t.Errorf("%d (%s, labelled %s): verifies is %t, want %t", test.TcID, test.Comment, test.Result, got, want)
			}
		}
	}
	if ran != file.NumberOfTests || ran != wycheproofCount[name] {
		t.Errorf("ran %d vectors of %d, want %d", ran, file.NumberOfTests, wycheproofCount[name])
	}
	t.Logf("%d vectors, %d accepted", ran, accepted)
}

var wycheproofTagSize = map[string]int{"hmac_sha256_test.json": 256, "hmac_sha384_test.json": 384, "hmac_sha512_test.json": 512}

var wycheproofMAC = map[string]jose.Algorithm{"hmac_sha256_test.json": jose.HS256, "hmac_sha384_test.json": jose.HS384, "hmac_sha512_test.json": jose.HS512}

// wycheproofSecret returns the key of secret. Some vectors have shorter secrets
// than JOSE allows. New must refuse those, and an unchecked key verifies the
// MAC.
func wycheproofSecret(t *testing.T, alg jose.Algorithm, secret []byte) *jose.Key {
	t.Helper()
	k, err := jose.New(alg, secret)
	if short := len(secret) < hashOf(alg).Size(); short != (err != nil) {
		t.Errorf("%s key of %d bytes: error %v", alg, len(secret), err)
	}
	if err != nil {
		return jose.UncheckedSecret(alg, secret)
	}
	return k
}

// verifies reports whether one of the group's keys verifies the signature. Keys
// that are refused verify no signature.
func (g wycheproofGroup) verifies(t *testing.T, name string, test wycheproofTest) bool {
	if test.JWE != nil {
		// Only strings are in compact serialization.
		var token string
		if json.Unmarshal(test.JWE, &token) != nil {
			return false
		}
		return wycheproofCompact(g.keys(t, name), token)
	}
	if test.JWS != nil {
		var token string
		if json.Unmarshal(test.JWS, &token) != nil {
			return false
		}
		return wycheproofCompact(g.keys(t, name), token)
	}
	signature := test.Sig
	var keys []*jose.Key
	if g.Type == "MacTest" {
		signature = test.Tag
		keys = []*jose.Key{wycheproofSecret(t, wycheproofMAC[name], wycheproofHex(t, test.Key))}
	} else if keys = g.keys(t, name); len(keys) != 1 {
		t.Errorf("%d: %d keys loaded instead of 1", test.TcID, len(keys))
	}
	input := string(wycheproofHex(t, test.Msg))
	token := input + "." + base64.RawURLEncoding.EncodeToString(wycheproofHex(t, signature))
	return slices.ContainsFunc(keys, func(key *jose.Key) bool { return key.Verify(token, len(input)) })
}

func wycheproofHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keys returns the group's keys without those that are refused. If a key is
// given in several forms, all of them must be the same key.
func (g wycheproofGroup) keys(t *testing.T, name string) []*jose.Key {
	t.Helper()
	var alg jose.Algorithm
	switch {
	case strings.HasPrefix(name, "rsa_pss_"):
		alg = jose.Algorithm("PS" + strings.TrimPrefix(g.Sha, "SHA-"))
	case strings.HasPrefix(name, "rsa_signature_"):
		alg = jose.Algorithm("RS" + strings.TrimPrefix(g.Sha, "SHA-"))
	}
	if g.PublicKeyPem != "" {
		key, err := jose.Parse(alg, []byte(g.PublicKeyPem))
		if err != nil {
			t.Errorf("PEM: %v", err)
			return nil
		}
		for _, jwk := range []json.RawMessage{g.PublicKeyJwk, g.KeyJwk} {
			if jwk == nil {
				continue
			}
			same, err := jose.Parse(alg, jwk)
			if err != nil {
				t.Errorf("JWK: %v", err)
			} else if same.Algorithm() != key.Algorithm() || same.WithID("").ID() != key.ID() {
				t.Errorf("JWK is %v, PEM is %v", same, key)
			}
		}
		return []*jose.Key{key}
	}
	jwk := g.Public
	if jwk == nil {
		jwk = g.Private
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(jwk, &set); err != nil {
		t.Fatal(err)
	}
	if set.Keys == nil {
		set.Keys = []json.RawMessage{jwk}
	}
	var keys []*jose.Key
	for _, jwk := range set.Keys {
		if key, err := readJWK(jwk); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// wycheproofCompact verifies a token in compact serialization: three segments,
// and a header with the algorithm and optionally the key ID.
func wycheproofCompact(keys []*jose.Key, token string) bool {
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		return false
	}
	encoding := base64.RawURLEncoding.Strict()
	text, err := encoding.DecodeString(segments[0])
	if err != nil || strings.ContainsAny(token, "\r\n") {
		return false
	}
	if _, err := encoding.DecodeString(segments[1]); err != nil {
		return false
	}
	var header struct {
		Alg  jose.Algorithm
		Kid  string
		Crit json.RawMessage
	}
	if json.Unmarshal(text, &header) != nil || header.Crit != nil {
		return false
	}
	for _, key := range keys {
		if key.Algorithm() == header.Alg && (header.Kid == "" || header.Kid == key.ID()) &&
			key.Verify(token, len(segments[0])+1+len(segments[1])) {
			return true
		}
	}
	return false
}
