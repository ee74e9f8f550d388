package browser

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is a request that a recorder has seen.
type request struct {
	what    string // method and path
	attempt string // the query parameter "try"
	cookies bool
	status  int
}

// recorder is a proxy in front of the app, under the app's host name. It can
// delay responses.
type recorder struct {
	url  string
	mu   sync.Mutex
	seen []request
	hold func(*http.Response) // called before a response is passed on
}

func record(t *testing.T, a *app) *recorder {
	t.Helper()
	p := &recorder{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: a.addr})
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(answer *http.Response) error {
			r := answer.Request
			p.mu.Lock()
			p.seen = append(p.seen, request{r.Method + " " + r.URL.Path, r.URL.Query().Get("try"), strings.Contains(r.Header.Get("Cookie"), "__Host-webapp-"), answer.StatusCode})
			hold := p.hold
			p.mu.Unlock()
			if hold != nil {
				hold(answer)
			}
			return nil
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	p.url = urlOf(server, host)
	return p
}

func (p *recorder) attempts() (list []request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.seen {
		if r.attempt != "" {
			list = append(list, r)
		}
	}
	return list
}

// waitForAttempts waits until there are attempts of each kind. A page does not
// learn when its beacons arrive.
func (p *recorder) waitForAttempts(t *testing.T, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		end := time.Now().Add(patience)
		for !slices.ContainsFunc(p.attempts(), func(r request) bool { return r.attempt == kind }) {
			if time.Now().After(end) {
				t.Fatalf("no attempt by %s came through", kind)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// origin serves an empty page and session.js on another origin.
func origin(t *testing.T, hostname string) string {
	t.Helper()
	server := httptest.NewServer(pages())
	t.Cleanup(server.Close)
	return urlOf(server, hostname)
}

// pages serves session.js, and an empty page at every other path.
func pages() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /session.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "../../examples/webapp/static/session.js")
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>a page</title><body>")
	})
	return mux
}

// urlOf returns the URL of a server under another name of this machine.
func urlOf(server *httptest.Server, hostname string) string {
	scheme, addr, _ := strings.Cut(server.URL, "://")
	_, port, _ := net.SplitHostPort(addr)
	return scheme + "://" + hostname + ":" + port
}
