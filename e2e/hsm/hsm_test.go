//go:build cgo

package hsm

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
	"github.com/seed-0a072700/jwtauth/memstore"
)

const (
	issuerName = "https://login.example.com"
	audience   = "https://api.example.com"
)

// TestTokens signs with keys that SoftHSM generates and keeps. jose, a package
// for Node, verifies the tokens with the published key set.
func TestTokens(t *testing.T) {
	n := node.New(t, "../interop")
	library := newToken(t)
	for _, test := range []struct {
		alg      jwtauth.Algorithm
		generate func(*crypto11.Context, string) (crypto11.Signer, error)
		secret   crypto11.AttributeType // of the private key
	}{
		{jwtauth.ES256, generateEC(elliptic.P256()), crypto11.CkaValue},
		{jwtauth.ES384, generateEC(elliptic.P384()), crypto11.CkaValue},
		{jwtauth.RS256, generateRSA, crypto11.CkaPrivateExponent},
		{jwtauth.PS256, generateRSA, crypto11.CkaPrivateExponent},
	} {
		t.Run(string(test.alg), func(t *testing.T) {
			label := "key for " + string(test.alg)
			setup := open(t, library)
			pair, err := test.generate(setup, label)
			check(t, err)
			checkKeyStays(t, setup, pair, test.secret)

			// The service has the library, the PIN and the label.
			key, err := moduleKey(open(t, library), test.alg, label)
			check(t, err)
			checkExports(t, key)
			issuer := newIssuer(t, key)
			jwk := published(t, issuer)
			verify := func(token string) error {
				var result struct {
					Header struct{ Kid string }
					Claims struct{ Sub string }
				}
				err := n.Call(t, "verify", node.Object{"lib": "jose", "alg": test.alg, "key": node.Object{"jwk": jwk},
					"token": token, "issuer": issuerName, "audience": audience}, &result)
				if err == nil && (result.Claims.Sub != "ann" || result.Header.Kid != key.ID()) {
					t.Errorf("jose reads %+v", result)
				}
				return err
			}
			tokens := logins(t, issuer)
			for _, token := range tokens {
				if err := verify(token); err != nil {
					t.Errorf("jose refuses a token: %v", err)
				}
			}
			header, signature := tokens[0][:strings.Index(tokens[0], ".")], tokens[1][strings.LastIndex(tokens[1], "."):]
			payload := tokens[0][len(header):strings.LastIndex(tokens[0], ".")]
			if err := verify(header + payload + signature); err == nil {
				t.Error("jose accepts the signature of another token")
			}
		})
	}
}

func generateEC(curve elliptic.Curve) func(*crypto11.Context, string) (crypto11.Signer, error) {
	return func(module *crypto11.Context, label string) (crypto11.Signer, error) {
		return module.GenerateECDSAKeyPairWithLabel([]byte(label), []byte(label), curve)
	}
}

func generateRSA(module *crypto11.Context, label string) (crypto11.Signer, error) {
	return module.GenerateRSAKeyPairWithLabel([]byte(label), []byte(label), 2048)
}

// checkKeyStays fails unless the module generated the private key and never
// returns it.
func checkKeyStays(t *testing.T, module *crypto11.Context, pair crypto11.Signer, secret crypto11.AttributeType) {
	t.Helper()
	for _, rule := range []struct {
		name      string
		attribute crypto11.AttributeType
		want      byte
	}{
		{"CKA_LOCAL", crypto11.CkaLocal, 1},
		{"CKA_SENSITIVE", crypto11.CkaSensitive, 1},
		{"CKA_ALWAYS_SENSITIVE", crypto11.CkaAlwaysSensitive, 1},
		{"CKA_EXTRACTABLE", crypto11.CkaExtractable, 0},
		{"CKA_NEVER_EXTRACTABLE", crypto11.CkaNeverExtractable, 1},
	} {
		got, err := module.GetAttribute(pair, rule.attribute)
		check(t, err)
		if !bytes.Equal(got.Value, []byte{rule.want}) {
			t.Errorf("%s is %v, want %d", rule.name, got.Value, rule.want)
		}
	}
	if got, err := module.GetAttribute(pair, secret); err == nil {
		t.Errorf("the module returns %d bytes of the private key", len(got.Value))
	}
}

// checkExports fails if a form of the key has a private part.
func checkExports(t *testing.T, key jwtauth.Key) {
	t.Helper()
	text, err := key.MarshalPEM()
	if err == nil && bytes.Contains(text, []byte("PRIVATE")) {
		t.Error("MarshalPEM returns a private key")
	}
	text, err = key.MarshalJWK()
	if err == nil && bytes.Contains(text, []byte(`"d"`)) {
		t.Error("MarshalJWK returns a private key")
	}
}

// newIssuer returns an issuer with sessions. No refresh key can be derived from
// a key in a module.
func newIssuer(t *testing.T, key jwtauth.Key) *jwtauth.Issuer {
	t.Helper()
	refresh, err := jwtauth.GenerateKey(jwtauth.HS256)
	check(t, err)
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer: issuerName, Audience: []string{audience}, Sessions: memstore.New(), RefreshKeys: []jwtauth.Key{refresh},
	})
	check(t, err)
	return issuer
}

// published returns the key in the key set of the issuer.
func published(t *testing.T, issuer *jwtauth.Issuer) json.RawMessage {
	t.Helper()
	w := httptest.NewRecorder()
	issuer.JWKS().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/jwks.json", nil))
	var set struct{ Keys []json.RawMessage }
	check(t, json.Unmarshal(w.Body.Bytes(), &set))
	if len(set.Keys) != 1 {
		t.Fatalf("%d keys are published", len(set.Keys))
	}
	return set.Keys[0]
}

// logins returns the access tokens of concurrent logins.
func logins(t *testing.T, issuer *jwtauth.Issuer) []string {
	t.Helper()
	tokens, errs := make([]string, 8), make([]error, 8)
	var wait sync.WaitGroup
	for i := range tokens {
		wait.Go(func() {
			issued, err := issuer.Login(t.Context(), "ann")
			tokens[i], errs[i] = issued.AccessToken, err
		})
	}
	wait.Wait()
	for _, err := range errs {
		check(t, err)
	}
	return tokens
}

func TestUnknownLabel(t *testing.T) {
	if key, err := moduleKey(open(t, newToken(t)), jwtauth.ES256, "unknown"); err == nil || key.ID() != "" {
		t.Errorf("%v, %v", key, err)
	}
}

// docs/keys.md shows the functions of hsm.go, and no other code that uses
// crypto11.
func TestGuide(t *testing.T) {
	page, err := os.ReadFile("../../docs/keys.md")
	check(t, err)
	source, err := os.ReadFile("hsm.go")
	check(t, err)
	_, functions, _ := strings.Cut(string(source), "\n)\n\n")
	var shown []string
	for _, block := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		if strings.Contains(block[1], "crypto11.") {
			shown = append(shown, block[1])
		}
	}
	if got := strings.Join(shown, "\n"); got != functions {
		t.Errorf("the guide shows\n%s\nand hsm.go has\n%s", got, functions)
	}
}
