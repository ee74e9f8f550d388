package jwtauth_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// refreshPayload returns the claims of a refresh token without verifying it.
func refreshPayload(token string) (claims struct {
	Generation int64  `json:"gen"`
	SessionID  string `json:"sid"`
	Subject    string `json:"sub"`
	Expires    int64  `json:"exp"`
}) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		panic(err)
	}
	return claims
}

// withSessions sets the store of an Issuer.
func withSessions(store jwtauth.SessionStore) func(*jwtauth.IssuerOptions) {
	return func(o *jwtauth.IssuerOptions) { o.Sessions = store }
}

func refreshKeys(keys ...jwtauth.Key) func(*jwtauth.IssuerOptions) {
	return func(o *jwtauth.IssuerOptions) { o.RefreshKeys = keys }
}

func named(issuer string) func(*jwtauth.IssuerOptions) {
	return func(o *jwtauth.IssuerOptions) { o.Issuer = issuer }
}

func loginTo(t *testing.T, issuer *jwtauth.Issuer) jwtauth.Tokens {
	t.Helper()
	tokens, err := issuer.Login(t.Context(), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// wantRefresh checks that the issuer refreshes a token, or that the error
// matches all of want.
func wantRefresh(t *testing.T, what string, issuer *jwtauth.Issuer, token string, want ...error) {
	t.Helper()
	_, err := issuer.Refresh(t.Context(), token)
	wantError(t, what, err, want...)
	if len(want) == 0 && err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// A refresh token is a function of its row: every instance returns the same
// token at every time.
func TestRefreshTokenIsFunctionOfRow(t *testing.T) {
	s := newService(t)
	old := s.login(t).RefreshToken
	row := s.row(old)
	header, payload := parts(t, old)
	if want := map[string]any{"alg": "HS256", "typ": "rt+jwt"}; !maps.Equal(header, want) {
		t.Errorf("header %v, want %v", header, want)
	}
	if want := map[string]any{"sid": row.ID, "gen": 1.0, "sub": "user-1", "exp": float64(row.ExpiresAt.Unix() + 1)}; !maps.Equal(payload, want) {
		t.Errorf("payload %v, want %v", payload, want)
	}

	s.at(time.Hour)
	first := s.refresh(t, old).RefreshToken
	if refreshPayload(first).Expires != row.ExpiresAt.Unix()+1+3600 {
		t.Errorf("payload %+v an hour later", refreshPayload(first))
	}
	second := newIssuer(t, generate(t, jwtauth.HS256), withSessions(s.store), refreshKeys(s.forger.key), func(o *jwtauth.IssuerOptions) {
		o.Now = func() time.Time { return start.Add(time.Hour + 20*time.Second) }
	})
	for _, token := range []string{old, first} {
		tokens, err := second.Refresh(t.Context(), token)
		if err != nil || tokens.RefreshToken != first {
			t.Errorf("another instance, later: %v, other token %v", err, tokens.RefreshToken != first)
		}
	}
}

// The row decides when a session ends. The expiry of the token, in whole
// seconds, is never earlier.
func TestRefreshTokenExpRoundsUp(t *testing.T) {
	for _, at := range []time.Time{time.Unix(now, 0), time.Unix(now, 1e6), time.Unix(now, 999_999_999)} {
		s := newService(t)
		s.clock.Set(at)
		token := s.login(t).RefreshToken
		exp, ends := time.Unix(refreshPayload(token).Expires, 0), s.row(token).ExpiresAt
		if exp.Before(ends) || !exp.Before(ends.Add(time.Second)) {
			t.Errorf("a session that ends at %v has a token until %v", ends, exp)
		}
	}
}

// For every algorithm, no verifier with the issuer's key accepts a refresh
// token as an access token, and the issuer does not accept the reverse.
func TestRefreshTokenIsNoAccessToken(t *testing.T) {
	for _, alg := range keyAlgorithms {
		t.Run(string(alg), func(t *testing.T) {
			material := keyMaterial(alg)
			key := keyMust(jwtauth.NewKey(alg, material))
			store := memstore.New()
			issuer := newIssuer(t, key, withSessions(store), named("https://issuer.example"))
			tokens := loginTo(t, issuer)
			wantRefresh(t, "the access token", issuer, tokens.AccessToken, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)

			_, err := issuer.VerifyToken(t.Context(), tokens.RefreshToken)
			wantError(t, "the issuer", err, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)
			_, err = jwtauth.Live(issuer, store, 0).VerifyToken(t.Context(), tokens.RefreshToken)
			wantError(t, "Live", err, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)

			// A verifier that accepts the type, and every issuer and audience,
			// refuses it.
			opts := jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: accept, Types: []string{"rt+jwt"}, Now: func() time.Time { return time.Unix(now, 0) }}
			_, err = newVerifier(t, verificationKeys{key}, opts).VerifyToken(t.Context(), tokens.RefreshToken)
			if !errors.Is(err, jwtauth.ErrTokenInvalid) || errors.Is(err, jwtauth.ErrTokenType) {
				t.Errorf("a verifier of all types: %v", err)
			}

			// Another library with the same key refuses it.
			dot := strings.LastIndexByte(tokens.RefreshToken, '.')
			signature := keyMust(base64.RawURLEncoding.DecodeString(tokens.RefreshToken[dot+1:]))
			for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.GetSigningMethod(string(alg))} {
				if method.Verify(tokens.RefreshToken[:dot], signature, publicPart(material)) == nil {
					t.Errorf("the signature verifies as %s with the issuer's own key", method.Alg())
				}
			}
			wantRefresh(t, "the refresh token", issuer, tokens.RefreshToken)
		})
	}
}

// If one key signed both kinds of tokens, which cannot be configured, the types
// would still distinguish them.
func TestRefreshTokenTypeTells(t *testing.T) {
	secret := keySecret(32)
	derived := keyMust(hkdf.Key(sha256.New, secret, nil, "jwtauth refresh token\x00", sha256.Size))
	access := newIssuer(t, keyMust(jwtauth.NewKey(jwtauth.HS256, derived)))
	refresh := newIssuer(t, generate(t, jwtauth.EdDSA), withSessions(memstore.New()), refreshKeys(keyMust(jwtauth.NewKey(jwtauth.HS256, secret))))
	accessToken := keyMust(access.Sign("subject", nil))
	refreshToken := loginTo(t, refresh).RefreshToken
	wantRefresh(t, "the access token", refresh, accessToken, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)
	wantError(t, "log out by the access token", refresh.Logout(t.Context(), accessToken), jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)
	_, err := access.VerifyToken(t.Context(), refreshToken)
	wantError(t, "the refresh token", err, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)
	wantRefresh(t, "the refresh token", refresh, refreshToken)
}

// Tokens that are signed with the right key and are not refresh tokens.
func TestRefreshTokenForms(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	real := refreshPayload(token)
	const typ = `"typ":"rt+jwt"`
	claims := func(without string, more ...string) string {
		var members []string
		for name, text := range map[string]string{
			"sid": fmt.Sprintf(`"sid":%q`, real.SessionID), "gen": `"gen":1`, "sub": `"sub":"user-1"`, "exp": fmt.Sprintf(`"exp":%d`, real.Expires),
		} {
			if name != without {
				members = append(members, text)
			}
		}
		return "{" + strings.Join(append(members, more...), ",") + "}"
	}
	header := `{"alg":"ALG",` + typ + `}`
	for _, c := range []struct {
		name, token string
		want        error // nil: accepted
	}{
		{"real", token, nil},
		{"forged", s.forger.token(header, claims("")), nil},
		{"full media type", s.forger.token(`{"alg":"ALG","typ":"application/RT+JWT"}`, claims("")), nil},
		{"another member", s.forger.token(header, claims("", `"x":1`)), nil},
		{"any key id", s.forger.token(`{"alg":"ALG","kid":"x",`+typ+`}`, claims("")), nil},
		{"no type", s.forger.token(`{"alg":"ALG"}`, claims("")), jwtauth.ErrTokenType},
		{"JWT", s.forger.token(plainHeader, claims("")), jwtauth.ErrTokenType},
		{"at+jwt", s.forger.token(`{"alg":"ALG","typ":"at+jwt"}`, claims("")), jwtauth.ErrTokenType},
		{"unsigned", b64(`{"alg":"none",`+typ+`}`) + "." + b64(claims("")) + ".", jwtauth.ErrTokenInvalid},
		{"another key", forgeHS256(t).token(header, claims("")), jwtauth.ErrSignatureInvalid},
		{"another signature", token[:len(token)-4] + "AAAA", jwtauth.ErrSignatureInvalid},
		{"no gen", s.forger.token(header, claims("gen")), jwtauth.ErrClaimsInvalid},
		{"gen null", s.forger.token(header, claims("gen", `"gen":null`)), jwtauth.ErrClaimsInvalid},
		{"gen 0", s.forger.token(header, claims("gen", `"gen":0`)), jwtauth.ErrClaimsInvalid},
		{"gen negative", s.forger.token(header, claims("gen", `"gen":-1`)), jwtauth.ErrClaimsInvalid},
		{"gen in fractions", s.forger.token(header, claims("gen", `"gen":1.5`)), jwtauth.ErrClaimsInvalid},
		{"gen a string", s.forger.token(header, claims("gen", `"gen":"1"`)), jwtauth.ErrClaimsInvalid},
		{"gen beyond the last", s.forger.token(header, claims("gen", `"gen":9007199254740992`)), jwtauth.ErrClaimsInvalid},
		{"gen beyond int64", s.forger.token(header, claims("gen", `"gen":9223372036854775808`)), jwtauth.ErrClaimsInvalid},
		{"gen twice", s.forger.token(header, claims("", `"gen":1`)), jwtauth.ErrClaimsInvalid},
		{"gen in another case", s.forger.token(header, claims("gen", `"Gen":1`)), jwtauth.ErrClaimsInvalid},
		{"gen in two cases", s.forger.token(header, claims("", `"Gen":2`)), nil},
		{"no sid", s.forger.token(header, claims("sid")), jwtauth.ErrClaimsInvalid},
		{"empty sid", s.forger.token(header, claims("sid", `"sid":""`)), jwtauth.ErrClaimsInvalid},
		{"no sub", s.forger.token(header, claims("sub")), jwtauth.ErrClaimsInvalid},
		{"empty sub", s.forger.token(header, claims("sub", `"sub":""`)), jwtauth.ErrClaimsInvalid},
		{"no exp", s.forger.token(header, claims("exp")), jwtauth.ErrClaimsInvalid},
		{"not a token", "x", jwtauth.ErrTokenMalformed},
		{"nothing", "", jwtauth.ErrTokenMalformed},
		{"too long", token + strings.Repeat("A", 16<<10), jwtauth.ErrTokenMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.store.took()
			answer, err := s.Refresh(t.Context(), c.token)
			if c.want == nil {
				wantError(t, "Refresh", err)
				return
			}
			if !errors.Is(err, c.want) || !errors.Is(err, jwtauth.ErrTokenInvalid) || answer != (jwtauth.Tokens{}) {
				t.Errorf("Refresh: %v, want %v", err, c.want)
			}
			if err := s.Logout(t.Context(), c.token); !errors.Is(err, c.want) {
				t.Errorf("Logout: %v, want %v", err, c.want)
			}
			s.wantOps(t, "not a refresh token")
		})
	}
}

// Every subject that can log in can also refresh.
func TestRefreshTokenOfLongestSubject(t *testing.T) {
	for _, subject := range []string{strings.Repeat("x", 1<<10), strings.Repeat("é", 1<<9), strings.Repeat("<", 1<<10-2) + "é"} {
		s := newService(t)
		tokens, err := s.Login(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		wantRefresh(t, fmt.Sprintf("%q…", subject[:2]), s.Issuer, tokens.RefreshToken)
	}
}
