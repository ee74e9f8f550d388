package keyfetch_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

type (
	source = keyfetch.Source[*jose.Key]
	config = keyfetch.Config[*jose.Key]
	reply  = func(*http.Request) (*http.Response, error)
)

const (
	issuerURL = "https://idp.example"
	keysURL   = issuerURL + "/keys"
)

// provider is an identity provider without a network: a transport that responds
// itself.
type provider struct {
	mu       sync.Mutex
	reply    reply
	requests []time.Time
	reports  []keyfetch.Report
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.requests = append(p.requests, time.Now())
	reply := p.reply
	p.mu.Unlock()
	resp, err := reply(r)
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

// replies sets the response to all requests from now on.
func (p *provider) replies(reply reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = reply
}

// publishes makes the provider respond with a set of keys.
func (p *provider) publishes(t testing.TB, keys ...*jose.Key) {
	t.Helper()
	p.replies(text(http.StatusOK, setOf(t, keys...)))
}

// publishesSlowly is publishes, with responses that take a while.
func (p *provider) publishesSlowly(t testing.TB, latency time.Duration, keys ...*jose.Key) {
	t.Helper()
	set := setOf(t, keys...)
	p.replies(func(*http.Request) (*http.Response, error) {
		time.Sleep(latency)
		return response(http.StatusOK, set), nil
	})
}

func (p *provider) requestCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

func (p *provider) onFetch(r keyfetch.Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reports = append(p.reports, r)
}

func (p *provider) reportCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.reports)
}

// lastReport returns the report of the last fetch, which has ended.
func (p *provider) lastReport(t testing.TB) keyfetch.Report {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.reports) == 0 {
		t.Fatal("no fetch was reported")
	}
	return p.reports[len(p.reports)-1]
}

// source returns a source of the provider's keys, with the defaults of the
// public package.
func (p *provider) source(t testing.TB, changes ...func(*config)) *source {
	t.Helper()
	location, err := keyfetch.ParseURL(keysURL, false)
	if err != nil {
		t.Fatal(err)
	}
	c := config{
		Location:   location,
		Wrap:       func(key *jose.Key) *jose.Key { return key },
		Algorithms: publicKeyAlgorithms(),
		MaxAge:     time.Hour,
		MaxStale:   24 * time.Hour,
		Cooldown:   30 * time.Second,
		OnFetch:    p.onFetch,
		Transport:  p,
	}
	for _, change := range changes {
		change(&c)
	}
	return keyfetch.New(c)
}

func publicKeyAlgorithms() (algs []jose.Algorithm) {
	for _, alg := range jose.Algorithms() {
		if !alg.Symmetric() {
			algs = append(algs, alg)
		}
	}
	return algs
}

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

func text(status int, body string) reply {
	return func(*http.Request) (*http.Response, error) { return response(status, body), nil }
}

// hang never responds.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func generate(t testing.TB, alg jose.Algorithm) *jose.Key {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// setOf returns the key set (RFC 7517) with the public parts of keys.
func setOf(t testing.TB, keys ...*jose.Key) string {
	t.Helper()
	set := []byte(`{"keys":[`)
	for i, key := range keys {
		if i > 0 {
			set = append(set, ',')
		}
		var err error
		if set, err = key.AppendPublicJWK(set); err != nil {
			t.Fatal(err)
		}
	}
	return string(append(set, "]}"...))
}

// outcome is the result of a look-up.
type outcome string

const (
	found       outcome = "found"
	unknown     outcome = "unknown"
	unavailable outcome = "unavailable"
)

func lookup(ctx context.Context, s *source, key *jose.Key) (outcome, error) {
	keys, err := s.Lookup(ctx, key.Algorithm(), key.ID())
	switch {
	case err != nil:
		return unavailable, err
	case len(keys) == 0:
		return unknown, nil
	case len(keys) > 1 || keys[0].Thumbprint() != key.Thumbprint():
		return "another key", nil
	}
	return found, nil
}

// wantAtOnce checks the outcome of looking up a key, and that it takes no time.
func wantAtOnce(t testing.TB, s *source, key *jose.Key, want outcome) {
	t.Helper()
	begun := time.Now()
	wantLookup(t, s, key, want)
	if took := time.Since(begun); took != 0 {
		t.Errorf("the look-up waited for %v", took)
	}
}

func wantLookup(t testing.TB, s *source, key *jose.Key, want outcome) {
	t.Helper()
	if got, err := lookup(t.Context(), s, key); got != want {
		t.Errorf("the key is %s (%v), want %s", got, err, want)
	}
}

// wantRequests checks how many requests the provider has seen once all is
// quiet.
func wantRequests(t testing.TB, p *provider, want int) {
	t.Helper()
	synctest.Wait()
	if got := p.requestCount(); got != want {
		t.Errorf("%d requests, want %d", got, want)
	}
}
