package jwtauth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// The derived key depends on the key and the issuer's name only.
func TestRefreshKeyDerivation(t *testing.T) {
	for _, alg := range keyAlgorithms {
		t.Run(string(alg), func(t *testing.T) {
			store := memstore.New()
			material := keyMaterial(alg)
			key := keyMust(jwtauth.NewKey(alg, material))
			token := loginTo(t, newIssuer(t, key, withSessions(store), named("https://a.example"))).RefreshToken

			same := key // as read by another process
			if text, err := key.MarshalPEM(); err == nil {
				same = keyMust(jwtauth.ParseKey(alg, text))
			}
			wantRefresh(t, "another instance", newIssuer(t, same, withSessions(store), named("https://a.example")), token)
			for _, name := range []string{"", "https://b.example", "https://a.exampl"} {
				wantRefresh(t, fmt.Sprintf("issuer %q", name), newIssuer(t, same, withSessions(store), named(name)), token,
					jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
			}
			other := jwtauth.HS256
			if strings.HasPrefix(string(alg), "HS") {
				other = alg
			}
			wantRefresh(t, "another key", newIssuer(t, generate(t, other), withSessions(store), named("https://a.example")), token,
				jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
		})
	}
}

// Issuers with the same RefreshKeys and the same store do not refresh or end
// each other's sessions.
func TestRefreshKeysShared(t *testing.T) {
	shared := generate(t, jwtauth.HS256)
	store := memstore.New()
	issuer := func(name string) *jwtauth.Issuer {
		return newIssuer(t, generate(t, jwtauth.EdDSA), withSessions(store), refreshKeys(shared), named(name))
	}
	token := loginTo(t, issuer("https://a.example")).RefreshToken
	for _, name := range []string{"", "https://b.example", "https://a.example/"} {
		b := issuer(name)
		wantRefresh(t, fmt.Sprintf("issuer %q", name), b, token, jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
		wantError(t, fmt.Sprintf("log out at issuer %q", name), b.Logout(t.Context(), token), jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
	}
	wantRefresh(t, "another instance of its issuer", issuer("https://a.example"), token)
}

// A verifier of access tokens with a key of RefreshKeys accepts no refresh
// token.
func TestRefreshKeyOfAccessTokens(t *testing.T) {
	key := generate(t, jwtauth.HS256)
	for name, issuer := range map[string]*jwtauth.Issuer{
		"its own":           newIssuer(t, key, withSessions(memstore.New()), refreshKeys(key)),
		"another service's": newIssuer(t, generate(t, jwtauth.EdDSA), withSessions(memstore.New()), refreshKeys(key)),
	} {
		token := loginTo(t, issuer).RefreshToken
		opts := jwtauth.VerifierOptions{AnyIssuer: true, AnyAudience: true, Check: accept, Types: []string{"rt+jwt"}, Now: func() time.Time { return time.Unix(now, 0) }}
		_, err := newVerifier(t, verificationKeys{key}, opts).VerifyToken(t.Context(), token)
		wantError(t, name, err, jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
		wantRefresh(t, name, issuer, token)
	}
}

// The first of RefreshKeys signs, and all of them verify.
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
	wantRefresh(t, "the older key's token", issuer(newer, older), byOlder)
	wantRefresh(t, "the newer key's token", issuer(older, newer), byNewer)
	wantRefresh(t, "a derived key's token", issuer(older), derived) // from before RefreshKeys were set
	wantRefresh(t, "the newer key's token without it", issuer(older), byNewer, jwtauth.ErrTokenInvalid, jwtauth.ErrKeyUnknown)
	wantRefresh(t, "the older key's token without it", issuer(newer, generate(t, jwtauth.HS256)), byOlder, jwtauth.ErrTokenInvalid, jwtauth.ErrSignatureInvalid)
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
		{"too many keys", hs, opts{RefreshKeys: many}, []string{"IssuerOptions.AcceptKeys: leads to 17 keys that verify refresh tokens"}},
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
			// SetKeys refuses the same, and does not change the keys.
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
				wantRefresh(t, "after SetKeys failed", issuer, token)
			}
		})
	}
}
