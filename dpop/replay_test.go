package dpop_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func TestMemory(t *testing.T) {
	m := dpop.NewMemory(0)
	now := time.Unix(1_700_000_000, 0)
	add := func(id string, at, until time.Duration) bool {
		t.Helper()
		added, err := m.Add(t.Context(), id, now.Add(at), now.Add(until))
		if err != nil {
			t.Fatal(err)
		}
		return added
	}
	if !add("a", 0, time.Minute) || add("a", 0, time.Minute) || !add("b", 0, time.Minute) {
		t.Error("an id is not remembered, or another is")
	}
	for at := range time.Minute / time.Second {
		if add("a", at*time.Second, 2*time.Minute) {
			t.Fatalf("forgotten after %d s", at)
		}
	}
	if !add("a", 2*time.Minute, 3*time.Minute) {
		t.Error("remembered a minute after its expiry")
	}
}

func TestMemoryFull(t *testing.T) {
	const limit = 1600
	m := dpop.NewMemory(limit)
	now := time.Unix(1_700_000_000, 0)
	full := 0
	for i := range 3 * limit {
		if _, err := m.Add(t.Context(), strconv.Itoa(1000+i), now, now.Add(time.Minute)); err != nil {
			full++
		}
	}
	if full < 2*limit {
		t.Errorf("holds %d, want at most %d", 3*limit-full, limit)
	}
	if _, err := m.Add(t.Context(), "9999", now.Add(2*time.Minute), now.Add(3*time.Minute)); err != nil {
		t.Errorf("still full after all have expired: %v", err)
	}
}

var proofCount = flag.Int("proofs", 10_000, "number of proofs that TestReplayed presents twice")

// TestReplayed presents each proof twice, from eight connections at once. It
// holds for one instance, and for two that share a store.
func TestReplayed(t *testing.T) {
	store := dpop.NewMemory(0)
	instances := []*service{newService(t, dpop.Options{Replay: store}), newService(t, dpop.Options{Replay: store})}
	c := newClient(t, jose.ES256)
	tokens := []string{instances[0].token(t, c), instances[1].token(t, c)}
	claims := make([]*jwtauth.Claims, len(tokens))
	for i, token := range tokens {
		bare := jwtauth.VerifyRequest(instances[i].issuer, jwtauth.From(jwtauth.HeaderScheme("Authorization", "DPoP")),
			jwtauth.ProofOfPossession(func(*http.Request, string, *jwtauth.Claims) error { return nil }))
		var err error
		if claims[i], err = bare(&http.Request{Header: http.Header{"Authorization": {"DPoP " + token}}}); err != nil {
			t.Fatal(err)
		}
	}
	var accepted, refused atomic.Int64
	var wait sync.WaitGroup
	each := *proofCount / 4
	for half := range 4 { // two connections present the same proofs
		instance := half % 2
		made := make([]func() string, each)
		for i := range made {
			made[i] = sync.OnceValue(func() string { return c.proof("GET", target, tokens[instance]) })
		}
		for range 2 {
			wait.Go(func() {
				for _, proof := range made {
					r := httptest.NewRequest("GET", "/me", nil)
					r.Header.Set("Authorization", "DPoP "+tokens[instance])
					r.Header.Set("DPoP", proof())
					switch err := instances[instance].proofs.Check(r, tokens[instance], claims[instance]); {
					case err == nil:
						accepted.Add(1)
					case errors.Is(err, dpop.ErrProofInvalid):
						refused.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
	}
	wait.Wait()
	if n := int64(4 * each); accepted.Load() != n || refused.Load() != n {
		t.Errorf("%d proofs twice: %d accepted, %d refused", n, accepted.Load(), refused.Load())
	}
}

// replayStore is a store whose answer a test sets.
type replayStore struct{ err error }

func (s *replayStore) Add(context.Context, string, time.Time, time.Time) (bool, error) {
	return s.err == nil, s.err
}

func TestReplayStoreFails(t *testing.T) {
	store := &replayStore{}
	s := newService(t, dpop.Options{Replay: store})
	c := newClient(t, jose.ES256)
	token := s.token(t, c)
	for _, err := range []error{errors.New("away"), fmt.Errorf("%w: away", jwtauth.ErrUnavailable), context.DeadlineExceeded} {
		store.err = err
		w := s.do("GET", "/me", "DPoP "+token, c.proof("GET", target, token))
		if w.Code != http.StatusServiceUnavailable || !errors.Is(s.refusal, jwtauth.ErrUnavailable) {
			t.Errorf("%v: status %d: %v", err, w.Code, s.refusal)
		}
	}
}

// Two clients may choose the same jti.
func TestSameID(t *testing.T) {
	s := newService(t, dpop.Options{})
	for range 2 {
		c := newClient(t, jose.ES256)
		token := s.token(t, c)
		p := c.parts("GET", target, token)
		p.claims["jti"] = "1"
		if w := s.do("GET", "/me", "DPoP "+token, c.sign(p)); w.Code != http.StatusNoContent {
			t.Errorf("status %d: %v", w.Code, s.refusal)
		}
	}
}

// Proofs of logins do not fill the memory for requests with tokens.
func TestLoginsFillTheirOwnMemory(t *testing.T) {
	s := newService(t, dpop.Options{})
	c := newClient(t, jose.ES256)
	p := c.parts("POST", origin+"/login", "")
	r := httptest.NewRequest("POST", "/login", nil)
	r.Header.Set("DPoP", c.sign(p))
	if _, _, err := s.proofs.Confirmation(r); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.proofs.Confirmation(r); !errors.Is(err, dpop.ErrProofInvalid) {
		t.Errorf("a login with the same proof: %v", err)
	}
	token := s.token(t, c)
	request := c.parts("GET", target, token)
	request.claims["jti"] = p.claims["jti"]
	if w := s.do("GET", "/me", "DPoP "+token, c.sign(request)); w.Code != http.StatusNoContent {
		t.Errorf("a request with the jti of the login: %d: %v", w.Code, s.refusal)
	}
}
