package sessions_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// issuing is an issuer and its key, in the forms for verifiers of other
// libraries.
type issuing struct {
	alg       jwtauth.Algorithm
	key       jwtauth.Key
	golangJWT any
	node      map[string]any
	asSecret  []byte // a secret that an attacker, or a careless configuration, uses for HMAC
}

func issuings(t *testing.T) []issuing {
	t.Helper()
	symmetric := []byte(secret)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	list := []issuing{
		{alg: jwtauth.HS256, key: key(t), golangJWT: symmetric, node: map[string]any{"secret": symmetric}, asSecret: symmetric},
		{alg: jwtauth.ES256, golangJWT: &curve.PublicKey},
		{alg: jwtauth.EdDSA, golangJWT: public},
	}
	for n, material := range map[int]any{1: curve, 2: private} {
		i := &list[n]
		i.key, err = jwtauth.NewKey(i.alg, material)
		check(t, err)
		i.asSecret, err = i.key.Public().MarshalPEM()
		check(t, err)
		i.node = map[string]any{"pem": string(i.asSecret)}
	}
	return list
}

// Services that verify access tokens refuse refresh tokens, with any library,
// and the other way round.
func TestRefreshTokenIsNoAccessToken(t *testing.T) {
	const refused, accepted = false, true
	for _, by := range issuings(t) {
		t.Run(string(by.alg), func(t *testing.T) {
			issuer, err := jwtauth.NewIssuer(by.key, jwtauth.IssuerOptions{Issuer: "https://issuer.example", Sessions: memstore.New()})
			check(t, err)
			tokens, err := issuer.Login(t.Context(), "ada")
			check(t, err)
			verdicts := 0
			want := func(library string, err error, is bool) {
				t.Helper()
				if verdicts++; (err == nil) != is {
					t.Errorf("%s: %v", library, err)
				}
			}

			// Ours refuses by the type, and if a service accepts any type, by
			// the signature.
			_, err = issuer.VerifyToken(t.Context(), tokens.RefreshToken)
			want("the issuer", err, refused)
			if !errors.Is(err, jwtauth.ErrTokenInvalid) {
				t.Errorf("the issuer: %v; want ErrTokenInvalid", err)
			}
			_, err = issuer.Live().VerifyToken(t.Context(), tokens.RefreshToken)
			want("the issuer, live", err, refused)
			_, err = issuer.Refresh(t.Context(), tokens.AccessToken)
			want("the issuer, an access token for a refresh token", err, refused)
			keys, err := jwtauth.StaticKeys(by.key)
			check(t, err)
			for _, types := range [][]string{nil, {"rt+jwt", "JWT"}} {
				verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Types: types})
				check(t, err)
				_, err = verifier.VerifyToken(t.Context(), tokens.RefreshToken)
				want("a verifier", err, refused)
				if types != nil && !errors.Is(err, jwtauth.ErrSignatureInvalid) && !errors.Is(err, jwtauth.ErrKeyUnknown) {
					t.Errorf("a verifier that takes the type: %v; want its signature or key refused", err)
				}
				_, err = verifier.VerifyToken(t.Context(), tokens.AccessToken)
				want("a verifier, the access token", err, accepted)
			}

			// golang-jwt does not check the type.
			for name, as := range map[string]any{"own key": by.golangJWT, "own key as a secret": by.asSecret} {
				_, err = jwt.Parse(tokens.RefreshToken, func(*jwt.Token) (any, error) { return as, nil })
				want("golang-jwt, "+name, err, refused)
				if !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
					t.Errorf("golang-jwt, %s: %v; want the signature refused", name, err)
				}
			}
			_, err = jwt.Parse(tokens.AccessToken, func(*jwt.Token) (any, error) { return by.golangJWT, nil })
			want("golang-jwt, the access token", err, accepted)

			// The packages of Node.
			type question = map[string]any
			libraries := []string{"jose", "jsonwebtoken"}
			if by.alg == jwtauth.EdDSA {
				libraries = libraries[:1]
			}
			for _, library := range libraries {
				answers := askNode(t,
					question{"op": "verify", "lib": library, "alg": by.alg, "key": by.node, "token": tokens.RefreshToken},
					question{"op": "verify", "lib": library, "alg": "HS256", "key": question{"secret": by.asSecret}, "token": tokens.RefreshToken},
					question{"op": "verify", "lib": library, "alg": by.alg, "key": by.node, "token": tokens.AccessToken})
				want(library+", own key", answers[0], refused)
				want(library+", own key as a secret", answers[1], refused)
				want(library+", the access token", answers[2], accepted)
			}
			t.Logf("%d verdicts of jwtauth, golang-jwt and %v: no refresh token passes for an access token", verdicts, libraries)
		})
	}
}

// askNode returns the result of each question to the Node packages: nil or a
// refusal.
func askNode(t *testing.T, questions ...map[string]any) (answers []error) {
	t.Helper()
	need.NodeModules(t)
	var in, out, stderr bytes.Buffer
	for _, q := range questions {
		check(t, json.NewEncoder(&in).Encode(q))
	}
	cmd := exec.CommandContext(t.Context(), need.Binary(t, "node"), filepath.Join("..", "interop", "peer.mjs"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.Bytes())
	}
	for lines := json.NewDecoder(&out); lines.More(); {
		var answer struct {
			OK    json.RawMessage
			Error *struct{ Name, Code, Message string }
		}
		check(t, lines.Decode(&answer))
		switch {
		case answer.Error != nil:
			answers = append(answers, errors.New(answer.Error.Name+" "+answer.Error.Code+": "+answer.Error.Message))
		case answer.OK == nil:
			t.Fatal("node answered neither of both")
		default:
			answers = append(answers, nil)
		}
	}
	if len(answers) != len(questions) {
		t.Fatalf("node answered %d of %d\n%s", len(answers), len(questions), stderr.Bytes())
	}
	return answers
}
