package interop_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

const (
	issuerName = "https://issuer.example"
	audience   = "https://api.example"
	subject    = "Zoë 👩‍🚀"
)

var algorithms = []jwtauth.Algorithm{
	jwtauth.HS256, jwtauth.HS384, jwtauth.HS512,
	jwtauth.RS256, jwtauth.RS384, jwtauth.RS512,
	jwtauth.PS256, jwtauth.PS384, jwtauth.PS512,
	jwtauth.ES256, jwtauth.ES384, jwtauth.ES512,
	jwtauth.EdDSA,
}

// libraries returns the packages that support alg.
func libraries(alg jwtauth.Algorithm) []string {
	if alg == jwtauth.EdDSA {
		return []string{"jose"}
	}
	return []string{"jose", "jsonwebtoken"}
}

// party is the holder of a key, in our form and in the form for Node.
type party struct {
	key             jwtauth.Key
	private, public node.Object // for HMAC the same secret
}

// rsaKeys are few, because generating one takes up to a second under -race.
var rsaKeys = [2]func() (*rsa.PrivateKey, error){
	sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
	sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }),
}

// newParty generates keys and passes them to Node as PEM. The number i
// distinguishes the parties of a test.
func newParty(t *testing.T, alg jwtauth.Algorithm, i int) party {
	t.Helper()
	switch alg[:2] {
	case "HS":
		secret := make([]byte, 64)
		rand.Read(secret)
		key, err := jwtauth.NewKey(alg, secret)
		check(t, err)
		return party{key, node.Object{"secret": secret}, node.Object{"secret": secret}}
	case "RS", "PS":
		private, err := rsaKeys[i]()
		check(t, err)
		key, err := jwtauth.NewKey(alg, private)
		check(t, err)
		return party{key, pemOf(t, key), pemOf(t, key.Public())}
	default:
		key, err := jwtauth.GenerateKey(alg)
		check(t, err)
		return party{key, pemOf(t, key), pemOf(t, key.Public())}
	}
}

func pemOf(t *testing.T, key jwtauth.Key) node.Object {
	t.Helper()
	text, err := key.MarshalPEM()
	check(t, err)
	return node.Object{"pem": string(text)}
}

// privateClaims have every JSON type, and text and numbers that codecs handle
// differently.
type privateClaims struct {
	Name   string         `json:"name"`
	Roles  []string       `json:"roles"`
	Nested map[string]any `json:"nested"`
	Big    int64          `json:"big"`
	Small  float64        `json:"small"`
	Yes    bool           `json:"yes"`
}

var sample = privateClaims{
	Name:   "Zoë 👩‍🚀 </script> \" \\ \u0000 \u2028 &",
	Roles:  []string{"admin", "редактор"},
	Nested: map[string]any{"deep": []any{1.0, map[string]any{"none": nil}}, "empty": map[string]any{}},
	Big:    1<<53 - 1,
	Small:  -1.5e-300,
	Yes:    true,
}

func sign(t *testing.T, key jwtauth.Key, claims any) string {
	t.Helper()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer:    issuerName,
		Audience:  []string{"https://other.example", audience},
		AccessTTL: 10 * time.Minute,
	})
	check(t, err)
	token, err := issuer.Sign(subject, claims)
	check(t, err)
	return token
}

func verify(t *testing.T, key jwtauth.Key, token string) (*jwtauth.Claims, error) {
	t.Helper()
	keys, err := jwtauth.StaticKeys(key)
	check(t, err)
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: issuerName, Audience: []string{audience}})
	check(t, err)
	return verifier.VerifyToken(t.Context(), token)
}

// publicKey returns the key for a verifier: for HMAC, the key itself.
func publicKey(key jwtauth.Key) jwtauth.Key {
	if strings.HasPrefix(string(key.Algorithm()), "HS") {
		return key
	}
	return key.Public()
}

func TestSignedHere(t *testing.T) {
	n := peer(t)
	for _, alg := range algorithms {
		ours, stranger := newParty(t, alg, 0), newParty(t, alg, 1)
		token := sign(t, ours.key, sample)
		for _, lib := range libraries(alg) {
			t.Run(string(alg)+"/"+lib, func(t *testing.T) {
				request := func(token string, p party) node.Object {
					return node.Object{"lib": lib, "alg": alg, "key": p.public, "token": token, "issuer": issuerName, "audience": audience}
				}
				answer := node.Get[struct {
					Header struct{ Alg, Kid string }
					Claims struct {
						Iss, Sub string
						Aud      []string
						Iat, Exp int64
						privateClaims
					}
				}](t, n, "verify", request(token, ours))
				c := answer.Claims
				if answer.Header.Alg != string(alg) || answer.Header.Kid != ours.key.ID() {
					t.Errorf("header %+v, want alg %s, kid %q", answer.Header, alg, ours.key.ID())
				}
				if c.Iss != issuerName || c.Sub != subject || !slices.Equal(c.Aud, []string{"https://other.example", audience}) || c.Exp-c.Iat != 600 {
					t.Errorf("registered claims %+v", c)
				}
				if !reflect.DeepEqual(c.privateClaims, sample) {
					t.Errorf("claims %+v, want %+v", c.privateClaims, sample)
				}

				for name, refused := range map[string]node.Object{
					"wrong key":         request(token, stranger),
					"altered claims":    request(alterClaims(t, token), ours),
					"altered signature": request(alterSignature(t, token), ours),
				} {
					var r *node.Refusal
					err := n.Call(t, "verify", refused, new(any))
					if !errors.As(err, &r) || r.Code != "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" && r.Message != "invalid signature" {
						t.Errorf("%s: %v, want a bad signature", name, err)
					}
				}
			})
		}
	}
}

func TestSignedThere(t *testing.T) {
	n := peer(t)
	now := time.Now().Truncate(time.Second)
	claims := node.Object{
		"iss": issuerName, "sub": subject, "aud": []string{"https://other.example", audience}, "jti": "id-1",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"name": sample.Name, "roles": sample.Roles, "nested": sample.Nested,
		"big": sample.Big, "small": sample.Small, "yes": sample.Yes,
	}
	for _, alg := range algorithms {
		theirs, stranger := newParty(t, alg, 0), newParty(t, alg, 1)
		for _, lib := range libraries(alg) {
			for _, kid := range []string{"", theirs.key.ID()} {
				name := string(alg) + "/" + lib + "/kid=" + kid
				t.Run(name, func(t *testing.T) {
					token := node.Get[string](t, n, "sign", node.Object{"lib": lib, "alg": alg, "key": theirs.private, "kid": kid, "claims": claims})
					c, err := verify(t, publicKey(theirs.key), token)
					if err != nil {
						t.Fatal(err)
					}
					if c.Issuer != issuerName || c.Subject != subject || c.ID != "id-1" ||
						!slices.Equal(c.Audience, []string{"https://other.example", audience}) ||
						!c.IssuedAt.Equal(now) || !c.NotBefore.Equal(now) || !c.ExpiresAt.Equal(now.Add(time.Hour)) {
						t.Errorf("registered claims %+v", c)
					}
					var private privateClaims
					if err := c.Decode(&private); err != nil || !reflect.DeepEqual(private, sample) {
						t.Errorf("claims %+v, %v, want %+v", private, err, sample)
					}

					// The stranger uses the ID of the right key, so only the
					// signature differs.
					impostor := publicKey(stranger.key).WithID(theirs.key.ID())
					for name, refused := range map[string]struct {
						key   jwtauth.Key
						token string
					}{
						"wrong key":         {impostor, token},
						"altered claims":    {publicKey(theirs.key), alterClaims(t, token)},
						"altered signature": {publicKey(theirs.key), alterSignature(t, token)},
					} {
						if c, err := verify(t, refused.key, refused.token); c != nil || !errors.Is(err, jwtauth.ErrSignatureInvalid) {
							t.Errorf("%s: %v, want ErrSignatureInvalid", name, err)
						}
					}
				})
			}
		}
	}
}

// jwt.sign(payload, secret, {expiresIn}), as in tutorials, verified with only
// the secret, and the other way round.
func TestBareTutorialToken(t *testing.T) {
	n := peer(t)
	p := newParty(t, jwtauth.HS256, 0)
	issuer, err := jwtauth.NewIssuer(p.key, jwtauth.IssuerOptions{})
	check(t, err)

	theirs := node.Get[string](t, n, "sign", node.Object{"lib": "jsonwebtoken", "alg": "HS256", "key": p.private,
		"claims": node.Object{"sub": "1", "username": "admin", "exp": time.Now().Add(time.Hour).Unix()}})
	c, err := issuer.VerifyToken(t.Context(), theirs)
	check(t, err)
	var user struct{ Username string }
	if err := c.Decode(&user); err != nil || user.Username != "admin" {
		t.Errorf("decoded %+v, %v", user, err)
	}

	ours, err := issuer.Sign("1", node.Object{"username": "admin"})
	check(t, err)
	answer := node.Get[struct{ Claims struct{ Username string } }](t, n, "verify",
		node.Object{"lib": "jsonwebtoken", "alg": "HS256", "key": p.public, "token": ours})
	if answer.Claims.Username != "admin" {
		t.Errorf("Node read %+v", answer)
	}
}

// Newer versions of jose write the name for Ed25519 of RFC 9864.
func TestEd25519Name(t *testing.T) {
	n := peer(t)
	p := newParty(t, jwtauth.EdDSA, 0)
	token := node.Get[string](t, n, "sign", node.Object{"lib": "jose", "alg": "Ed25519", "key": p.private,
		"claims": node.Object{"iss": issuerName, "sub": "1", "aud": audience, "exp": time.Now().Add(time.Hour).Unix()}})
	c, err := verify(t, p.key.Public(), token)
	check(t, err)
	if !slices.Equal(c.Audience, []string{audience}) { // a single audience, written as a string
		t.Errorf("audience %q", c.Audience)
	}
}

// Numbers over 2^53 keep every digit as long as JavaScript does not parse them:
// from Go through Node's signature to Go, and in the text for Node.
func TestBigNumbers(t *testing.T) {
	n := peer(t)
	p := newParty(t, jwtauth.ES256, 0)
	type numbers struct {
		ID   int64       `json:"id"`
		Huge json.Number `json:"huge"`
	}
	want := numbers{1<<63 - 1, "123456789012345678901234567890"}
	payload, err := json.Marshal(struct {
		Iss string `json:"iss"`
		Sub string `json:"sub"`
		Aud string `json:"aud"`
		Exp int64  `json:"exp"`
		numbers
	}{issuerName, "1", audience, time.Now().Add(time.Hour).Unix(), want})
	check(t, err)

	token := node.Get[string](t, n, "sign", node.Object{"lib": "jose", "alg": "ES256", "key": p.private, "claims": string(payload)})
	c, err := verify(t, p.key.Public(), token)
	check(t, err)
	var got numbers
	if err := c.Decode(&got); err != nil || got != want {
		t.Errorf("decoded %+v, %v, want %+v", got, err, want)
	}

	text, err := base64.RawURLEncoding.DecodeString(strings.Split(sign(t, p.key, want), ".")[1])
	check(t, err)
	for _, digits := range []string{`"id":9223372036854775807`, `"huge":123456789012345678901234567890`} {
		if !strings.Contains(string(text), digits) {
			t.Errorf("payload %s lacks %s", text, digits)
		}
	}
}

// The Node libraries can sign these tokens, but they must be refused.
func TestRefusedFromNode(t *testing.T) {
	n := peer(t)
	public, hmac := newParty(t, jwtauth.RS256, 0), newParty(t, jwtauth.HS256, 0)
	secret := hmac.private["secret"].([]byte)
	confused := []byte(public.public["pem"].(string)) // the text of a public key, mistaken for an HMAC secret
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	good := node.Object{"iss": issuerName, "sub": "1", "aud": audience, "exp": in(time.Hour)}
	with := func(name string, value any) node.Object {
		claims := maps.Clone(good)
		claims[name] = value
		return claims
	}
	tests := []struct {
		name     string
		key      jwtauth.Key
		lib, alg string
		secret   []byte
		claims   node.Object
		want     error
	}{
		{"good", hmac.key, "jose", "HS256", secret, good, nil},
		{"public key as secret, jose", public.key.Public(), "jose", "HS256", confused, good, jwtauth.ErrKeyUnknown},
		{"public key as secret, jsonwebtoken", public.key.Public(), "jsonwebtoken", "HS256", confused, good, jwtauth.ErrKeyUnknown},
		{"no signature", hmac.key, "jsonwebtoken", "none", secret, good, jwtauth.ErrTokenInvalid},
		{"other hash", hmac.key, "jose", "HS512", secret, good, jwtauth.ErrKeyUnknown},
		{"expired", hmac.key, "jose", "HS256", secret, with("exp", in(-time.Hour)), jwtauth.ErrTokenExpired},
		{"not yet valid", hmac.key, "jose", "HS256", secret, with("nbf", in(time.Hour)), jwtauth.ErrTokenNotYetValid},
		{"other audience", hmac.key, "jose", "HS256", secret, with("aud", []string{"x"}), jwtauth.ErrAudienceMismatch},
		{"other issuer", hmac.key, "jose", "HS256", secret, with("iss", issuerName+"/"), jwtauth.ErrIssuerMismatch},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			token := node.Get[string](t, n, "sign", node.Object{"lib": test.lib, "alg": test.alg, "key": node.Object{"secret": test.secret}, "claims": test.claims})
			if _, err := verify(t, test.key, token); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

// alterClaims replaces the subject of a token and keeps its signature.
func alterClaims(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	check(t, err)
	altered := strings.Replace(string(payload), `"sub":"`, `"sub":"x`, 1)
	if altered == string(payload) {
		t.Fatalf("no subject in %s", payload)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(altered))
	return strings.Join(parts, ".")
}

// alterSignature flips one bit in the middle of the signature.
func alterSignature(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	check(t, err)
	signature[len(signature)/2] ^= 1
	parts[2] = base64.RawURLEncoding.EncodeToString(signature)
	return strings.Join(parts, ".")
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
