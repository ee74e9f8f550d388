package jwtauth_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Over real connections: the transport by default, and what is left when a fetch is over.
func TestRemoteKeysOverHTTP(t *testing.T) {
	key := generate(t, jwtauth.ES256)
	closed := make(chan struct{}, 10)
	requests := make(chan *http.Request, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/keys", http.StatusFound)
		case "/header":
			for range 100 {
				w.Header().Add("X-Filler", strings.Repeat("x", 1000))
			}
			fallthrough
		default:
			_, _ = w.Write([]byte(keySetOf(t, key)))
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()

	for path, want := range map[string]string{"/keys": "", "/moved": "", "/header": "header"} {
		keys, err := jwtauth.NewRemoteKeys(server.URL+path, jwtauth.RemoteKeysOptions{})
		if err != nil {
			t.Fatal(err)
		}
		err = keys.Ready(t.Context())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		r := <-requests
		if r.Method != http.MethodGet || !strings.Contains(r.Header.Get("Accept"), "application/json") || r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
			t.Errorf("%s is asked by %s, with %v", path, r.Method, r.Header)
		}
		if path == "/moved" {
			<-requests
		}
		<-closed // without waiting for the connection's idle time
	}
}

// A server that is not who it says is not believed; one whose certificate authority the transport knows is.
func TestRemoteKeysOverTLS(t *testing.T) {
	key := generate(t, jwtauth.ES256)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(keySetOf(t, key)))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	for name, transport := range map[string]http.RoundTripper{"default": nil, "its own": server.Client().Transport} {
		keys, err := jwtauth.NewRemoteKeys(server.URL, jwtauth.RemoteKeysOptions{Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Ready(t.Context()); (err == nil) != (transport != nil) {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && !strings.Contains(err.Error(), "certificate") {
			t.Error(err)
		}
	}
}

// A provider that accepts and never answers, for real.
func TestRemoteKeysHungServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	keys, err := jwtauth.NewRemoteKeys("http://"+listener.Addr().String(), jwtauth.RemoteKeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := keys.Ready(ctx); !errors.Is(err, jwtauth.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
