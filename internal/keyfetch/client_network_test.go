package keyfetch_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

// at makes a source fetch over the network, with the default transport.
func at(t testing.TB, url string) func(*config) {
	t.Helper()
	location, err := keyfetch.ParseURL(url, false)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *config) { c.Location, c.Transport = location, nil }
}

func TestDefaultTransport(t *testing.T) {
	set := setOf(t, generate(t, jose.ES256))
	closed := make(chan struct{}, 10)
	requests := make(chan *http.Request, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/keys", http.StatusFound)
			return
		case "/header": // more than 64 KiB
			for range 100 {
				w.Header().Add("X-Filler", strings.Repeat("x", 1000))
			}
		case "/less": // less than that
			for range 50 {
				w.Header().Add("X-Filler", strings.Repeat("x", 1000))
			}
		}
		_, _ = io.WriteString(w, set)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()

	for path, want := range map[string]string{"/keys": "", "/moved": "", "/less": "", "/header": "header"} {
		err := new(provider).source(t, at(t, server.URL+path)).Ready(t.Context())
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		r := <-requests
		if r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Accept"), "application/json") || r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
			t.Errorf("%s was requested by %s, with %v", path, r.Method, r.Header)
		}
		if path == "/moved" {
			<-requests
		}
		<-closed // without waiting until the connection has been idle for long
	}
}

// The program may have replaced http.DefaultTransport.
func TestReplacedDefaultTransport(t *testing.T) {
	before := http.DefaultTransport
	defer func() { http.DefaultTransport = before }()
	p := new(provider)
	p.publishes(t, generate(t, jose.EdDSA))
	http.DefaultTransport = p
	if err := p.source(t, at(t, keysURL)).Ready(t.Context()); err != nil || p.requestCount() != 1 {
		t.Errorf("%v after %d requests", err, p.requestCount())
	}
}

func TestTLS(t *testing.T) {
	set := setOf(t, generate(t, jose.ES256))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, set)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	for name, transport := range map[string]http.RoundTripper{"unknown authority": nil, "known authority": server.Client().Transport} {
		s := new(provider).source(t, at(t, server.URL), func(c *config) { c.Transport = transport })
		if err := s.Ready(t.Context()); (err == nil) != (transport != nil) || err != nil && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHungServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	s := new(provider).source(t, at(t, "http://"+listener.Addr().String()))
	if err := s.Ready(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// A name below localhost that resolves to another machine is not fetched from
// without encryption. A proxy is such a machine.
func TestLocalhostElsewhere(t *testing.T) {
	set := setOf(t, generate(t, jose.ES256))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, set) }))
	defer server.Close()
	before := http.DefaultTransport
	defer func() { http.DefaultTransport = before }()
	proxied := false
	for _, c := range []struct {
		name     string
		remote   net.Addr // that app.localhost resolves to
		insecure bool
		want     string
	}{
		{"this machine", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2), Port: 80}, false, ""},
		{"this machine, IPv6", &net.TCPAddr{IP: net.IPv6loopback, Port: 80}, false, ""},
		{"a pipe", &net.UnixAddr{Name: "keys", Net: "unix"}, false, ""},
		{"another machine", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, false, "the host of the http URL is not this machine"},
		{"another machine, IPv6", &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 80}, false, "the host of the http URL is not this machine"},
		{"another machine with InsecureHTTP", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, true, ""},
	} {
		http.DefaultTransport = &http.Transport{
			Proxy: func(*http.Request) (*url.URL, error) { proxied = !c.insecure; return nil, nil },
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
				return elsewhere{conn, c.remote}, err
			},
		}
		location, err := keyfetch.ParseURL("http://app.localhost/keys", c.insecure)
		if err != nil {
			t.Fatal(err)
		}
		err = new(provider).source(t, func(cfg *config) { cfg.Location, cfg.Transport = location, nil }).Ready(t.Context())
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if proxied {
			t.Errorf("%s: the proxy was asked", c.name)
		}
	}
}

// elsewhere is a connection that says that it leads to another address.
type elsewhere struct {
	net.Conn
	remote net.Addr
}

func (e elsewhere) RemoteAddr() net.Addr { return e.remote }
