// Magic-link is a web application whose users sign in with a link that is sent
// to their e-mail address. There are no passwords.
//
//	go run -C examples/magic-link .
//
// Then open http://127.0.0.1:8080 and enter any address. The link is not sent:
// it is printed to the log, because this example has no mail server.
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
	addr      string
	baseURL   string // the origin that browsers see; empty for addr
	accessTTL time.Duration
	linkTTL   time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.StringVar(&c.baseURL, "base-url", "", "`origin` that browsers see, such as https://app.example.com; default http://ADDR")
	flag.DurationVar(&c.accessTTL, "access-ttl", time.Minute, "lifetime of an access token; short here, to show a renewal")
	flag.DurationVar(&c.linkTTL, "link-ttl", 15*time.Minute, "lifetime of a link")
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
	if c.linkTTL < time.Minute {
		return errors.New("-link-ttl is under one minute")
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
	handler, err := newServer(key, logMail(log), c, log)
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
	log.Info("listening", "url", c.baseURL)

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

// checkOrigin checks that a text is an origin: a scheme and a host, no path.
// Links are made of it and never of the Host header, which the sender of a
// request chooses: a link to another host would send its secret there.
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

// mailer sends a link to an address.
type mailer func(ctx context.Context, to, link string) error

// logMail stands in for a mail server. A real one must not log the links:
// readers of the log could use them first.
func logMail(log *slog.Logger) mailer {
	return func(_ context.Context, to, link string) error {
		log.Info("mail", "to", to, "link", link)
		return nil
	}
}
