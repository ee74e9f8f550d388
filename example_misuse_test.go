package jwtauth_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// Keys that are too weak, or of the wrong kind, are refused when they are read.
func Example_misuseOfKeys() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwtauth.NewKey(jwtauth.ES256, private)
	if err != nil {
		log.Fatal(err)
	}
	publicPEM, err := key.Public().MarshalPEM()
	if err != nil {
		log.Fatal(err)
	}

	_, err = jwtauth.NewKey(jwtauth.HS256, []byte("secret"))
	fmt.Println("a short secret:", err)
	_, err = jwtauth.NewKey(jwtauth.HS256, publicPEM)
	fmt.Println("a public key as a secret:", err)
	_, err = jwtauth.NewKey(jwtauth.HS256, &private.PublicKey)
	fmt.Println("the same as a Go value:", err)
	_, err = jwtauth.NewKey(jwtauth.ES512, private)
	fmt.Println("another curve:", err)
	_, err = jwtauth.NewKey("none", nil)
	fmt.Println("no algorithm:", err)
	_, err = jwtauth.NewIssuer(key.Public(), jwtauth.IssuerOptions{})
	fmt.Println("signing with a public key:", err)
	// Output:
	// a short secret: jwtauth: HS256 key is 6 bytes; RFC 7518, section 3.2, requires at least 32 (openssl rand -base64 32)
	// a public key as a secret: jwtauth: HS256 key is PEM, not a secret; ParseKey reads PEM and JWK
	// the same as a Go value: jwtauth: HS256 key is an ECDSA key; it must be a []byte of at least 32 bytes
	// another curve: jwtauth: ECDSA key is on P-256; ES512 requires P-521
	// no algorithm: jwtauth: algorithm "none" is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA
	// signing with a public key: jwtauth: NewIssuer: key: has no private part to sign with
}

// Options that are incomplete, contradictory or out of range are refused at
// start-up, all at once.
func Example_misuseOfOptions() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		log.Fatal(err)
	}

	_, err = jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{})
	fmt.Println(err)
	_, err = jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:    "https://login.example.com",
		AnyIssuer: true,
		Audience:  []string{""},
		Leeway:    time.Hour,
		MaxAge:    -time.Minute,
	})
	fmt.Println(err)
	_, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{AccessTTL: 500 * time.Millisecond, IdleTTL: time.Hour})
	fmt.Println(err)
	_, err = jwtauth.NewRemoteKeys("http://login.example.com/jwks", jwtauth.RemoteKeysOptions{})
	fmt.Println(err)
	_, err = jwtauth.NewCookies(jwtauth.CookieOptions{TrustedOrigins: []string{"app.example.com", "https://*.example.com"}})
	fmt.Println(err)
	// Output:
	// jwtauth: VerifierOptions.Issuer: is required: the exact iss of the tokens (AnyIssuer accepts any)
	// jwtauth: VerifierOptions.Audience: is required: the name of this service in the aud of its tokens (AnyAudience accepts any)
	// jwtauth: VerifierOptions.Issuer: cannot be combined with AnyIssuer
	// jwtauth: VerifierOptions.Audience[0]: is empty
	// jwtauth: VerifierOptions.AnyIssuer: requires Check, which must decide about the claims instead
	// jwtauth: VerifierOptions.Leeway: 1h0m0s exceeds the maximum of 5m0s
	// jwtauth: VerifierOptions.MaxAge: -1m0s is negative
	// jwtauth: IssuerOptions.AccessTTL: 500ms is not a whole number of seconds
	// jwtauth: IssuerOptions.IdleTTL: needs Sessions, a SessionStore, which is not set
	// jwtauth: NewRemoteKeys: url: is http, so anyone on the network could replace the keys: use https (http is accepted for the loopback interface, or with InsecureHTTP)
	// jwtauth: CookieOptions.TrustedOrigins[0]: "app.example.com" is not an origin, such as https://app.example.com
	// jwtauth: CookieOptions.TrustedOrigins[1]: the host "*.example.com" is a pattern; list each origin
}

// Tokens that a careless verifier would accept are rejected.
func Example_misuseOfTokens() {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Sessions: memstore.New(),
	})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := issuer.Login(context.Background(), "u-1")
	if err != nil {
		log.Fatal(err)
	}
	other, err := issuer.Sign("u-1", nil, jwtauth.ForAudience("https://other.example.com"))
	if err != nil {
		log.Fatal(err)
	}
	segments := strings.Split(tokens.AccessToken, ".")
	encode := base64.RawURLEncoding.EncodeToString
	none := encode([]byte(`{"alg":"none"}`)) + "." + segments[1] + "."
	hmac := encode([]byte(`{"alg":"HS256"}`)) + "." + segments[1] + "." + segments[2]
	admin := segments[0] + "." + encode([]byte(`{"sub":"admin"}`)) + "." + segments[2]

	for _, c := range []struct{ name, token string }{
		{"alg none", none},
		{"another algorithm", hmac},
		{"changed claims", admin},
		{"without a signature", segments[0] + "." + segments[1] + "."},
		{"padded", tokens.AccessToken + "="},
		{"for another service", other},
		{"a refresh token", tokens.RefreshToken},
		{"the whole header", "Bearer " + tokens.AccessToken},
	} {
		_, err := issuer.VerifyToken(context.Background(), c.token)
		fmt.Println(c.name+":", err, errors.Is(err, jwtauth.ErrTokenInvalid))
	}

	_, err = issuer.Sign("", nil)
	fmt.Println(err)
	_, err = issuer.Sign("u-1", map[string]any{"exp": 1893456000})
	fmt.Println(err)
	_, err = issuer.Sign("u-1", nil, jwtauth.ExpiresIn(10*366*24*time.Hour))
	fmt.Println(err)
	// Output:
	// alg none: jwtauth: no key for the token: alg in the header is none: the token is not signed true
	// another algorithm: jwtauth: no key for the token: the keys are for ES256, the header says HS256 true
	// changed claims: jwtauth: token signature invalid: it was made with another key, or the token was changed true
	// without a signature: jwtauth: token signature invalid: the signature, the third segment, is empty true
	// padded: jwtauth: token signature invalid: the signature, the third segment, is not base64url without padding (RFC 7515, section 2): it ends with = true
	// for another service: jwtauth: token for another audience: aud does not contain "https://api.example.com" true
	// a refresh token: jwtauth: token of another type: it is a refresh token, which only Issuer.Refresh accepts true
	// the whole header: jwtauth: token malformed: a scheme such as Bearer, or the name of a header, precedes the token: pass the token alone true
	// jwtauth: Sign: subject: is empty
	// jwtauth: claims: "exp" is a registered claim and cannot be set; use IssuerOptions.AccessTTL or ExpiresIn
	// jwtauth: ExpiresIn: d: 87840h0m0s exceeds the maximum of 8784h0m0s
}
