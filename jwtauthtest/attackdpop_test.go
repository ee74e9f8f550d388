package jwtauthtest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// prover makes requests with proofs.
type prover struct {
	issuer *jwtauth.Issuer
	key    *jose.Key
	token  string
	nonce  func() string // nil without nonces
	count  atomic.Int64
}

func newProver(t testing.TB, alg jose.Algorithm, signer any) *prover {
	t.Helper()
	secret, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	p := &prover{}
	if p.issuer, err = jwtauth.NewIssuer(secret, jwtauth.IssuerOptions{Sessions: memstore.New()}); err != nil {
		t.Fatal(err)
	}
	if p.key, err = jose.New(alg, signer); err != nil {
		t.Fatal(err)
	}
	tokens, err := p.issuer.Login(context.Background(), "ann", jwtauth.Confirmation("jkt", p.key.Thumbprint()))
	if err != nil {
		t.Fatal(err)
	}
	p.token = tokens.AccessToken
	return p
}

func (p *prover) request() *http.Request {
	r := httptest.NewRequest("GET", "/me?a=b", nil)
	r.Header.Set("Authorization", "DPoP "+p.token)
	jwk, _ := p.key.Public().MarshalJWK()
	header := fmt.Sprintf(`{"typ":"dpop+jwt","alg":%q,"jwk":%s}`, p.key.Algorithm(), jwk)
	claims := fmt.Sprintf(`{"jti":%q,"htm":"GET","htu":"https://api.example.com/me","iat":%d,"ath":%q`,
		strconv.FormatInt(p.count.Add(1), 10), time.Now().Unix(), hashText(p.token))
	if p.nonce != nil {
		claims += fmt.Sprintf(`,"nonce":%q`, p.nonce())
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims+"}"))
	proof, _ := p.key.Sign([]byte(input+"."), []byte(input))
	r.Header.Set("DPoP", string(proof))
	return r
}

func p256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAttackDPoP(t *testing.T) {
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		opts dpop.Options
		ed   bool
	}{
		{"required", dpop.Options{}, false},
		{"EdDSA", dpop.Options{}, true},
		{"beside bearer", dpop.Options{AllowBearer: true}, false},
		{"nonces", dpop.Options{NonceKey: []byte(strings.Repeat("nonce key", 5))}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.opts.URL = "https://api.example.com"
			proofs, err := dpop.NewVerifier(test.opts)
			if err != nil {
				t.Fatal(err)
			}
			if test.ed {
				p := newProver(t, jose.EdDSA, edwards)
				jwtauthtest.AttackDPoP(t, jwtauth.Verify(p.issuer, proofs.VerifyOptions()...), p.request, edwards)
				return
			}
			key := p256(t)
			p := newProver(t, jose.ES256, key)
			if test.opts.NonceKey != nil {
				p.nonce = func() string {
					w := httptest.NewRecorder()
					proofs.Nonces(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
					return w.Header().Get("DPoP-Nonce")
				}
			}
			jwtauthtest.AttackDPoP(t, jwtauth.Verify(p.issuer, proofs.VerifyOptions()...), p.request, key)
		})
	}
}

// TestAttackDPoPFindsBugs attacks verifiers with one mistake each.
func TestAttackDPoPFindsBugs(t *testing.T) {
	key := p256(t)
	p := newProver(t, jose.ES256, key)
	for _, bug := range append(proofBugs, noProofBug) {
		o := observe(t, func(t testing.TB) {
			jwtauthtest.AttackDPoP(t, newProofChecker(p, bug).protect, p.request, key)
		})
		if found := len(o.reports) > 0; found != (bug != noProofBug) || o.ended && bug != leavesTraces {
			t.Errorf("%s: found %v, ended %v: %q", bug, found, o.ended, o.reports)
		}
	}
	if len(proofBugs) < 20 {
		t.Errorf("%d broken verifiers", len(proofBugs))
	}
}

// Wrong arguments end the test.
func TestAttackDPoPArguments(t *testing.T) {
	key := p256(t)
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := newProver(t, jose.ES256, key)
	protect := newProofChecker(p, noProofBug).protect
	open := func(next http.Handler) http.Handler { return next }
	change := func(f func(r *http.Request)) func() *http.Request {
		return func() *http.Request {
			r := p.request()
			f(r)
			return r
		}
	}
	for want, attack := range map[string]func(t testing.TB){
		"key is nil":          func(t testing.TB) { jwtauthtest.AttackDPoP(t, protect, p.request, nil) },
		"protect, newRequest": func(t testing.TB) { jwtauthtest.AttackDPoP(t, nil, p.request, key) },
		"it must be accepted": func(t testing.TB) {
			jwtauthtest.AttackDPoP(t, protect, change(func(r *http.Request) { r.Header.Del("DPoP") }), key)
		},
		"one DPoP header": func(t testing.TB) {
			jwtauthtest.AttackDPoP(t, open, change(func(r *http.Request) { r.Header.Del("DPoP") }), key)
		},
		"has no path": func(t testing.TB) {
			jwtauthtest.AttackDPoP(t, open, change(func(r *http.Request) { r.URL.Path = "/" }), key)
		},
		"key cannot sign": func(t testing.TB) { jwtauthtest.AttackDPoP(t, protect, p.request, other) },
		"not a compact JWS": func(t testing.TB) {
			jwtauthtest.AttackDPoP(t, open, change(func(r *http.Request) { r.Header.Set("DPoP", "x") }), key)
		},
	} {
		o := observe(t, attack)
		if !o.ended || len(o.reports) != 1 || !strings.Contains(o.reports[0], want) {
			t.Errorf("%s: ended %v: %q", want, o.ended, o.reports)
		}
	}
}
