package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// site is the application, with clients in the same bubble of time. Sockets
// would leave the bubble, so the connections are pipes.
type site struct {
	t       *testing.T
	server  *server
	client  *http.Client
	http    *http.Server
	pending chan net.Conn
}

const (
	accessTTL = 5 * time.Minute
	maxDelay  = 20 * time.Second
)

// startSite must be called in a bubble. The caller closes the site.
func startSite(t *testing.T) *site {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	u := newUsers()
	// bcrypt is slow, and many times slower under the race detector.
	u.check = func(_ context.Context, _, password string) error {
		if password != "password" {
			return jwtauth.ErrWrongPassword
		}
		return nil
	}
	s, err := newServer(key, u, config{accessTTL: accessTTL, maxDelay: maxDelay}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := &site{t: t, server: s, http: s.httpServer(), pending: make(chan net.Conn)}
	p.client = &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			select {
			case p.pending <- theirs:
				return ours, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	go func() { _ = p.http.Serve(&pipes{conns: p.pending, closed: make(chan struct{})}) }()
	return p
}

// close shuts the server down like run, and waits for all connections.
func (p *site) close() {
	p.t.Helper()
	p.client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := p.http.Shutdown(ctx); err != nil {
		p.t.Error(err)
	}
	if err := p.server.wait(ctx); err != nil {
		p.t.Error(err)
	}
	p.client.CloseIdleConnections()
}

// login returns the tokens of a new session.
func (p *site) login() (access, refresh string) {
	p.t.Helper()
	response, err := p.client.PostForm("http://site.test/token/login", url.Values{"username": {"admin"}, "password": {"password"}})
	if err != nil {
		p.t.Fatal(err)
	}
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	decode(p.t, response, &tokens)
	return tokens.Access, tokens.Refresh
}

// logout ends the session of a refresh token.
func (p *site) logout(refresh string) {
	p.t.Helper()
	response, err := p.client.PostForm("http://site.test/token/logout", url.Values{"refresh_token": {refresh}})
	if err != nil {
		p.t.Fatal(err)
	}
	if response.Body.Close(); response.StatusCode != http.StatusNoContent {
		p.t.Fatalf("logout: %s", response.Status)
	}
}

// pipes is a listener of pipes.
type pipes struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
