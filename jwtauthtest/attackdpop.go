package jwtauthtest

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// AttackDPoP tests the middleware protect, which demands proofs of possession
// (RFC 9449). It changes a valid request in more than sixty ways, one at a
// time, and fails the test for each changed request that is not refused as
// described below.
//
// newRequest returns a request that the middleware accepts, with a path other
// than "/", a token in the Authorization header under the scheme DPoP, and a
// new proof in the DPoP header. It is called for each attempt, never
// concurrently. key is the private
// key of the proof; AttackDPoP signs changed proofs with it. For example, with
// package dpop:
//
//	protect := jwtauth.Verify(issuer, proofs.VerifyOptions()...)
//	jwtauthtest.AttackDPoP(t, protect, newRequest, key)
//
// AttackDPoP changes the scheme, the place and the number of the proofs, and
// each part that RFC 9449, section 4.3, checks: the form, typ, alg, jwk, the
// signature, htm, htu, iat, jti, ath and, if the proof has one, nonce. It also
// sends a proof twice. It does not change the token: see [Attack].
//
// For each change, the middleware must neither call the handler nor panic. The
// status must be 401, or 400. A 401 must have a challenge of the scheme DPoP.
// The response must contain neither the proof nor the token. Afterwards the
// valid request must still be accepted.
//
// If t is a *testing.T, each change is a subtest.
func AttackDPoP(t testing.TB, protect func(next http.Handler) http.Handler, newRequest func() *http.Request, key crypto.Signer) {
	t.Helper()
	if protect == nil || newRequest == nil || key == nil {
		t.Fatalf("jwtauthtest.AttackDPoP: protect, newRequest or key is nil")
	}
	a := &attack{newRequest: newRequest}
	a.protected = protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.calls.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	if fault := a.passes(); fault != "" {
		t.Fatalf("jwtauthtest.AttackDPoP: the request of newRequest %s; it must be accepted", fault)
	}
	first, err := readProof(a.newRequest(), key)
	if err != nil {
		t.Fatalf("jwtauthtest.AttackDPoP: the request of newRequest %v", err)
	}
	if w := a.send(first.request); w.calls != 1 {
		t.Fatalf("jwtauthtest.AttackDPoP: the request of newRequest is refused with status %d when it is read first", w.status)
	}
	for _, m := range proofMutations(first) {
		subtest(t, m.name, func(t testing.TB) {
			t.Helper()
			k, err := readProof(a.newRequest(), key)
			if err != nil {
				t.Fatalf("%s: a later request of newRequest %v", m.name, err)
			}
			if err := m.apply(k, a); err != nil {
				t.Fatalf("%s: %v", m.name, err)
			}
			secrets := []string{k.token, k.text}
			change := mutation{name: m.name, rule: m.rule, status: malformed}
			for _, fault := range change.faults(a.send(k.request), "DPoP", secrets) {
				t.Errorf("%s: %s", m.name, fault)
			}
			if fault := a.passes(); fault != "" {
				t.Fatalf("%s: afterwards the valid request %s; %s", m.name, fault, ruleTrace)
			}
		})
	}
}

// proof is a valid request with its proof and its token.
type proof struct {
	request *http.Request
	token   string
	text    string // the proof
	header  map[string]any
	claims  map[string]any
	key     *jose.Key
}

// readProof reads the proof of a valid request. Its errors continue the phrase
// "the request of newRequest".
func readProof(r *http.Request, key crypto.Signer) (*proof, error) {
	if r == nil {
		return nil, fmt.Errorf("is nil")
	}
	if len(r.URL.Path) < 2 {
		return nil, fmt.Errorf("has no path; AttackDPoP needs one to change")
	}
	k := &proof{request: r.Clone(r.Context())}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "DPoP") || token == "" || len(r.Header.Values("DPoP")) != 1 {
		return nil, fmt.Errorf("does not have a token with the scheme DPoP and one DPoP header")
	}
	k.token, k.text = token, r.Header.Get("DPoP")
	segments := strings.Split(k.text, ".")
	if len(segments) != 3 {
		return nil, fmt.Errorf("has a proof that is not a compact JWS")
	}
	for i, into := range []*map[string]any{&k.header, &k.claims} {
		text, err := base64.RawURLEncoding.DecodeString(segments[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return nil, fmt.Errorf("has a proof that is not a compact JWS")
		}
	}
	alg, _ := k.header["alg"].(string)
	var err error
	if k.key, err = jose.New(jose.Algorithm(alg), key); err != nil {
		return nil, fmt.Errorf("has a proof that key cannot sign: %w", err)
	}
	return k, nil
}

// fresh counts the proofs, so that each has a jti of its own.
var fresh atomic.Int64

// sign returns a proof by key with the header and the claims of k. Members with
// the value nil are left out.
func (k *proof) sign(key *jose.Key) (string, error) {
	if _, ok := k.claims["jti"].(string); ok && k.claims["jti"] != "" {
		k.claims["jti"] = "jwtauthtest-" + strconv.FormatInt(fresh.Add(1), 36)
	}
	return k.signRaw(key, encodeMembers(k.header), encodeMembers(k.claims))
}

func (k *proof) signRaw(key *jose.Key, header, claims string) (string, error) {
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	text, err := key.Sign([]byte(input+"."), []byte(input))
	return string(text), err
}

func encodeMembers(m map[string]any) string {
	m = maps.Clone(m)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	text, _ := json.Marshal(m) // it was JSON before
	return string(text)
}
