package dpop_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// clock is a time that a test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

var nonceKey = []byte("a nonce key of these tests, 32 bytes or more")

// nonceOf returns the nonce of a response that demands one.
func nonceOf(t *testing.T, s *service, w *httptest.ResponseRecorder) string {
	t.Helper()
	nonce := w.Header().Get("DPoP-Nonce")
	challenge := `DPoP error="use_dpop_nonce", error_description="The DPoP proof needs the nonce of this response.", algs="ES256 EdDSA"`
	if w.Code != http.StatusUnauthorized || nonce == "" || w.Header().Get("WWW-Authenticate") != challenge {
		t.Fatalf("status %d, nonce %q, %s: %v", w.Code, nonce, w.Header().Get("WWW-Authenticate"), s.refusal)
	}
	if !errors.Is(s.refusal, dpop.ErrNonceNeeded) {
		t.Fatal(s.refusal)
	}
	// NQCHAR of RFC 6749, appendix A
	if strings.ContainsFunc(nonce, func(c rune) bool { return c <= ' ' || c == '"' || c == '\\' || c > '~' }) {
		t.Fatalf("the nonce is %q", nonce)
	}
	return nonce
}

// nonceOfError returns the nonce in the response to a login that lacks one.
func nonceOfError(t *testing.T, err error) string {
	t.Helper()
	nonce := jwtauth.ProblemOf(err).Header.Get("DPoP-Nonce")
	if !errors.Is(err, dpop.ErrNonceNeeded) || nonce == "" {
		t.Errorf("nonce %q: %v", nonce, err)
	}
	return nonce
}

func TestNonce(t *testing.T) {
	at := &clock{time.Unix(1_700_000_000, 0)}
	s := newService(t, dpop.Options{NonceKey: nonceKey, Now: at.now})
	c := newClient(t, jose.ES256)
	c.now = func() time.Time { return time.Unix(0, 0) } // a clock that is far off has no effect
	token := s.token(t, c)
	with := func(nonce any) *httptest.ResponseRecorder {
		p := c.parts("GET", target, token)
		p.claims["nonce"] = nonce
		return s.do("GET", "/me", "DPoP "+token, c.sign(p))
	}
	nonce := nonceOf(t, s, with(nil))
	for _, bad := range []string{"", "x", nonce + "x", nonce[:len(nonce)-1] + "!"} {
		nonceOf(t, s, with(bad))
	}
	for _, after := range []time.Duration{0, time.Minute} {
		at.Time = time.Unix(1_700_000_000, 0).Add(after)
		if w := with(nonce); w.Code != http.StatusNoContent {
			t.Errorf("after %v: status %d: %v", after, w.Code, s.refusal)
		}
	}
	at.Time = time.Unix(1_700_000_000, 0).Add(2 * time.Minute)
	if next := nonceOf(t, s, with(nonce)); next == nonce {
		t.Error("the nonce does not change")
	}
	at.Time = time.Unix(1_700_000_000, 0).Add(-time.Minute)
	nonceOf(t, s, with(nonce)) // a nonce from the future is not ours

	other := newService(t, dpop.Options{NonceKey: append([]byte("x"), nonceKey...), Now: at.now})
	theirToken := other.token(t, c)
	theirs := nonceOf(t, other, other.do("GET", "/me", "DPoP "+theirToken, c.proof("GET", target, theirToken)))
	nonceOf(t, s, with(theirs))
}

// A nonce outlives the window of iat, so a proof must be remembered as long.
func TestReplayWithNonce(t *testing.T) {
	at := &clock{time.Unix(1_700_000_040, 0)}
	s := newService(t, dpop.Options{NonceKey: nonceKey, Now: at.now})
	c := newClient(t, jose.ES256)
	token := s.token(t, c)
	p := c.parts("GET", target, token)
	p.claims["nonce"] = nonceOf(t, s, s.do("GET", "/me", "DPoP "+token, c.proof("GET", target, token)))
	proof := c.sign(p)
	if w := s.do("GET", "/me", "DPoP "+token, proof); w.Code != http.StatusNoContent {
		t.Fatal(w.Code, s.refusal)
	}
	for range 8 {
		at.Time = at.Add(15 * time.Second)
		if w := s.do("GET", "/me", "DPoP "+token, proof); w.Code != http.StatusUnauthorized {
			t.Fatalf("status %d at %v", w.Code, at)
		}
	}
}

func TestNoncesHandler(t *testing.T) {
	for _, key := range [][]byte{nil, nonceKey} {
		s := newService(t, dpop.Options{NonceKey: key})
		w := httptest.NewRecorder()
		s.proofs.Nonces(s.handler).ServeHTTP(w, httptest.NewRequest("GET", "/me", nil))
		if got := w.Header().Get("DPoP-Nonce"); (got != "") != (key != nil) {
			t.Errorf("key %v: nonce %q", key != nil, got)
		}
	}
}
