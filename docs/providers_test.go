// Package docs_test compiles the code of the pages in this folder, and checks
// what they say.
package docs_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-0a072700/jwtauth"
)

// object is a JSON object.
type object map[string]any

// network stands for the internet. It responds with the documents of the
// providers, by URL.
type network struct{ documents sync.Map }

var internet network

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{}, Body: http.NoBody, Request: r}
	if text, ok := n.documents.Load(r.URL.String()); ok {
		resp.StatusCode = http.StatusOK
		resp.Body = io.NopCloser(strings.NewReader(text.(string)))
	}
	return resp, nil
}

func (n *network) publish(t testing.TB, url string, document any) {
	t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	n.documents.Store(url, string(text))
}

func TestMain(m *testing.M) {
	http.DefaultTransport = &internet // for the code of the guide
	os.Exit(m.Run())
}

// The private keys of the providers, and of a stranger.
var (
	rsaKey, strangerRSA = newRSA(), newRSA()
	ecKey, strangerEC   = newEC(), newEC()
)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func newEC() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// jwk returns the public JWK of key with more members.
func jwk(key crypto.Signer, more object) object {
	encode := base64.RawURLEncoding.EncodeToString
	set := object{}
	switch pub := key.Public().(type) {
	case *rsa.PublicKey:
		set["kty"], set["n"], set["e"] = "RSA", encode(pub.N.Bytes()), encode(big.NewInt(int64(pub.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := pub.Bytes()
		if err != nil {
			panic(err)
		}
		size := len(point) / 2
		set["kty"], set["crv"], set["x"], set["y"] = "EC", pub.Params().Name, encode(point[1:1+size]), encode(point[1+size:])
	}
	maps.Copy(set, more)
	return set
}

func keySet(keys ...object) object { return object{"keys": keys} }

// draft is a token before it is signed.
type draft struct {
	key            any // *rsa.PrivateKey, *ecdsa.PrivateKey or []byte
	header, claims object
}

func (d draft) sign(t testing.TB) string {
	t.Helper()
	method := jwt.SigningMethod(jwt.SigningMethodRS256)
	switch d.key.(type) {
	case *ecdsa.PrivateKey:
		method = jwt.SigningMethodES256
	case []byte:
		method = jwt.SigningMethodHS256
	}
	token := jwt.NewWithClaims(method, jwt.MapClaims(d.claims))
	delete(token.Header, "typ")
	maps.Copy(token.Header, d.header)
	text, err := token.SignedString(d.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// change is one difference to the token of a provider.
type change func(*draft)

func set(name string, value any) change { return func(d *draft) { d.claims[name] = value } }
func drop(name string) change           { return func(d *draft) { delete(d.claims, name) } }
func header(name string, value any) change {
	return func(d *draft) { d.header[name] = value }
}
func signedBy(key any) change { return func(d *draft) { d.key = key } }

// setIn changes a member of the object in a claim.
func setIn(claim, name string, value any) change {
	return func(d *draft) {
		inner := maps.Clone(d.claims[claim].(object))
		inner[name] = value
		d.claims[claim] = inner
	}
}

func all(changes ...change) change {
	return func(d *draft) {
		for _, c := range changes {
			c(d)
		}
	}
}

// tokenCase is a token that is accepted, or refused with an error that contains
// a text.
type tokenCase struct {
	name   string
	change change
	refuse string // "" if it is accepted
}

// provider is an entry of the guide.
type provider struct {
	name      string            // the heading
	variant   string            // which code of the entry, if there is more than one
	documents map[string]object // by URL
	verifier  func(t testing.TB) jwtauth.TokenVerifier
	token     draft    // a good one
	scope     string   // that HasScope finds in it, if not empty
	exempt    []string // names of common cases
	cases     []tokenCase
}

var now = time.Now().Unix()

// must returns a function for a provider whose code has no parameters.
func must[V jwtauth.TokenVerifier](construct func() (V, error)) func(testing.TB) jwtauth.TokenVerifier {
	return func(t testing.TB) jwtauth.TokenVerifier {
		t.Helper()
		v, err := construct()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// discovery returns the documents of an issuer that publishes its key set at a
// URL which its discovery document names.
func discovery(issuer, url string, set object) map[string]object {
	return map[string]object{
		strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration": {
			"issuer": issuer, "jwks_uri": url, "id_token_signing_alg_values_supported": []string{"RS256"},
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		},
		url: set,
	}
}

// anyReason is part of each error.
const anyReason = "jwtauth: "

// commonCases are refused by every entry of the guide, except those that it
// names in exempt.
func commonCases(p *provider) []tokenCase {
	var stranger any = strangerRSA
	switch p.token.key.(type) {
	case *ecdsa.PrivateKey:
		stranger = strangerEC
	case []byte:
		stranger = []byte("dY7mqR2x8Lw0Zs5Kf3Tb9Nc1Vg6Hj4Pe")
	}
	cases := []tokenCase{
		{"a stranger's key under the same kid", signedBy(stranger), "signature"},
		{"HS256 with the public key as the secret", signedBy(publicPEM(p.token.key)), anyReason},
		{"expired", set("exp", now-3600), "expired"},
		{"without exp", drop("exp"), "exp is missing"},
		{"exp as text", set("exp", "2030-01-01"), "exp is not a number"},
		{"not yet valid", set("nbf", now+3600), "nbf is in the future"},
		{"a numeric sub", set("sub", 1234), "sub is not a string"},
		{"no sub", drop("sub"), "sub is missing"},
		{"another issuer", set("iss", "https://login.attacker.example"), "issuer"},
		{"no issuer", drop("iss"), "issuer"},
		{"another audience", set("aud", "https://other.acme.example"), "aud does not contain"},
		{"no audience", drop("aud"), "aud is missing or empty"},
		{"an empty audience", set("aud", []string{}), "aud"},
		{"another kind of token", header("typ", "dpop+jwt"), "type"},
		{"a critical extension", header("crit", []string{"exp"}), "malformed"},
		{"bound to a key", set("cnf", object{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}), "bound to a key"},
	}
	return slices.DeleteFunc(cases, func(c tokenCase) bool { return slices.Contains(p.exempt, c.name) })
}

func publicPEM(key any) []byte {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return []byte("-----BEGIN PUBLIC KEY-----\nof another issuer\n-----END PUBLIC KEY-----")
	}
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// forgeries are texts that no provider signed, made of a good token.
func forgeries(good string) map[string]string {
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	encode := base64.RawURLEncoding.EncodeToString
	return map[string]string{
		"alg none":             encode([]byte(`{"alg":"none"}`)) + "." + payload + ".",
		"no signature":         header + "." + payload + ".",
		"another payload":      header + "." + encode([]byte(`{"sub":"admin"}`)) + "." + signature,
		"padded":               header + "=." + payload + "." + signature,
		"opaque":               "ory_at_x9dQzQ0yKq7b",
		"encrypted (JWE)":      header + "..." + payload + "." + signature,
		"a line break":         header + "." + payload + "." + signature + "\n",
		"the signature, twice": good + "." + signature,
	}
}

// figures counts the tokens of all entries.
type figures struct{ accepted, refused int }

// check verifies one token and counts it.
func (f *figures) check(t *testing.T, v jwtauth.TokenVerifier, token string, c tokenCase) (*jwtauth.Claims, error) {
	t.Helper()
	claims, err := v.VerifyToken(t.Context(), token)
	for end := time.Now().Add(30 * time.Second); errors.Is(err, jwtauth.ErrUnavailable) && time.Now().Before(end); {
		claims, err = v.VerifyToken(t.Context(), token) // a slow machine missed the time limit of a fetch
	}
	switch {
	case c.refuse == "" && err != nil:
		t.Errorf("%s: refused: %v", c.name, err)
	case c.refuse == "":
		f.accepted++
	case err == nil:
		t.Errorf("%s: accepted", c.name)
	case !errors.Is(err, jwtauth.ErrTokenInvalid) || errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(err.Error(), c.refuse):
		t.Errorf("%s: %v, want %s", c.name, err, c.refuse)
	default:
		f.refused++
	}
	return claims, err
}

// checkNamed checks that err names a member in which a refused token differs
// from a good one.
func checkNamed(t *testing.T, name string, good, bad draft, err error) {
	t.Helper()
	if err == nil || reflect.DeepEqual(good.claims, bad.claims) || strings.Contains(err.Error(), "header") {
		return // the header or the key differs
	}
	for _, member := range slices.Concat(slices.Collect(maps.Keys(good.claims)), slices.Collect(maps.Keys(bad.claims))) {
		before, had := good.claims[member]
		after, has := bad.claims[member]
		word := regexp.MustCompile(`(^|[^\w:])` + regexp.QuoteMeta(member) + `($|\W)`)
		if (had != has || !reflect.DeepEqual(before, after)) && word.MatchString(err.Error()) {
			return
		}
	}
	t.Errorf("%s: the error names no claim that differs: %v", name, err)
}

// Each entry of the guide accepts the tokens of its provider and refuses
// others, with the keys that the provider publishes.
func TestProviders(t *testing.T) {
	var total figures
	all := providers()
	for _, p := range all {
		name := strings.TrimSpace(p.name + " " + p.variant)
		t.Run(name, func(t *testing.T) {
			for url, document := range p.documents {
				internet.publish(t, url, document)
			}
			v := p.verifier(t)
			var f figures
			good := p.token.sign(t)
			claims, _ := f.check(t, v, good, tokenCase{name: "the documented token"})
			if claims != nil && p.scope != "" && !claims.HasScope(p.scope) {
				t.Errorf("the scope is %q, want %s", claims.Scope, p.scope)
			}
			for _, c := range slices.Concat(commonCases(&p), p.cases, moreCases(name)) {
				d := draft{p.token.key, maps.Clone(p.token.header), maps.Clone(p.token.claims)}
				c.change(&d)
				_, err := f.check(t, v, d.sign(t), c)
				checkNamed(t, c.name, p.token, d, err)
			}
			for name, token := range forgeries(good) {
				f.check(t, v, token, tokenCase{name: name, refuse: anyReason})
			}
			t.Logf("%d accepted, %d refused", f.accepted, f.refused)
			total.accepted += f.accepted
			total.refused += f.refused
		})
	}
	for _, name := range slices.Concat(slices.Collect(maps.Keys(hostedAccounts)), slices.Collect(maps.Keys(ownAccounts))) {
		if !slices.ContainsFunc(all, func(p provider) bool { return strings.TrimSpace(p.name+" "+p.variant) == name }) {
			t.Errorf("there is no provider %s", name)
		}
	}
	t.Logf("%d accepted, %d refused in total", total.accepted, total.refused)
}

// A claim whose name differs from the usual one in case is another claim. The
// code of the guide does not read it instead.
func TestProviderClaimsInCapitals(t *testing.T) {
	count := 0
	for _, p := range providers() {
		for url, document := range p.documents {
			internet.publish(t, url, document)
		}
		v := p.verifier(t)
		for name, value := range p.token.claims {
			var f figures
			d := draft{p.token.key, p.token.header, maps.Clone(p.token.claims)}
			delete(d.claims, name)
			if _, err := v.VerifyToken(t.Context(), d.sign(t)); err == nil {
				continue // no check reads it
			}
			d.claims[strings.ToUpper(name)] = value
			f.check(t, v, d.sign(t), tokenCase{name: p.name + " " + p.variant + ": " + name, refuse: anyReason})
			count += f.refused
		}
	}
	t.Logf("%d refused", count)
}
