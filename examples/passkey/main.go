// Passkey is a web application whose users sign in with a passkey, or with a
// password. The most important actions then need the passkey as well (step-up).
//
//	go run -C examples/passkey .
//
// Then open http://localhost:8080. There are two users, ann and bob; the
// password of both is "password".
//
// The address matters: a passkey belongs to a host name, and 127.0.0.1 is not
// one. The server speaks plain HTTP on the loopback interface. Browsers allow
// passkeys there on localhost alone: anywhere else, put a proxy that speaks TLS
// in front, and set -base-url.
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
	addr      string
	baseURL   string // the origin that browsers see; empty for localhost and the port of addr
	accessTTL time.Duration
	fresh     time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.StringVar(&c.baseURL, "base-url", "", "`origin` that browsers see, such as https://app.example.com; default http://localhost:PORT")
	flag.DurationVar(&c.accessTTL, "access-ttl", time.Minute, "lifetime of an access token; short here, to show a renewal")
	flag.DurationVar(&c.fresh, "fresh", 5*time.Minute, "how long after a sign-in the most important actions are allowed")
	flag.Parse()
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
	if c.fresh < time.Second {
		return errors.New("-fresh is under one second")
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
		c.baseURL = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	}
	handler, err := newServer(key, newUsers(), checkPassword, c, log)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	log.Info("listening", "url", c.baseURL, "addr", listener.Addr().String())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second) // longer than any request takes
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

// hostOf returns the host name of an origin, which is a scheme and a host
// without a path. Passkeys belong to host names, so an IP address is refused.
func hostOf(origin string) (string, error) {
	u, err := url.Parse(origin)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || origin != u.Scheme+"://"+u.Host:
		return "", fmt.Errorf("%q is not an origin such as https://app.example.com", origin)
	case u.Scheme == "http" && u.Hostname() != "localhost" && !strings.HasSuffix(u.Hostname(), ".localhost"):
		return "", fmt.Errorf("%q is plain HTTP, and browsers allow passkeys there on localhost only", origin)
	case net.ParseIP(u.Hostname()) != nil:
		return "", fmt.Errorf("%q is an IP address; a passkey needs a host name", origin)
	}
	return u.Hostname(), nil
}
