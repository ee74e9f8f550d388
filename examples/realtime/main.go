// Realtime is a room whose messages arrive over a WebSocket and as Server-Sent
// Events. A connection ends when its token expires or its session ends. The
// page then renews the token and connects again, without losing a message.
//
//	go run -C examples/realtime .
//
// Then open http://127.0.0.1:8080 and log in as admin with the password
// "password".
//
// The server speaks plain HTTP on the loopback interface. Passwords and tokens
// must not cross a network unencrypted: put a TLS proxy in front.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const shutdownTime = 15 * time.Second // longer than the timeouts of a request below

// config holds the flags.
type config struct {
	addr      string
	accessTTL time.Duration
	maxDelay  time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.DurationVar(&c.accessTTL, "access-ttl", time.Minute, "lifetime of an access token; short here, to show a renewal")
	flag.DurationVar(&c.maxDelay, "max-delay", 5*time.Second, "how long a connection may last after a logout; at least 1s")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, log, c); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then waits for the running requests and for the
// WebSockets, which http.Server does not know any more.
func run(ctx context.Context, log *slog.Logger, c config) error {
	if c.maxDelay < time.Second {
		return errors.New("-max-delay is under one second")
	}
	key, err := tokenKey()
	if err != nil {
		return err
	}
	s, err := newServer(key, newUsers(), c, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	srv := s.httpServer()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	log.Info("listening", "url", "http://"+listener.Addr().String())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	return errors.Join(srv.Shutdown(ctx), s.wait(ctx))
}

// httpServer returns the HTTP server. Its timeouts are for short requests; the
// handler of Server-Sent Events sets its own.
func (s *server) httpServer() *http.Server {
	srv := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	srv.RegisterOnShutdown(s.close)
	return srv
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
