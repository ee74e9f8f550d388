package jwtauth_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// refreshPayload reads what a refresh token says, without verifying it.
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

// withSessions gives an issuer a store.
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

// takes checks that issuer refreshes a token, or that the error is all of want.
func takes(t *testing.T, what string, issuer *jwtauth.Issuer, token string, want ...error) {
	t.Helper()
	_, err := issuer.Refresh(t.Context(), token)
	wantError(t, what, err, want...)
	if len(want) == 0 && err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// A refresh token says what the row says, and nothing else: each instance, at any time, makes the same of the same row.
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
			t.Errorf("another instance, later: %v, another token %v", err, tokens.RefreshToken != first)
		}
	}
}

// The row has the last word on when a session ends: the token's date, in whole seconds, is never before it.
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

// For every algorithm: a refresh token is no access token, not for us and not for anyone who has
// the issuer's key; nor the other way round.
func TestRefreshTokenIsNoAccessToken(t *testing.T) {
	for _, alg := range keyAlgorithms {
		t.Run(string(alg), func(t *testing.T) {
			material := keyMaterial(alg)
			key := keyMust(jwtauth.NewKey(alg, material))
			issuer := newIssuer(t, key, withSessions(memstore.New()), named("https://issuer.example"))
			tokens := loginTo(t, issuer)
			takes(t, "the access token", issuer, tokens.AccessToken, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)

			_, err := issuer.VerifyToken(t.Context(), tokens.RefreshToken)
			wantError(t, "the issuer", err, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)
			_, err = issuer.Live().VerifyToken(t.Context(), tokens.RefreshToken)
			wantError(t, "Live", err, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)

			// Not even one that takes all types, and everybody's tokens.
			opts := jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Types: []string{"rt+jwt"}, Now: func() time.Time { return time.Unix(now, 0) }}
			_, err = newVerifier(t, verificationKeys{key}, opts).VerifyToken(t.Context(), tokens.RefreshToken)
			if !errors.Is(err, jwtauth.ErrTokenInvalid) || errors.Is(err, jwtauth.ErrTokenType) {
				t.Errorf("a verifier of all types: %v", err)
			}

			// Nor another library, with the same key.
			dot := strings.LastIndexByte(tokens.RefreshToken, '.')
			signature := keyMust(base64.RawURLEncoding.DecodeString(tokens.RefreshToken[dot+1:]))
			for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.GetSigningMethod(string(alg))} {
				if method.Verify(tokens.RefreshToken[:dot], signature, publicPart(material)) == nil {
					t.Errorf("the signature verifies as %s with the issuer's own key", method.Alg())
				}
			}
			takes(t, "the refresh token", issuer, tokens.RefreshToken)
		})
	}
}

// Where one key signs either kind of token, as nobody can configure it, the types still tell them apart.
func TestRefreshTokenTypeTells(t *testing.T) {
	secret := keySecret(32)
	derived := keyMust(hkdf.Key(sha256.New, secret, nil, "jwtauth refresh token\x00", sha256.Size))
	access := newIssuer(t, keyMust(jwtauth.NewKey(jwtauth.HS256, derived)))
	refresh := newIssuer(t, generate(t, jwtauth.EdDSA), withSessions(memstore.New()), refreshKeys(keyMust(jwtauth.NewKey(jwtauth.HS256, secret))))
	accessToken := keyMust(access.Sign("subject", nil))
	refreshToken := loginTo(t, refresh).RefreshToken
	takes(t, "the access token", refresh, accessToken, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)
	wantError(t, "log out by the access token", refresh.Logout(t.Context(), accessToken), jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)
	_, err := access.VerifyToken(t.Context(), refreshToken)
	wantError(t, "the refresh token", err, jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType)
	takes(t, "the refresh token", refresh, refreshToken)
}

// The derived key is that of a signing key and an issuer's name, for every instance.
func TestRefreshKeyDerivation(t *testing.T) {
	for _, alg := range keyAlgorithms {
		t.Run(string(alg), func(t *testing.T) {
			store := memstore.New()
			material := keyMaterial(alg)
			key := keyMust(jwtauth.NewKey(alg, material))
			token := loginTo(t, newIssuer(t, key, withSessions(store), named("https://a.example"))).RefreshToken

			same := key // as another process reads it from a file
			if text, err := key.MarshalPEM(); err == nil {
				same = keyMust(jwtauth.ParseKey(alg, text))
			}
			takes(t, "another instance", newIssuer(t, same, withSessions(store), named("https://a.example")), token)
			for _, name := range []string{"", "https://b.example", "https://a.exampl"} {
				takes(t, fmt.Sprintf("issuer %q", name), newIssuer(t, same, withSessions(store), named(name)), token,
					jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
			}
			other := jwtauth.HS256
			if strings.HasPrefix(string(alg), "HS") {
				other = alg
			}
			takes(t, "another key", newIssuer(t, generate(t, other), withSessions(store), named("https://a.example")), token,
				jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
		})
	}
}

// Issuers that share RefreshKeys, and a store, do not exchange or end each other's sessions.
func TestRefreshKeysShared(t *testing.T) {
	shared := generate(t, jwtauth.HS256)
	store := memstore.New()
	issuer := func(name string) *jwtauth.Issuer {
		return newIssuer(t, generate(t, jwtauth.EdDSA), withSessions(store), refreshKeys(shared), named(name))
	}
	token := loginTo(t, issuer("https://a.example")).RefreshToken
	for _, name := range []string{"", "https://b.example", "https://a.example/"} {
		b := issuer(name)
		takes(t, fmt.Sprintf("issuer %q", name), b, token, jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
		wantError(t, fmt.Sprintf("log out at issuer %q", name), b.Logout(t.Context(), token), jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
	}
	takes(t, "another instance of its issuer", issuer("https://a.example"), token)
}

// What verifies access tokens by the very key that is in RefreshKeys takes no refresh token.
func TestRefreshKeyOfAccessTokens(t *testing.T) {
	key := generate(t, jwtauth.HS256)
	for name, issuer := range map[string]*jwtauth.Issuer{
		"its own":           newIssuer(t, key, withSessions(memstore.New()), refreshKeys(key)),
		"another service's": newIssuer(t, generate(t, jwtauth.EdDSA), withSessions(memstore.New()), refreshKeys(key)),
	} {
		token := loginTo(t, issuer).RefreshToken
		opts := jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Types: []string{"rt+jwt"}, Now: func() time.Time { return time.Unix(now, 0) }}
		_, err := newVerifier(t, verificationKeys{key}, opts).VerifyToken(t.Context(), token)
		wantError(t, name, err, jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
		takes(t, name, issuer, token)
	}
}

// Of RefreshKeys the first signs, and all verify.
func TestRefreshKeys(t *testing.T) {
	store := memstore.New()
	signing := generate(t, jwtauth.EdDSA)
	older, newer := generate(t, jwtauth.HS256), generate(t, jwtauth.HS512)
	issuer := func(keys ...jwtauth.Key) *jwtauth.Issuer {
		return newIssuer(t, signing, withSessions(store), refreshKeys(keys...))
	}
	byOlder := loginTo(t, issuer(older, newer)).RefreshToken
	byNewer := loginTo(t, issuer(newer, older)).RefreshToken
	derived := loginTo(t, issuer()).RefreshToken
	for token, alg := range map[string]string{byOlder: "HS256", byNewer: "HS512", derived: "HS256"} {
		if header, _ := parts(t, token); header["alg"] != alg {
			t.Errorf("header %v, want one for %s", header, alg)
		}
	}
	takes(t, "the older key's token", issuer(newer, older), byOlder)
	takes(t, "the newer key's token", issuer(older, newer), byNewer)
	takes(t, "a derived key's token", issuer(older), derived) // of the time before RefreshKeys were set
	takes(t, "the newer key's token without it", issuer(older), byNewer, jwtauth.ErrTokenInvalid, jwtauth.ErrKeyUnknown)
	takes(t, "the older key's token without it", issuer(newer, generate(t, jwtauth.HS256)), byOlder, jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
}

// Signing keys are exchanged, and sessions go on.
func TestSetKeysKeepsSessions(t *testing.T) {
	first, second := generate(t, jwtauth.HS256), generate(t, jwtauth.ES256)
	store := memstore.New()
	issuer := newIssuer(t, first, withSessions(store))
	token := loginTo(t, issuer).RefreshToken
	if err := issuer.SetKeys(second, first); err != nil {
		t.Fatal(err)
	}
	takes(t, "after SetKeys", issuer, token)
	takes(t, "at a new instance", newIssuer(t, second, withSessions(store), func(o *jwtauth.IssuerOptions) { o.AcceptKeys = []jwtauth.Key{first} }), token)
	byFirst, bySecond := token, loginTo(t, issuer).RefreshToken
	if err := issuer.SetKeys(second); err != nil {
		t.Fatal(err)
	}
	takes(t, "when the first key is gone", issuer, byFirst, jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
	takes(t, "of the second key", issuer, bySecond)

	// With keys of their own, refresh tokens do not care.
	issuer = newIssuer(t, first, withSessions(store), refreshKeys(generate(t, jwtauth.HS256)))
	token = loginTo(t, issuer).RefreshToken
	if err := issuer.SetKeys(second, generate(t, jwtauth.EdDSA).Public()); err != nil {
		t.Fatal(err)
	}
	takes(t, "with RefreshKeys", issuer, token)
}

func TestRefreshKeyFaults(t *testing.T) {
	const derive = "has no private part to derive a refresh key from (with Sessions, refresh tokens are signed with a key derived from this one, unless RefreshKeys are set)"
	const signer = "is a crypto.Signer, from which no refresh key can be derived; set RefreshKeys (with Sessions"
	hs, other, ed := generate(t, jwtauth.HS256), generate(t, jwtauth.HS256), generate(t, jwtauth.EdDSA)
	external := keyMust(jwtauth.NewKey(jwtauth.ES256, opaqueSigner{keyP256()}))
	public := generate(t, jwtauth.ES256).Public()
	many := make([]jwtauth.Key, 16)
	for i := range many {
		many[i] = generate(t, jwtauth.HS256)
	}
	type opts = jwtauth.IssuerOptions
	for _, c := range []struct {
		name string
		key  jwtauth.Key
		opts opts
		want []string
	}{
		{"private accepted key", hs, opts{AcceptKeys: []jwtauth.Key{ed}}, nil},
		{"public accepted key", hs, opts{AcceptKeys: []jwtauth.Key{ed, public}}, []string{"IssuerOptions.AcceptKeys[1]: " + derive}},
		{"public accepted key and RefreshKeys", hs, opts{AcceptKeys: []jwtauth.Key{public}, RefreshKeys: []jwtauth.Key{other}}, nil},
		{"crypto.Signer", external, opts{}, []string{"NewIssuer: key: " + signer}},
		{"accepted crypto.Signer", hs, opts{AcceptKeys: []jwtauth.Key{external}}, []string{"IssuerOptions.AcceptKeys[0]: " + signer}},
		{"crypto.Signer and RefreshKeys", external, opts{RefreshKeys: []jwtauth.Key{other}}, nil},
		{"zero refresh key", hs, opts{RefreshKeys: []jwtauth.Key{{}}}, []string{"IssuerOptions.RefreshKeys[0]: key is the zero Key"}},
		{"refresh key that is not symmetric", hs, opts{RefreshKeys: []jwtauth.Key{other, ed}}, []string{"IssuerOptions.RefreshKeys[1]: is a key for EdDSA; refresh tokens need HS256, HS384 or HS512"}},
		{"as many keys as are tried", hs, opts{RefreshKeys: many[:15]}, nil},
		{"too many keys", hs, opts{RefreshKeys: many}, []string{"IssuerOptions.AcceptKeys: makes 17 keys that refresh tokens are tried with"}},
		{"all at once", external, opts{AcceptKeys: []jwtauth.Key{public}, ReuseWindow: time.Hour, SessionTTL: 1e6 * time.Hour}, []string{
			"NewIssuer: key: " + signer, "IssuerOptions.AcceptKeys[0]: " + derive, "IssuerOptions.ReuseWindow: ", "IssuerOptions.SessionTTL: ",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opts.Sessions = memstore.New()
			_, err := jwtauth.NewIssuer(c.key, c.opts)
			checkFaults(t, err, c.want)
			if c.opts.ReuseWindow != 0 || slices.ContainsFunc(c.want, func(w string) bool { return strings.Contains(w, "RefreshKeys[") }) {
				return
			}
			// SetKeys refuses the same, and leaves the keys as they were.
			issuer, err := jwtauth.NewIssuer(hs, opts{Sessions: memstore.New(), RefreshKeys: c.opts.RefreshKeys[:min(len(c.opts.RefreshKeys), 15)]})
			if err != nil {
				t.Fatal(err)
			}
			token := loginTo(t, issuer).RefreshToken
			err = issuer.SetKeys(c.key, c.opts.AcceptKeys...)
			if (err != nil) != (len(c.want) > 0 && len(c.opts.RefreshKeys) < 16) {
				t.Errorf("SetKeys: %v", err)
			}
			for _, want := range c.want {
				want = strings.NewReplacer("IssuerOptions.AcceptKeys", "SetKeys: accepted", "NewIssuer: key", "SetKeys: signing").Replace(want)
				if err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("SetKeys: %v, want %s", err, want)
				}
			}
			if err != nil {
				takes(t, "after SetKeys failed", issuer, token)
			}
		})
	}
}

// Tokens that the right key signed, and that are no refresh tokens all the same.
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
		want        error // nil: taken
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
			s.wantOps(t, "what is no refresh token")
		})
	}
}

// Whatever subject can log in can also refresh.
func TestRefreshTokenOfLongestSubject(t *testing.T) {
	for _, subject := range []string{strings.Repeat("x", 1<<10), strings.Repeat("é", 1<<9), strings.Repeat("<", 1<<10-2) + "é"} {
		s := newService(t)
		tokens, err := s.Login(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		takes(t, fmt.Sprintf("%q…", subject[:2]), s.Issuer, tokens.RefreshToken)
	}
}
