package dpop_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/memstore"
)

func newStore() *memstore.Store { return memstore.New() }

func TestAccepted(t *testing.T) {
	every := dpop.Options{}
	for _, alg := range jose.Algorithms() {
		if !alg.Symmetric() {
			every.Algorithms = append(every.Algorithms, jwtauth.Algorithm(alg))
		}
	}
	s := newService(t, every)
	for _, alg := range every.Algorithms {
		c := newClient(t, jose.Algorithm(alg))
		token := s.token(t, c)
		if w := s.do("GET", "/me", "DPoP "+token, c.proof("GET", target, token)); w.Code != http.StatusNoContent {
			t.Errorf("%s: status %d: %v", alg, w.Code, s.refusal)
		}
	}
}

// In TestTolerated a proof differs in a way that has no effect.
func TestTolerated(t *testing.T) {
	s := newService(t, dpop.Options{})
	c := newClient(t, jose.ES256)
	ed := newClient(t, jose.EdDSA)
	token := s.token(t, c)
	for _, test := range []struct {
		name   string
		change func(p parts)
	}{
		{"unknown header parameter", func(p parts) { p.header["x5t"] = 1 }},
		{"kid", func(p parts) { p.header["kid"] = "other" }},
		{"unknown claims", func(p parts) { p.claims["foo"], p.claims["exp"] = "bar", 1 }},
		{"fractional iat", func(p parts) { p.claims["iat"] = float64(time.Now().UnixMilli()) / 1000 }},
		{"htu with a query", func(p parts) { p.claims["htu"] = target + "?a=b" }},
		{"htu with a fragment", func(p parts) { p.claims["htu"] = target + "#top" }},
		{"htu with the default port", func(p parts) { p.claims["htu"] = "https://api.example.com:443/me" }},
		{"htu in upper case", func(p parts) { p.claims["htu"] = "HTTPS://API.example.com/me" }},
		{"htu with escaped letters", func(p parts) { p.claims["htu"] = origin + "/%6de" }},
		{"htu with dot segments", func(p parts) { p.claims["htu"] = origin + "/a/./../me" }},
		{"a nonce that was not demanded", func(p parts) { p.claims["nonce"] = "n" }},
	} {
		p := c.parts("GET", target, token)
		test.change(p)
		if w := s.do("GET", "/me", "DPoP "+token, c.sign(p)); w.Code != http.StatusNoContent {
			t.Errorf("%s: status %d: %v", test.name, w.Code, s.refusal)
		}
	}
	token = s.token(t, ed)
	p := ed.parts("GET", target, token)
	p.header["alg"] = "Ed25519" // RFC 9864
	if w := s.do("GET", "/me", "dpop "+token, ed.sign(p)); w.Code != http.StatusNoContent {
		t.Errorf("Ed25519: status %d: %v", w.Code, s.refusal)
	}
}

// refusals are changes of a good proof, and a part of the error that OnError
// receives.
var refusals = []struct {
	name   string
	change func(p parts)
	want   string
}{
	{"typ missing", func(p parts) { p.header["typ"] = nil }, `typ is not "dpop+jwt"`},
	{"typ JWT", func(p parts) { p.header["typ"] = "JWT" }, `typ is not "dpop+jwt"`},
	{"typ not a string", func(p parts) { p.header["typ"] = 1 }, "a header parameter has the wrong type"},
	{"alg missing", func(p parts) { p.header["alg"] = nil }, "the header has no alg"},
	{"alg none", func(p parts) { p.header["alg"] = "none" }, "alg is not one of Options.Algorithms"},
	{"alg HS256", func(p parts) { p.header["alg"] = "HS256" }, "alg is not one of Options.Algorithms"},
	{"alg not allowed", func(p parts) { p.header["alg"] = "ES384" }, "alg is not one of Options.Algorithms"},
	{"alg of another key type", func(p parts) { p.header["alg"] = "EdDSA" }, "jwk in the header is not a public key for alg"},
	{"jwk missing", func(p parts) { p.header["jwk"] = nil }, "the header has no jwk"},
	{"jwk not an object", func(p parts) { p.header["jwk"] = "key" }, "a header parameter has the wrong type"},
	{"jwk empty", func(p parts) { p.header["jwk"] = map[string]any{} }, "jwk in the header is not a public key"},
	{"jwk symmetric", func(p parts) { p.header["jwk"] = map[string]any{"kty": "oct", "k": "c2VjcmV0"} }, "contains the private key"},
	{"crit", func(p parts) { p.header["crit"] = []string{"exp"} }, "the header has crit"},
	{"b64 false", func(p parts) { p.header["b64"] = false }, "a header parameter has the wrong type"},
	{"jti missing", func(p parts) { p.claims["jti"] = nil }, "jti is missing"},
	{"jti empty", func(p parts) { p.claims["jti"] = "" }, "jti is missing"},
	{"jti a number", func(p parts) { p.claims["jti"] = 7 }, "jti is not a string"},
	{"jti too long", func(p parts) { p.claims["jti"] = strings.Repeat("j", 513) }, "longer than 512 bytes"},
	{"htm missing", func(p parts) { p.claims["htm"] = nil }, "htm is missing"},
	{"htm POST", func(p parts) { p.claims["htm"] = "POST" }, "htm is not the method"},
	{"htm in lower case", func(p parts) { p.claims["htm"] = "get" }, "htm is not the method"},
	{"htu missing", func(p parts) { p.claims["htu"] = nil }, "htu is missing"},
	{"htu of another path", func(p parts) { p.claims["htu"] = origin + "/you" }, "htu is not the URL"},
	{"htu of a path below", func(p parts) { p.claims["htu"] = target + "/" }, "htu is not the URL"},
	{"htu in another case", func(p parts) { p.claims["htu"] = origin + "/Me" }, "htu is not the URL"},
	{"htu of another host", func(p parts) { p.claims["htu"] = "https://other.example.com/me" }, "htu is not the URL"},
	{"htu of another port", func(p parts) { p.claims["htu"] = "https://api.example.com:444/me" }, "htu is not the URL"},
	{"htu with http", func(p parts) { p.claims["htu"] = "http://api.example.com/me" }, "htu is not the URL"},
	{"htu with a user", func(p parts) { p.claims["htu"] = "https://ann@api.example.com/me" }, "htu is not the URL"},
	{"htu the path alone", func(p parts) { p.claims["htu"] = "/me" }, "htu is not the URL"},
	{"htu not a URL", func(p parts) { p.claims["htu"] = "https://%zz/" }, "htu is not the URL"},
	{"iat missing", func(p parts) { p.claims["iat"] = nil }, "iat is missing"},
	{"iat a string", func(p parts) { p.claims["iat"] = "1" }, "iat is not a number"},
	{"iat huge", func(p parts) { p.claims["iat"] = 1e300 }, "iat is not a number"},
	{"iat in the past", func(p parts) { p.claims["iat"] = time.Now().Add(-62 * time.Second).Unix() }, "iat is more than Options.Window (1m0s) ago"},
	{"iat in the future", func(p parts) { p.claims["iat"] = time.Now().Add(63 * time.Second).Unix() }, "iat is more than Options.Window (1m0s) ahead"},
	{"iat in milliseconds", func(p parts) { p.claims["iat"] = time.Now().UnixMilli() }, "iat is more than Options.Window (1m0s) ahead"},
	{"ath missing", func(p parts) { p.claims["ath"] = nil }, "ath is missing"},
	{"ath of another token", func(p parts) { p.claims["ath"] = hashOf("other") }, "ath is not the hash"},
	{"ath a number", func(p parts) { p.claims["ath"] = 1 }, "ath is not a string"},
}

func TestRefused(t *testing.T) {
	s := newService(t, dpop.Options{})
	c := newClient(t, jose.ES256)
	token := s.token(t, c)
	for _, test := range refusals {
		p := c.parts("GET", target, token)
		test.change(p)
		checkRefused(t, s, test.name, test.want, token, c.sign(p))
	}
}

// checkRefused checks that a request with proofs is refused because of them.
func checkRefused(t *testing.T, s *service, name, want, token string, proofs ...string) {
	t.Helper()
	w := s.do("GET", "/me", "DPoP "+token, proofs...)
	if w.Code != http.StatusUnauthorized || !errors.Is(s.refusal, dpop.ErrProofInvalid) || !strings.Contains(s.refusal.Error(), want) {
		t.Errorf("%s: status %d: %v, want %q", name, w.Code, s.refusal, want)
	}
	challenge := `DPoP error="invalid_dpop_proof", error_description="The DPoP proof is missing or invalid.", algs="ES256 EdDSA"`
	if got := w.Header().Get("WWW-Authenticate"); got != challenge {
		t.Errorf("%s: WWW-Authenticate: %s", name, got)
	}
	if !strings.Contains(w.Body.String(), `"code":"invalid_dpop_proof"`) {
		t.Errorf("%s: body %s", name, w.Body)
	}
}

// In TestMalformed the text of a proof is damaged.
func TestMalformed(t *testing.T) {
	s := newService(t, dpop.Options{})
	c := newClient(t, jose.ES256)
	token := s.token(t, c)
	proof := c.proof("GET", target, token)
	segments := strings.Split(proof, ".")
	encode := base64.RawURLEncoding.EncodeToString
	claims := `{"jti":"malformed","htm":"GET","htu":"` + target + `","iat":1}`
	sign := func(header, claims string) string {
		return c.addSignature(encode([]byte(header)) + "." + encode([]byte(claims)))
	}
	header := `{"typ":"dpop+jwt","alg":"ES256","jwk":` + string(c.jwk()) + `}`
	private, err := c.key.MarshalJWK()
	if err != nil {
		t.Fatal(err)
	}
	other := newClient(t, jose.ES256)
	stranger := other.proof("GET", target, token)

	for _, test := range []struct{ name, proof, want string }{
		{"empty", "", "not one compact JWS"},
		{"one segment", "proof", "not one compact JWS"},
		{"two proofs in one header", proof + ", " + proof, "not one compact JWS"},
		{"four segments", proof + ".x", "not one compact JWS"},
		{"too long", strings.Repeat("x", 8<<10+1), "longer than 8 KiB"},
		{"header not base64url", "!." + segments[1] + "." + segments[2], "the header is not base64url"},
		{"header not JSON", sign("{", claims), "not a strict JSON object"},
		{"header with alg twice", sign(header[:len(header)-1]+`,"alg":"ES256"}`, claims), "not a strict JSON object"},
		{"claims not base64url", segments[0] + ".!." + segments[2], "the signature is not by the key"},
		{"claims not JSON", sign(header, "{"), "the claims are not a strict JSON object"},
		{"claims with htm twice", sign(header, claims[:len(claims)-1]+`,"htm":"GET"}`), "the claims are not a strict JSON object"},
		{"claims an array", sign(header, "[]"), "the claims are not a strict JSON object"},
		{"private key in jwk", sign(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+string(private)+`}`, claims), "contains the private key"},
		{"jwk member twice", sign(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","kty":"EC"}}`, claims), "jwk in the header is malformed"},
		{"signature missing", segments[0] + "." + segments[1] + ".", "the signature is not by the key"},
		{"signature of another proof", segments[0] + "." + segments[1] + "." + strings.Split(c.proof("GET", target, token), ".")[2], "the signature is not by the key"},
		{"key of a stranger", stranger, "jwk is not the key that the token is bound to"},
	} {
		checkRefused(t, s, test.name, test.want, token, test.proof)
	}
	checkRefused(t, s, "no proof", "the request has no DPoP header", token)
	checkRefused(t, s, "two headers", "several DPoP headers", token, proof, c.proof("GET", target, token))
	if w := s.do("GET", "/me", "DPoP "+token, proof); w.Code != http.StatusNoContent {
		t.Errorf("the proof itself: status %d: %v", w.Code, s.refusal)
	}
	checkRefused(t, s, "the same proof again", "the proof was used before", token, proof)
}

// In TestSchemes the token and the scheme do not belong together.
func TestSchemes(t *testing.T) {
	c := newClient(t, jose.ES256)
	for _, allow := range []bool{false, true} {
		s := newService(t, dpop.Options{AllowBearer: allow})
		bound, plain := s.token(t, c), s.token(t, nil)
		other, err := s.issuer.Login(t.Context(), "ann", jwtauth.Confirmation("x5t#S256", c.thumbprint()))
		if err != nil {
			t.Fatal(err)
		}
		plainStatus := http.StatusUnauthorized
		if allow {
			plainStatus = http.StatusNoContent
		}
		for _, test := range []struct {
			name, authorization, token string
			status                     int
		}{
			{"bound token as bearer", "Bearer ", bound, http.StatusUnauthorized},
			{"plain token with DPoP", "DPoP ", plain, http.StatusUnauthorized},
			{"token bound by another member, as bearer", "Bearer ", other.AccessToken, http.StatusUnauthorized},
			{"token bound by another member, with DPoP", "DPoP ", other.AccessToken, http.StatusUnauthorized},
			{"plain token as bearer", "Bearer ", plain, plainStatus},
			{"bound token with DPoP", "DPoP ", bound, http.StatusNoContent},
		} {
			w := s.do("GET", "/me", test.authorization+test.token, c.proof("GET", target, test.token))
			if w.Code != test.status {
				t.Errorf("allow %v: %s: status %d: %v", allow, test.name, w.Code, s.refusal)
			}
		}
	}
}

// A request without a token learns the scheme and its algorithms.
func TestChallenge(t *testing.T) {
	for allow, want := range map[bool]string{
		false: `DPoP realm="restricted", algs="ES256 EdDSA"`,
		true:  `Bearer realm="restricted"|DPoP realm="restricted", algs="ES256 EdDSA"`,
	} {
		s := newService(t, dpop.Options{AllowBearer: allow})
		w := s.do("GET", "/me", "")
		if got := strings.Join(w.Header().Values("WWW-Authenticate"), "|"); w.Code != http.StatusUnauthorized || got != want {
			t.Errorf("allow %v: status %d, %s", allow, w.Code, got)
		}
	}
}

// Only an absent cnf counts as none. Every other value that is not one
// thumbprint is refused, because it may demand more than a proof.
func TestConfirmationClaim(t *testing.T) {
	secret := []byte("a published test key of 32 bytes or more")
	key, err := jwtauth.NewKey(jwtauth.HS256, secret)
	if err != nil {
		t.Fatal(err)
	}
	signing, err := jose.New(jose.HS256, secret)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := dpop.NewVerifier(dpop.Options{URL: origin, AllowBearer: true})
	if err != nil {
		t.Fatal(err)
	}
	verify := jwtauth.VerifyRequest(issuer, proofs.VerifyOptions()...)
	c := newClient(t, jose.ES256)
	for cnf, status := range map[string][2]int{ // of Bearer, of DPoP; 0 if accepted
		``:                    {0, 401},
		`,"cnf":null`:         {401, 401},
		`,"cnf":{}`:           {401, 401},
		`,"cnf":"x"`:          {401, 401},
		`,"cnf":{"jkt":null}`: {401, 401},
		`,"cnf":{"jkt":""}`:   {401, 401},
		`,"cnf":{"JKT":"` + c.thumbprint() + `"}`:                {401, 401},
		`,"cnf":{"jkt":"` + c.thumbprint() + `","x5t#S256":"y"}`: {401, 401},
		`,"cnf":{"jkt":"` + c.thumbprint() + `"}`:                {401, 0},
	} {
		token, err := jose.SignToken(signing, signing.Header("JWT"), []byte(`{"sub":"ann","exp":9999999999`+cnf+`}`))
		if err != nil {
			t.Fatal(err)
		}
		for i, scheme := range []string{"Bearer ", "DPoP "} {
			r := httptest.NewRequest("GET", "/me", nil)
			r.Header.Set("Authorization", scheme+token)
			r.Header.Set("DPoP", c.proof("GET", target, token))
			got := 0
			if _, err := verify(r); err != nil {
				got = jwtauth.ProblemOf(err).Status
			}
			if got != status[i] {
				t.Errorf("%s%s: status %d, want %d", scheme, cnf, got, status[i])
			}
		}
	}
}
