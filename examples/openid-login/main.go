// Openid-login is a web application whose users sign in at an OpenID provider,
// such as Google, Entra, Keycloak or your company's own.
//
//	export OPENID_CLIENT_SECRET=…
//	go run -C examples/openid-login . -issuer https://accounts.google.com -client-id …
//
// No test runs this, because it needs an account. Then open
// http://127.0.0.1:8080. The provider must know the client and its redirect
// URI, http://127.0.0.1:8080/callback. The README shows a provider to try it
// with.
//
// The provider says who the user is, once. From then on the user has a session
// of this application, in cookies that no script can read.
//
// The server speaks plain HTTP on the loopback interface. Cookies must not
// cross a network like that: put a proxy that speaks TLS in front, and set
// -base-url.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// config holds the command line.
type config struct {
	addr         string
	baseURL      string // the origin that browsers see; empty for addr
	issuer       string
	clientID     string
	clientSecret string
	accessTTL    time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.StringVar(&c.baseURL, "base-url", "", "`origin` that browsers see, such as https://app.example.com; default http://ADDR")
	flag.StringVar(&c.issuer, "issuer", "", "issuer `URL` of the OpenID provider, required")
	flag.StringVar(&c.clientID, "client-id", "", "`id` of this application at the provider, required")
	flag.DurationVar(&c.accessTTL, "access-ttl", time.Minute, "lifetime of an access token; short here, to show a renewal")
	flag.Parse()
	c.clientSecret = os.Getenv("OPENID_CLIENT_SECRET") // other users of the machine can read a command line
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, log, c); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then lets the requests in progress finish.
func run(ctx context.Context, log *slog.Logger, c config) error {
	if c.issuer == "" || c.clientID == "" {
		return errors.New("-issuer and -client-id are required")
	}
	if u, err := url.Parse(c.issuer); err != nil || u.Scheme != "https" && !isLoopback(u.Hostname()) {
		return errors.New("-issuer: a provider over plain HTTP can be impersonated")
	}
	key, err := tokenKey()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	if c.baseURL == "" {
		c.baseURL = "http://" + listener.Addr().String()
	}
	if err := checkOrigin(c.baseURL); err != nil {
		return fmt.Errorf("-base-url: %w", err)
	}
	handler, err := newServer(ctx, key, c, log)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second, // a sign-in waits for the provider
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	log.Info("listening", "url", c.baseURL)

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second) // longer than any request takes
	defer cancel()
	return srv.Shutdown(ctx)
}

// tokenKey returns the key in the environment variable TOKEN_SECRET, or a new
// one. Sessions are kept in memory here, so they do not outlive a new key
// anyway.
func tokenKey() (jwtauth.Key, error) {
	if os.Getenv("TOKEN_SECRET") != "" {
		return jwtauth.KeyFromEnv("TOKEN_SECRET")
	}
	return jwtauth.GenerateKey(jwtauth.HS256)
}

// checkOrigin checks that a text is an origin: a scheme and a host, no path.
func checkOrigin(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || text != u.Scheme+"://"+u.Host:
		return fmt.Errorf("%q is not an origin such as https://app.example.com", text)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("%q is plain HTTP, and browsers keep Secure cookies of loopback hosts only", text)
	}
	return nil
}

// isLoopback reports whether a host name is this machine to browsers, which
// then treat plain HTTP as secure.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
