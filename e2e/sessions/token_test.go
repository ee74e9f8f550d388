package sessions_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// issuing is an issuer and its key, in the forms for verifiers of other
// libraries.
type issuing struct {
	alg       jwtauth.Algorithm
	key       jwtauth.Key
	golangJWT any
	node      node.Object
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
		{alg: jwtauth.HS256, key: key(t), golangJWT: symmetric, node: node.Object{"secret": symmetric}, asSecret: symmetric},
		{alg: jwtauth.ES256, golangJWT: &curve.PublicKey},
		{alg: jwtauth.EdDSA, golangJWT: public},
	}
	for n, material := range map[int]any{1: curve, 2: private} {
		i := &list[n]
		i.key, err = jwtauth.NewKey(i.alg, material)
		check(t, err)
		i.asSecret, err = i.key.Public().MarshalPEM()
		check(t, err)
		i.node = node.Object{"pem": string(i.asSecret)}
	}
	return list
}

// Services that verify access tokens refuse refresh tokens, with any library,
// and the other way round.
func TestRefreshTokenIsNoAccessToken(t *testing.T) {
	const refused, accepted = false, true
	peer := node.New(t, filepath.Join("..", "interop"))
	for _, by := range issuings(t) {
		t.Run(string(by.alg), func(t *testing.T) {
			store := memstore.New()
			issuer, err := jwtauth.NewIssuer(by.key, jwtauth.IssuerOptions{Issuer: "https://issuer.example", Sessions: store})
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
			_, err = jwtauth.Live(issuer, store, 0).VerifyToken(t.Context(), tokens.RefreshToken)
			want("the issuer, live", err, refused)
			_, err = issuer.Refresh(t.Context(), tokens.AccessToken)
			want("the issuer, an access token for a refresh token", err, refused)
			keys, err := jwtauth.StaticKeys(by.key)
			check(t, err)
			for _, types := range [][]string{nil, {"rt+jwt", "JWT"}} {
				verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: acceptAll, Types: types})
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
			libraries := []string{"jose", "jsonwebtoken"}
			if by.alg == jwtauth.EdDSA {
				libraries = libraries[:1]
			}
			for _, library := range libraries {
				verify := func(key node.Object, alg jwtauth.Algorithm, token string) error {
					return peer.Call(t, "verify", node.Object{"lib": library, "alg": alg, "key": key, "token": token}, new(any))
				}
				want(library+", own key", verify(by.node, by.alg, tokens.RefreshToken), refused)
				want(library+", own key as a secret", verify(node.Object{"secret": by.asSecret}, jwtauth.HS256, tokens.RefreshToken), refused)
				want(library+", the access token", verify(by.node, by.alg, tokens.AccessToken), accepted)
			}
			t.Logf("%d verdicts of jwtauth, golang-jwt and %v: no refresh token passes for an access token", verdicts, libraries)
		})
	}
}

// acceptAll is a Check that accepts every token.
func acceptAll(context.Context, *jwtauth.Claims) error { return nil }
