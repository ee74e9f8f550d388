package jwtauth_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// socketProvider is an identity provider on a port of the loopback interface.
type socketProvider struct {
	server  *httptest.Server
	handler atomic.Pointer[http.HandlerFunc]
	sent    atomic.Int64 // bytes of endless responses
	reports chan jwtauth.KeyFetch
}

// listen starts the server, on a port of its own if listener is nil.
func (p *socketProvider) listen(t *testing.T, listener net.Listener) {
	t.Helper()
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*p.handler.Load())(w, r) }))
	if listener != nil {
		p.server.Listener.Close()
		p.server.Listener = listener
	}
	p.server.Start()
}

func (p *socketProvider) serves(handler http.HandlerFunc) { p.handler.Store(&handler) }

func (p *socketProvider) publishes(t *testing.T, keys ...jwtauth.Key) {
	t.Helper()
	p.serves(sends(http.StatusOK, keySetOf(t, keys...)))
}

func sends(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// floods sends begin, and then block many times or until the client closes the
// connection.
func (p *socketProvider) floods(encoding, begin, block string, times int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", encoding)
		n, err := io.WriteString(w, begin)
		for i := 0; err == nil && i < times; i++ {
			p.sent.Add(int64(n))
			n, err = io.WriteString(w, block)
		}
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// socketOutage is a way in which a provider fails.
type socketOutage struct {
	name    string
	handler func(p *socketProvider) http.HandlerFunc // nil stops the server
	want    string                                   // part of the report's error; empty if the fetch succeeds
}

func socketOutages(t *testing.T, known jwtauth.Key) []socketOutage {
	good := keySetOf(t, known)
	unusable := make([]any, 999)
	for i := range unusable {
		unusable[i] = jwk{"kty": "RSA", "kid": fmt.Sprint(i), "e": "AQAB", "n": strings.Repeat("A", 100)}
	}
	always := func(h http.HandlerFunc) func(*socketProvider) http.HandlerFunc {
		return func(*socketProvider) http.HandlerFunc { return h }
	}
	return []socketOutage{
		{"stopped", nil, "connect"},
		{"hung", always(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), "no response within 5s"},
		{"500", always(sends(500, good)), "status 500"},
		{"HTML", always(sends(200, "<!doctype html><title>Sign in</title>")), "no key set"},
		{"10 GB", func(p *socketProvider) http.HandlerFunc {
			return p.floods("identity", good, strings.Repeat(" ", 64<<10), 10<<30/(64<<10))
		}, "more than 1048576 bytes"},
		{"gzip bomb", func(p *socketProvider) http.HandlerFunc {
			return p.floods("gzip", gzipped(t, good), gzipped(t, strings.Repeat(" ", 1<<20)), 10<<10)
		}, "more than 1048576 bytes"},
		{"redirect loop", always(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }), "more than 5 redirects"},
		{"empty set", always(sends(200, `{"keys":[]}`)), "empty"},
		{"malformed header", always(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nx\x1b[31m"+strings.Repeat("y", 50_000)+"\r\n\r\n")
				conn.Close()
			}
		}), "malformed"},
		{"999 unusable keys of 1,000", always(sends(200, keySetText(t, append(unusable, jwkOf(t, known))...))), ""},
	}
}

// All outages at once, over real connections: known keys verify all the time, a
// fetch ends after 5 seconds at most, memory and goroutines do not grow, and
// new keys are known soon after the provider is well.
func TestRemoteKeysOutageOverSockets(t *testing.T) {
	known, added := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
	outages := socketOutages(t, known)
	providers := make([]*socketProvider, len(outages))
	for i := range outages {
		p := &socketProvider{reports: make(chan jwtauth.KeyFetch, 100)}
		p.publishes(t, known)
		p.listen(t, nil)
		defer func() { p.server.Close() }()
		providers[i] = p
	}
	token, newToken := signed(t, known), signed(t, added)
	goroutines := runtime.NumGoroutine()
	heapGrowth := sampleHeap()

	var all sync.WaitGroup // t.Parallel would run only as many at a time as there are processors
	for i, outage := range outages {
		p := providers[i]
		all.Go(func() {
			t.Run(outage.name, func(t *testing.T) {
				keys, err := jwtauth.NewRemoteKeys(p.server.URL, jwtauth.RemoteKeysOptions{Cooldown: time.Second, OnFetch: func(f jwtauth.KeyFetch) { p.reports <- f }})
				if err != nil {
					t.Fatal(err)
				}
				v := newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
				wantVerify(t, v, token, nil)
				<-p.reports
				requests := verifyUntilStopped(t, v, token)

				if outage.handler != nil {
					p.serves(outage.handler(p))
				} else {
					p.server.Close()
				}
				begun := time.Now()
				report := awaitFetch(t, v, p, newToken, func(f jwtauth.KeyFetch) bool {
					return f.Err != nil || outage.want == "" && len(f.Skipped) == 999
				})
				failed := time.Since(begun)
				if outage.want == "" && (report.Err != nil || report.Keys != 1) || outage.want != "" && (report.Err == nil || !strings.Contains(report.Err.Error(), outage.want) || len(report.Err.Error()) > 300) {
					t.Errorf("reported %d keys, %v; want %q", report.Keys, report.Err, outage.want)
				}

				if outage.handler == nil {
					listener, err := net.Listen("tcp", p.server.Listener.Addr().String())
					if err != nil {
						t.Fatal(err)
					}
					p.listen(t, listener)
				}
				p.publishes(t, known, added)
				begun = time.Now()
				awaitFetch(t, v, p, newToken, func(f jwtauth.KeyFetch) bool { return f.Keys == 2 })
				wantVerify(t, v, newToken, nil)
				recovered := time.Since(begun)
				n, slowest := requests()
				t.Logf("failed after %v, recovered after %v; meanwhile %d tokens of the known key verified, the slowest in %v; %d bytes sent",
					failed.Round(time.Millisecond), recovered.Round(time.Millisecond), n, slowest, p.sent.Load())
				if p.sent.Load() > 64<<20 {
					t.Error("more bytes were sent than connections buffer")
				}
				if failed > 10*time.Second || recovered > 10*time.Second || slowest > 4*time.Second || n < 20 {
					t.Error("too slow")
				}
			})
		})
	}
	all.Wait()
	grown := heapGrowth()
	t.Logf("the heap grew by %d MiB at most", grown>>20)
	if grown > 64<<20 {
		t.Error("the heap grew too much")
	}
	awaitGoroutines(t, goroutines)
}

// verifyUntilStopped verifies a token once per millisecond. The function that
// it returns ends that, and returns the number of requests and the longest
// duration of one.
func verifyUntilStopped(t *testing.T, v *jwtauth.Verifier, token string) (stop func() (n int, slowest time.Duration)) {
	end := make(chan struct{})
	var client sync.WaitGroup
	var requests int
	var longest time.Duration
	client.Go(func() {
		for {
			begun := time.Now()
			wantVerify(t, v, token, nil)
			longest = max(longest, time.Since(begun))
			requests++
			select {
			case <-end:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	return func() (int, time.Duration) {
		close(end)
		client.Wait()
		return requests, longest
	}
}

// sampleHeap observes the heap until the function that it returns is called,
// which returns how many bytes it grew at most.
func sampleHeap() (stop func() int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak, end := m.HeapAlloc, m.HeapAlloc, make(chan struct{})
	var sampler sync.WaitGroup
	sampler.Go(func() {
		for {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	})
	return func() int64 {
		close(end)
		sampler.Wait()
		return int64(peak) - int64(before)
	}
}

// awaitGoroutines waits until no more than n goroutines run.
func awaitGoroutines(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for runtime.NumGoroutine() > n {
		select {
		case <-deadline:
			stacks := new(strings.Builder)
			_ = pprof.Lookup("goroutine").WriteTo(stacks, 1)
			t.Fatalf("%d goroutines before, %d after\n%s", n, runtime.NumGoroutine(), stacks)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// awaitFetch verifies tokens of a new key until a fetch has ended as wanted.
func awaitFetch(t *testing.T, v *jwtauth.Verifier, p *socketProvider, token string, wanted func(jwtauth.KeyFetch) bool) jwtauth.KeyFetch {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, err := v.VerifyToken(ctx, token); err != nil && !errors.Is(err, jwtauth.ErrUnavailable) && !errors.Is(err, jwtauth.ErrKeyUnknown) {
			t.Errorf("the token of an unknown key: %v", err)
		}
		cancel()
		select {
		case f := <-p.reports:
			if wanted(f) {
				return f
			}
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatal("no such fetch within 30 seconds")
	return jwtauth.KeyFetch{}
}
