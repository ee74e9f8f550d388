package dpop_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

const (
	origin = "https://api.example.com"
	target = origin + "/me"
)

// client makes proofs with its key.
type client struct {
	t   testing.TB
	key *jose.Key
	now func() time.Time
}

func newClient(t testing.TB, alg jose.Algorithm) *client {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, key: key, now: time.Now}
}

func (c *client) jwk() json.RawMessage {
	c.t.Helper()
	jwk, err := c.key.Public().MarshalJWK()
	if err != nil {
		c.t.Fatal(err)
	}
	return jwk
}

func (c *client) thumbprint() string { return c.key.Thumbprint() }

var proofs atomic.Int64 // each proof has a jti of its own

// parts are the header and the claims of a proof. A nil value removes a member.
type parts struct{ header, claims map[string]any }

func (c *client) parts(method, url, token string) parts {
	p := parts{
		map[string]any{"typ": "dpop+jwt", "alg": string(c.key.Algorithm()), "jwk": c.jwk()},
		map[string]any{"jti": "proof-" + strconv.FormatInt(proofs.Add(1), 10), "htm": method, "htu": url, "iat": c.now().Unix()},
	}
	if token != "" {
		p.claims["ath"] = hashOf(token)
	}
	return p
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sign returns a proof with the given parts.
func (c *client) sign(p parts) string {
	c.t.Helper()
	segment := func(m map[string]any) string {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
		text, err := json.Marshal(m)
		if err != nil {
			c.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return c.addSignature(segment(p.header) + "." + segment(p.claims))
}

// addSignature adds the signature to the first two segments of a proof.
func (c *client) addSignature(input string) string {
	c.t.Helper()
	token, err := c.key.Sign([]byte(input+"."), []byte(input))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(token)
}

func (c *client) proof(method, url, token string) string { return c.sign(c.parts(method, url, token)) }

// service is a service behind a Verifier.
type service struct {
	issuer  *jwtauth.Issuer
	proofs  *dpop.Verifier
	handler http.Handler
	refusal error // of the last request
}

func newIssuer(t testing.TB) *jwtauth.Issuer {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: newStore()})
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

func newService(t testing.TB, opts dpop.Options) *service {
	t.Helper()
	if opts.URL == "" {
		opts.URL = origin
	}
	verifier, err := dpop.NewVerifier(opts)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{issuer: newIssuer(t), proofs: verifier}
	onError := jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		s.refusal = err
		jwtauth.WriteError(w, r, err)
	})
	s.handler = jwtauth.Verify(s.issuer, append(verifier.VerifyOptions(), onError)...)(
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	return s
}

// token returns an access token that is bound to a key, or a plain one.
func (s *service) token(t testing.TB, c *client) string {
	t.Helper()
	var opts []jwtauth.LoginOption
	if c != nil {
		opts = append(opts, jwtauth.Confirmation("jkt", c.thumbprint()))
	}
	tokens, err := s.issuer.Login(t.Context(), "ann", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tokens.AccessToken
}

// do sends a request with the given credentials and proofs.
func (s *service) do(method, url, authorization string, proofs ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for _, proof := range proofs {
		r.Header.Add("DPoP", proof)
	}
	w := httptest.NewRecorder()
	s.refusal = nil
	s.handler.ServeHTTP(w, r)
	return w
}
