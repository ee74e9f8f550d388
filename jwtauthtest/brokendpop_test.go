package jwtauthtest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// proofBug is a mistake in checking proofs.
type proofBug string

const (
	noProofBug   proofBug = "no mistake"
	leavesTraces proofBug = "refuses all requests after ten refusals of a proof"
)

// proofBugs are the mistakes of newProofChecker.
var proofBugs = []proofBug{
	"accepts a bound token as bearer", "needs no proof", "reads the first DPoP header", "reads the last DPoP header",
	"ignores the text after a comma", "does not check typ", "accepts alg none", "accepts any alg", "ignores crit",
	"accepts a private key", "does not check the signature", "verifies with a key of its own choice", "does not compare cnf.jkt",
	"does not check htm", "compares htm without case", "does not check htu", "compares the path of htu alone",
	"compares the host of htu alone", "accepts a longer htu", "does not check iat", "does not check iat in the future",
	"needs no jti", "does not remember jti", "does not check ath", "accepts a missing ath", "decodes base64 leniently",
	"repeats the proof in the body", "has no challenge", "responds 500", leavesTraces,
}

func hashText(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proofChecker checks proofs without package dpop. It has at most one mistake.
type proofChecker struct {
	prover   *prover
	bug      proofBug
	seen     map[string]bool
	refusals int
}

func newProofChecker(p *prover, bug proofBug) *proofChecker {
	return &proofChecker{prover: p, bug: bug, seen: make(map[string]bool)}
}

func (c *proofChecker) has(bug proofBug) bool { return c.bug == bug }

func (c *proofChecker) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.check(r); err != nil || c.refusals > 10 && c.has(leavesTraces) {
			c.refusals++
			c.refuse(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *proofChecker) refuse(w http.ResponseWriter, r *http.Request) {
	if !c.has("has no challenge") {
		w.Header().Set("WWW-Authenticate", `DPoP error="invalid_dpop_proof"`)
	}
	status := http.StatusUnauthorized
	if c.has("responds 500") {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	if c.has("repeats the proof in the body") {
		_, _ = w.Write([]byte(r.Header.Get("DPoP")))
	}
}

var errProof = errors.New("proof refused")

// check checks the token by its text, and then the proof.
func (c *proofChecker) check(r *http.Request) error {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case token != c.prover.token:
		return errProof
	case scheme == "Bearer" && c.has("accepts a bound token as bearer"):
		return nil
	case scheme != "DPoP":
		return errProof
	}
	headers := r.Header.Values("DPoP")
	switch {
	case len(headers) == 0 && c.has("needs no proof"):
		return nil
	case len(headers) == 0:
		return errProof
	case len(headers) == 1, c.has("reads the first DPoP header"):
	case c.has("reads the last DPoP header"):
		headers = headers[len(headers)-1:]
	default:
		return errProof
	}
	text := headers[0]
	if c.has("ignores the text after a comma") {
		text, _, _ = strings.Cut(text, ",")
	}
	return c.checkProof(r, text, token)
}

type proofHeader struct {
	Typ, Alg string
	JWK      json.RawMessage
	Crit     []string
}

type proofClaims struct {
	JTI, HTM, HTU string
	ATH           *string
	IAT           *float64
}

// checkProof checks the parts of a proof in the order of RFC 9449, section 4.3.
func (c *proofChecker) checkProof(r *http.Request, text, token string) error {
	segments := strings.Split(text, ".")
	if len(segments) != 3 || len(text) > 8<<10 || strings.Contains(text, " ") {
		return errProof
	}
	var h proofHeader
	var claims proofClaims
	if !c.decode(segments[0], &h) || !c.decode(segments[1], &claims) {
		return errProof
	}
	switch {
	case h.Typ != "dpop+jwt" && !c.has("does not check typ"):
		return errProof
	case h.Alg == "none" && c.has("accepts alg none"):
		return nil
	case h.Alg != "ES256" && !c.has("accepts any alg"):
		return errProof
	case len(h.Crit) > 0 && !c.has("ignores crit"):
		return errProof
	}
	if err := c.checkKey(h, text); err != nil {
		return err
	}
	if err := c.checkClaims(r, claims); err != nil {
		return err
	}
	switch {
	case c.has("does not check ath"), claims.ATH == nil && c.has("accepts a missing ath"):
	case claims.ATH == nil || *claims.ATH != hashText(token):
		return errProof
	}
	if c.seen[claims.JTI] && !c.has("does not remember jti") && claims.JTI != "" {
		return errProof
	}
	c.seen[claims.JTI] = true
	return nil
}

func (c *proofChecker) decode(segment string, into any) bool {
	if c.has("decodes base64 leniently") {
		segment = strings.TrimRight(segment, "=")
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	return err == nil && strings.Count(string(data), `"htm"`) < 2 && json.Unmarshal(data, into) == nil
}

func (c *proofChecker) checkKey(h proofHeader, text string) error {
	if c.has("decodes base64 leniently") {
		text = strings.TrimRight(text, "=")
	}
	if c.has("does not check the signature") {
		return nil
	}
	var members map[string]any
	if json.Unmarshal(h.JWK, &members) != nil {
		return errProof
	}
	if members["d"] != nil && !c.has("accepts a private key") {
		return errProof
	}
	delete(members, "d")
	public, _ := json.Marshal(members)
	key, err := jose.Parse("ES256", public)
	if err != nil {
		return errProof
	}
	if key.Thumbprint() != c.prover.key.Thumbprint() && !c.has("does not compare cnf.jkt") {
		return errProof
	}
	if c.has("verifies with a key of its own choice") { // as if another header named the key
		return nil
	}
	if !key.Verify(text, strings.LastIndexByte(text, '.')) {
		return errProof
	}
	return nil
}

func (c *proofChecker) checkClaims(r *http.Request, claims proofClaims) error {
	u, err := url.Parse(claims.HTU)
	if err != nil || claims.JTI == "" && !c.has("needs no jti") {
		return errProof
	}
	method := claims.HTM == r.Method || c.has("compares htm without case") && strings.EqualFold(claims.HTM, r.Method)
	target := claims.HTU == "https://api.example.com"+r.URL.Path
	switch {
	case c.has("does not check htu"):
		target = true
	case c.has("compares the path of htu alone"):
		target = u.Path == r.URL.Path
	case c.has("compares the host of htu alone"):
		target = u.Host == "api.example.com"
	case c.has("accepts a longer htu"):
		target = strings.HasPrefix(claims.HTU, "https://api.example.com"+r.URL.Path)
	}
	if !method && !c.has("does not check htm") || !target {
		return errProof
	}
	if c.has("does not check iat") {
		return nil
	}
	if claims.IAT == nil {
		return errProof
	}
	age := time.Since(time.Unix(int64(*claims.IAT), 0))
	if age > time.Minute || age < -time.Minute && !c.has("does not check iat in the future") {
		return errProof
	}
	return nil
}
