package jwtauthtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Attack tests the middleware protect. It changes a valid request in more than
// a hundred ways, one at a time, and fails the test for each changed request
// that is not refused as described below.
//
// protect wraps a handler with the middleware, for example
// jwtauth.Verify(issuer). newRequest returns a request that the middleware
// accepts, with a token in the Authorization header (RFC 6750, section 2.1). It
// is called for each attempt, never concurrently. The token must be a compact
// JWS (RFC 7515, section 7.1) of any algorithm. Attack does not need its key.
//
// Attack changes:
//
//   - the credentials: missing, twice, of another scheme, in another place,
//     malformed
//   - the header of the token: alg none in every spelling, other algorithms,
//     crit, keys and addresses of keys, hostile key IDs
//   - the claims
//   - the signature: missing, shortened, altered, in another encoding, made
//     with an attacker's key or a well-known secret
//   - the token as a whole: huge, or not a JWS
//
// A change that is impossible for the token is skipped and logged. For each
// change:
//
//   - The middleware must neither call the handler nor panic.
//   - The status must be 401. It may be 400 if the request, not only the token,
//     is malformed (RFC 6750, section 3.1), and also 413 or 431 for a huge
//     token.
//   - A 401 must have a WWW-Authenticate header with a Bearer challenge (RFC
//     6750, section 3).
//   - The response must not contain any part of the token.
//   - The middleware must not connect to an address in the token.
//   - The valid request must still be accepted afterwards. At the end it must
//     also be accepted among concurrent forged requests.
//
// If t is a *testing.T, each change is a subtest. A failure names the change
// and the rule that is broken. If the valid request is refused, the test ends
// immediately.
//
// Attack is for middleware that reads the token from the Authorization header
// only and requires one. Middleware with other sources or with jwtauth.Optional
// fails; test it without these options, because they do not change how a token
// is verified. Wrap handlers of OPTIONS requests (CORS) and rate limiters
// around protect, not inside it. Attack cannot sign tokens, so test separately
// that expired tokens and tokens of another issuer or audience are refused (see
// [Expired] and [Claim]).
//
// Attack takes less than 0.1 s with a fast algorithm. For RSA it generates a
// key, which takes up to a second. It listens on a loopback address if the
// machine permits that, and connects to no host.
func Attack(t testing.TB, protect func(next http.Handler) http.Handler, newRequest func() *http.Request) {
	t.Helper()
	a, token := newAttack(t, protect, newRequest)
	bait, err := newBait(token.alg)
	if err != nil {
		t.Logf("jwtauthtest.Attack: cannot listen, so connections to addresses in tokens are not detected: %v", err)
	}
	defer bait.close()

	var skipped []string
	for _, m := range mutations(bait) {
		r, token, err := a.request()
		if err != nil {
			t.Fatalf("jwtauthtest.Attack: a later request of newRequest %v", err)
		}
		if !m.apply(r, token) {
			skipped = append(skipped, m.name)
			continue
		}
		if !a.try(t, m, r, token, bait) {
			return // all other changes would fail in the same way
		}
	}
	subtest(t, concurrently, func(t testing.TB) {
		t.Helper()
		for _, fault := range a.concurrent() {
			t.Errorf("%s: %s; %s", concurrently, fault, ruleTrace)
		}
		if bait.bitten() {
			t.Errorf("%s: the middleware connected to an address in an earlier token; %s", concurrently, ruleAddress)
		}
	})
	if len(skipped) > 0 {
		t.Logf("jwtauthtest.Attack: impossible for this token and skipped: %s", strings.Join(skipped, ", "))
	}
}

// attack is one call of Attack.
type attack struct {
	protected  http.Handler
	newRequest func() *http.Request
	calls      atomic.Int64 // calls of the handler that protected wraps
}

// newAttack checks the arguments of Attack, and that the valid request is
// accepted. It returns the token of that request.
func newAttack(t testing.TB, protect func(next http.Handler) http.Handler, newRequest func() *http.Request) (*attack, jws) {
	t.Helper()
	if protect == nil || newRequest == nil {
		t.Fatalf("jwtauthtest.Attack: protect or newRequest is nil")
	}
	a := &attack{newRequest: newRequest}
	a.protected = protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.calls.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	if a.protected == nil {
		t.Fatalf("jwtauthtest.Attack: protect returned nil")
	}
	if fault := a.passes(); fault != "" {
		t.Fatalf("jwtauthtest.Attack: the request of newRequest %s; it must be accepted", fault)
	}
	_, token, err := a.request()
	if err != nil {
		t.Fatalf("jwtauthtest.Attack: the request of newRequest %v", err)
	}
	return a, token
}

// try sends a changed request and reports all faults. It returns false if the
// valid request is refused afterwards.
func (a *attack) try(t testing.TB, m mutation, r *http.Request, token jws, bait *bait) (ok bool) {
	t.Helper()
	ok = true
	subtest(t, m.name, func(t testing.TB) {
		t.Helper()
		secrets := append(fragments(r), token.fragments()...)
		for _, fault := range m.faults(a.send(r), "Bearer", secrets) {
			t.Errorf("%s: %s", m.name, fault)
		}
		if bait.bitten() {
			t.Errorf("%s: the middleware connected to an address in this token or an earlier one; %s", m.name, ruleAddress)
		}
		if fault := a.passes(); fault != "" {
			t.Errorf("%s: afterwards the valid request %s; %s", m.name, fault, ruleTrace)
			ok = false
		}
	})
	return ok
}

// subtest runs f as a subtest if t is a *testing.T.
func subtest(t testing.TB, name string, f func(testing.TB)) {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Run(name, func(t *testing.T) { t.Helper(); f(t) })
		return
	}
	f(t)
}

// request returns a valid request and its token.
func (a *attack) request() (*http.Request, jws, error) {
	r := a.newRequest()
	if r == nil {
		return nil, jws{}, fmt.Errorf("is nil")
	}
	r = r.Clone(r.Context()) // newRequest may return the same request again
	token, err := bearerToken(r)
	return r, token, err
}

// send sends a request to the middleware.
func (a *attack) send(r *http.Request) (o outcome) {
	before := a.calls.Load()
	w := httptest.NewRecorder()
	defer func() {
		o.panicked = recover()
		o.status, o.header, o.body = w.Code, w.Header(), w.Body.String()
		o.calls = a.calls.Load() - before
	}()
	a.protected.ServeHTTP(w, r)
	return o
}

// passes sends a valid request. It returns "" if the request is accepted, and
// otherwise the reason.
func (a *attack) passes() string {
	r := a.newRequest()
	if r == nil {
		return "is nil"
	}
	o := a.send(r.Clone(r.Context()))
	switch {
	case o.panicked != nil:
		return fmt.Sprintf("makes the middleware panic (%v)", o.panicked)
	case o.calls == 0:
		return fmt.Sprintf("is refused with status %d", o.status)
	case o.calls > 1:
		return fmt.Sprintf("reaches the handler %d times", o.calls)
	case o.status/100 != 2:
		return fmt.Sprintf("reaches the handler, but gets status %d", o.status)
	}
	return ""
}

// concurrently is the name of the last subtest.
const concurrently = "concurrent requests"

// concurrent sends valid and forged requests concurrently and returns all
// faults.
func (a *attack) concurrent() []string {
	const senders, each = 8, 6
	var requests [senders][each]*http.Request
	good := int64(0)
	for i := range requests {
		for j := range requests[i] {
			r, token, err := a.request()
			if err != nil {
				return []string{"a request of newRequest " + err.Error()}
			}
			if j%2 == i%2 {
				good++
			} else {
				setBearer(r, token.header+"."+token.payloadWith("jwtauthtest", "forged")+"."+token.signature)
			}
			requests[i][j] = r
		}
	}
	a.calls.Store(0)
	var goodRefused, forgedAccepted atomic.Int64
	var wait sync.WaitGroup
	for i := range requests {
		wait.Go(func() {
			for j, r := range requests[i] {
				o := a.send(r)
				switch isGood := j%2 == i%2; {
				case isGood && (o.panicked != nil || o.status/100 != 2):
					goodRefused.Add(1)
				case !isGood && (o.panicked != nil || o.status != http.StatusUnauthorized):
					forgedAccepted.Add(1)
				}
			}
		})
	}
	wait.Wait()
	var faults []string
	if n := goodRefused.Load(); n > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d valid requests were refused", n, good))
	}
	if n := forgedAccepted.Load(); n > 0 {
		faults = append(faults, fmt.Sprintf("%d forged requests did not get status 401", n))
	}
	if n := a.calls.Load(); n != good {
		faults = append(faults, fmt.Sprintf("the handler was called %d times for %d valid requests", n, good))
	}
	return faults
}
