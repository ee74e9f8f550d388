package jwtauthtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Attack tests the middleware protect: it puts it in front of a handler of its own, changes a
// request that passes in well over a hundred ways, one at a time, and fails the test for each that is not
// refused as it should be. protect is what a service wraps its handlers with, for instance
// jwtauth.Verify(issuer); newRequest returns a request that passes it, with a token
// in the Authorization header field (RFC 6750 §2.1), and is called anew for each attempt, one at a time. The token must be a
// compact JWS (RFC 7515 §7.1) of any algorithm; its key is not needed.
//
// The changes are to the credentials (none, twice, of another scheme, in another place, malformed),
// to the header of the token (alg none in all spellings, other algorithms, crit,
// keys and addresses of keys, hostile key ids), to its claims and to its signature (missing, cut, altered, in
// another encoding, made with an attacker's key or a secret that everybody knows), and tokens that are huge or no tokens at all.
// One that the token leaves no room for is left out. For each change
//
//   - the handler must not be called, nor the protection panic;
//   - the status must be 401, or 400 where the request rather than the token is malformed
//     (RFC 6750 §3.1), or for a huge token 413 or 431;
//   - a 401 must have a WWW-Authenticate field with a Bearer challenge (RFC 6750 §3);
//   - the answer must not repeat the token, nor a part of it;
//   - nothing may be fetched from where the token says;
//   - the unchanged request must still pass afterwards, and in the end also
//     among forged ones sent at the same time.
//
// Each change is a subtest where t is a *testing.T. A failure names the change and the rule that
// it breaks. When the unchanged request does not pass, the test ends at once.
//
// Attack judges a protection that takes the token from the Authorization field alone and lets
// nobody pass without one. It fails one with further sources or with jwtauth.Optional; test that one as it is
// without, since neither changes how a token is judged. What answers OPTIONS requests (CORS) or
// limits rates belongs around protect, not into it. Attack cannot mint tokens: that expired ones and those of other
// issuers and audiences are refused is for another test (see [Expired] and [Claim]).
//
// It takes some tens of milliseconds with a fast algorithm, and for an RSA token up to a second more, to make a
// key. It listens on a loopback address, where the machine lets it, and calls nobody.
func Attack(t testing.TB, protect func(next http.Handler) http.Handler, newRequest func() *http.Request) {
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
		t.Fatalf("jwtauthtest.Attack: the request of newRequest %s: it must be one that passes", fault)
	}
	_, token, err := a.request()
	if err != nil {
		t.Fatalf("jwtauthtest.Attack: the request of newRequest %v", err)
	}
	bait, err := newBait(token.alg)
	if err != nil {
		t.Logf("jwtauthtest.Attack: cannot listen, so addresses in tokens are not watched: %v", err)
	}
	defer bait.close()

	var leftOut []string
	for _, m := range mutations(bait) {
		r, token, err := a.request()
		if err != nil {
			t.Fatalf("jwtauthtest.Attack: a later request of newRequest %v", err)
		}
		if !m.apply(r, token) {
			leftOut = append(leftOut, m.name)
			continue
		}
		blocked := false
		subtest(t, m.name, func(t testing.TB) {
			t.Helper()
			secrets := append(fragments(r), token.fragments()...)
			for _, fault := range m.faults(a.send(r), secrets) {
				t.Errorf("%s: %s", m.name, fault)
			}
			if bait.bitten() {
				t.Errorf("%s: the protection connected to an address in this token or an earlier one; %s", m.name, ruleAddress)
			}
			if fault := a.passes(); fault != "" {
				t.Errorf("%s: afterwards the unchanged request %s; %s", m.name, fault, ruleTrace)
				blocked = true
			}
		})
		if blocked {
			return // as would all others
		}
	}
	subtest(t, concurrently, func(t testing.TB) {
		t.Helper()
		for _, fault := range a.concurrent() {
			t.Errorf("%s: %s; %s", concurrently, fault, ruleTrace)
		}
		if bait.bitten() {
			t.Errorf("%s: the protection connected to an address in an earlier token; %s", concurrently, ruleAddress)
		}
	})
	if len(leftOut) > 0 {
		t.Logf("jwtauthtest.Attack: this token leaves no room for: %s", strings.Join(leftOut, ", "))
	}
}

// subtest runs f as a subtest where t has such.
func subtest(t testing.TB, name string, f func(testing.TB)) {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Run(name, func(t *testing.T) { t.Helper(); f(t) })
		return
	}
	f(t)
}

// attack is one call of Attack.
type attack struct {
	protected  http.Handler
	newRequest func() *http.Request
	calls      atomic.Int64 // of the handler behind protected
}

// request returns a request that passes, and its token.
func (a *attack) request() (*http.Request, jws, error) {
	r := a.newRequest()
	if r == nil {
		return nil, jws{}, fmt.Errorf("is nil")
	}
	r = r.Clone(r.Context()) // the caller may return the same one again
	token, err := bearerToken(r)
	return r, token, err
}

// outcome is what became of a request.
type outcome struct {
	status   int
	header   http.Header
	body     string
	calls    int64 // of the handler; meaningless while other requests run
	panicked any
}

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

// passes sends an unchanged request and says what keeps it from passing, "" for nothing.
func (a *attack) passes() string {
	r := a.newRequest()
	if r == nil {
		return "is nil"
	}
	o := a.send(r.Clone(r.Context()))
	switch {
	case o.panicked != nil:
		return fmt.Sprintf("makes the protection panic (%v)", o.panicked)
	case o.calls == 0:
		return fmt.Sprintf("is refused with status %d", o.status)
	case o.calls > 1:
		return fmt.Sprintf("calls the handler %d times", o.calls)
	case o.status/100 != 2:
		return fmt.Sprintf("calls the handler, and yet is answered with status %d", o.status)
	}
	return ""
}

// faults says what is wrong with how a changed request was answered, and which rule that breaks.
func (m *mutation) faults(o outcome, secrets []string) (faults []string) {
	report := func(rule, format string, args ...any) {
		faults = append(faults, fmt.Sprintf(format, args...)+"; "+rule)
	}
	switch {
	case o.calls > 0:
		report(m.rule, "the request reached the handler (status %d), want it refused with %s", o.status, statuses(m.status))
	case o.panicked != nil:
		report(rulePanic, "the protection panicked (%v), want status %s", o.panicked, statuses(m.status))
		return faults // what was written before is of no account: the connection breaks
	case !slices.Contains(m.status, o.status):
		report(ruleStatus, "status %d, want %s", o.status, statuses(m.status))
	}
	if o.status == http.StatusUnauthorized && !challenges(o.header) {
		report(ruleChallenge, "status 401 without a Bearer challenge")
	}
	if place := echoes(o, secrets); place != "" {
		report(ruleEcho, "the answer repeats a part of the token in its %s", place)
	}
	return faults
}

func statuses(list []int) string {
	texts := make([]string, len(list))
	for i, status := range list {
		texts[i] = strconv.Itoa(status)
	}
	return strings.Join(texts, " or ")
}

// challenges reports whether one of the challenges of an answer is of the scheme Bearer.
func challenges(h http.Header) bool {
	for _, field := range h.Values("WWW-Authenticate") {
		for word := range strings.FieldsFuncSeq(field, func(c rune) bool { return c == ' ' || c == ',' }) {
			if strings.EqualFold(word, "Bearer") {
				return true
			}
		}
	}
	return false
}

// echoes says where an answer holds one of secrets, "" for nowhere.
func echoes(o outcome, secrets []string) string {
	for _, secret := range secrets {
		if strings.Contains(o.body, secret) {
			return "body"
		}
		for name, fields := range o.header {
			if slices.ContainsFunc(fields, func(field string) bool { return strings.Contains(field, secret) }) {
				return name + " field"
			}
		}
	}
	return ""
}

const concurrently = "requests at the same time"

// concurrent sends good and forged requests at the same time and says what went wrong.
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
	var wrong [2]atomic.Int64 // good ones refused, forged ones not
	var wait sync.WaitGroup
	for i := range requests {
		wait.Go(func() {
			for j, r := range requests[i] {
				o := a.send(r)
				switch isGood := j%2 == i%2; {
				case isGood && (o.panicked != nil || o.status/100 != 2):
					wrong[0].Add(1)
				case !isGood && (o.panicked != nil || o.status != http.StatusUnauthorized):
					wrong[1].Add(1)
				}
			}
		})
	}
	wait.Wait()
	var faults []string
	if n := wrong[0].Load(); n > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d good requests were refused", n, good))
	}
	if n := wrong[1].Load(); n > 0 {
		faults = append(faults, fmt.Sprintf("%d forged requests were not answered with status 401", n))
	}
	if n := a.calls.Load(); n != good {
		faults = append(faults, fmt.Sprintf("the handler was called %d times for %d good requests", n, good))
	}
	return faults
}
