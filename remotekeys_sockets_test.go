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

// realProvider is an identity provider on a port of the loopback interface.
type realProvider struct {
	server *httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	sent   atomic.Int64 // bytes of endless answers
	told   chan jwtauth.KeyFetch
}

func (p *realProvider) serve(t *testing.T, listener net.Listener) {
	t.Helper()
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*p.answer.Load())(w, r) }))
	if listener != nil {
		p.server.Listener.Close()
		p.server.Listener = listener
	}
	p.server.Start()
}

func (p *realProvider) does(answer http.HandlerFunc) { p.answer.Store(&answer) }

func (p *realProvider) publishes(t *testing.T, keys ...jwtauth.Key) {
	t.Helper()
	p.does(sends(200, keySetOf(t, keys...)))
}

func sends(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// floods sends begin, and then block so many times, as far as the client takes it.
func (p *realProvider) floods(encoding, begin, block string, times int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", encoding)
		n, err := io.WriteString(w, begin)
		for i := 0; err == nil && i < times; i++ {
			p.sent.Add(int64(n))
			n, err = io.WriteString(w, block)
		}
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The ways in which a provider fails, over real connections and all at once: known keys verify all the while, a fetch takes
// its 5 seconds at most, neither memory nor goroutines pile up, and it is all over within moments of the provider's return.
func TestRemoteKeysOutageOverSockets(t *testing.T) {
	known, added := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
	good := keySetOf(t, known)
	odd := make([]any, 999)
	for i := range odd {
		odd[i] = jwk{"kty": "RSA", "kid": fmt.Sprint(i), "e": "AQAB", "n": strings.Repeat("A", 100)}
	}
	outages := []struct {
		name string
		does func(p *realProvider) http.HandlerFunc // nil: nobody listens
		want string                                 // part of the report; "" = none, the fetch succeeds
	}{
		{"stopped", nil, "connect"},
		{"hung", func(*realProvider) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		}, "no answer within 5s"},
		{"500", func(*realProvider) http.HandlerFunc { return sends(500, good) }, "status 500"},
		{"HTML", func(*realProvider) http.HandlerFunc { return sends(200, "<!doctype html><title>Sign in</title>") }, "no key set"},
		{"10 GB", func(p *realProvider) http.HandlerFunc {
			return p.floods("identity", good, strings.Repeat(" ", 64<<10), 10<<30/(64<<10))
		}, "more than 1048576 bytes"},
		{"gzip bomb", func(p *realProvider) http.HandlerFunc {
			return p.floods("gzip", zipped(t, good), zipped(t, strings.Repeat(" ", 1<<20)), 10<<10)
		}, "more than 1048576 bytes"},
		{"redirect loop", func(*realProvider) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }
		}, "more than 5 redirects"},
		{"empty set", func(*realProvider) http.HandlerFunc { return sends(200, `{"keys":[]}`) }, "empty"},
		{"no HTTP", func(*realProvider) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nx\x1b[31m"+strings.Repeat("y", 50_000)+"\r\n\r\n")
					conn.Close()
				}
			}
		}, "malformed"},
		{"999 odd keys of 1,000", func(*realProvider) http.HandlerFunc {
			return sends(200, keySetText(t, append(odd, jwkOf(t, known))...))
		}, ""},
	}
	providers := make([]*realProvider, len(outages))
	for i := range outages {
		p := &realProvider{told: make(chan jwtauth.KeyFetch, 100)}
		p.publishes(t, known)
		p.serve(t, nil)
		defer func() { p.server.Close() }()
		providers[i] = p
	}
	token, newToken := signed(t, known), signed(t, added)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	peak, stop := before.HeapAlloc, make(chan struct{})
	var sampler sync.WaitGroup
	sampler.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
	})

	var all sync.WaitGroup // t.Parallel would run as many at a time as there are processors
	for i, outage := range outages {
		p := providers[i]
		all.Go(func() {
			t.Run(outage.name, func(t *testing.T) {
				keys, err := jwtauth.NewRemoteKeys(p.server.URL, jwtauth.RemoteKeysOptions{Cooldown: time.Second, OnFetch: func(f jwtauth.KeyFetch) { p.told <- f }})
				if err != nil {
					t.Fatal(err)
				}
				v := newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
				wantVerifySlowly(t, v, token, nil)
				<-p.told

				end := make(chan struct{})
				var client sync.WaitGroup
				var requests int
				var slowest time.Duration
				client.Go(func() {
					for {
						begun := time.Now()
						wantVerifySlowly(t, v, token, nil)
						slowest = max(slowest, time.Since(begun))
						requests++
						select {
						case <-end:
							return
						case <-time.After(time.Millisecond):
						}
					}
				})
				if outage.does != nil {
					p.does(outage.does(p))
				} else {
					p.server.Close()
				}
				begun := time.Now()
				report := awaitFetch(t, v, p, newToken, func(f jwtauth.KeyFetch) bool {
					return f.Err != nil || outage.want == "" && len(f.Skipped) == 999
				})
				failed := time.Since(begun)
				if outage.want == "" && (report.Err != nil || report.Keys != 1) || outage.want != "" && (report.Err == nil || !strings.Contains(report.Err.Error(), outage.want) || len(report.Err.Error()) > 300) {
					t.Errorf("OnFetch was told %d keys, %v; want %q", report.Keys, report.Err, outage.want)
				}
				if outage.does == nil {
					listener, err := net.Listen("tcp", p.server.Listener.Addr().String())
					if err != nil {
						t.Fatal(err)
					}
					p.serve(t, listener)
				}
				p.publishes(t, known, added)
				begun = time.Now()
				awaitFetch(t, v, p, newToken, func(f jwtauth.KeyFetch) bool { return f.Keys == 2 })
				wantVerifySlowly(t, v, newToken, nil)
				recovered := time.Since(begun)
				close(end)
				client.Wait()
				t.Logf("%s: found after %v, recovered after %v; meanwhile %d tokens of the known key verified, the slowest in %v; %d bytes sent",
					outage.name, failed.Round(time.Millisecond), recovered.Round(time.Millisecond), requests, slowest, p.sent.Load())
				if p.sent.Load() > 64<<20 {
					t.Error("that is more than connections hold")
				}
				if failed > 10*time.Second || recovered > 10*time.Second || slowest > 4*time.Second || requests < 20 {
					t.Error("that is too slow")
				}
			})
		})
	}
	all.Wait()
	close(stop)
	sampler.Wait()
	grown := (int64(peak) - int64(before.HeapAlloc)) >> 20
	t.Logf("the heap was larger by %d MiB at most", grown)
	if grown > 64 {
		t.Error("that is too much")
	}
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := new(strings.Builder)
			_ = pprof.Lookup("goroutine").WriteTo(stacks, 1)
			t.Fatalf("%d goroutines before, %d after\n%s", goroutines, runtime.NumGoroutine(), stacks)
		}
	}
	t.Logf("%d goroutines before, %d after", goroutines, runtime.NumGoroutine())
}

// awaitFetch shows tokens of a new key until a fetch has ended as wanted.
func awaitFetch(t *testing.T, v *jwtauth.Verifier, p *realProvider, token string, wanted func(jwtauth.KeyFetch) bool) jwtauth.KeyFetch {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if _, err := v.VerifyToken(ctx, token); err != nil && !errors.Is(err, jwtauth.ErrUnavailable) && !errors.Is(err, jwtauth.ErrKeyUnknown) {
			t.Errorf("an unknown key is answered %v", err)
		}
		cancel()
		select {
		case f := <-p.told:
			if wanted(f) {
				return f
			}
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Fatal("no such fetch within 30 seconds")
	return jwtauth.KeyFetch{}
}
