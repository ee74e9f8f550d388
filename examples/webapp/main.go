// Webapp is a small complete web application. Users log in with a password,
// stay logged in by cookies that scripts cannot read, see their sessions on
// other devices, end them, and change their password.
//
//	go run -C examples/webapp .
//
// Then open http://127.0.0.1:8080 and log in as admin with the password
// "password".
//
// The sessions are in SQLite, and the key that signs the tokens is in a file
// beside it, so users stay logged in after a restart. The environment variable
// TOKEN_SECRET may hold the key instead, in the forms of [jwtauth.KeyFromEnv].
//
// The server speaks plain HTTP on the loopback interface. Passwords and cookies
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
)

const shutdownTime = 15 * time.Second // longer than the timeouts of a request below

// config holds the flags.
type config struct {
	addr         string
	url          string // as browsers see the service
	data         string // folder
	accessTTL    time.Duration
	reuseWindow  time.Duration
	trusted      []string // origins
	insecureHTTP bool
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.StringVar(&c.url, "url", "", "`URL` of the service as browsers see it (default http:// and the address)")
	flag.StringVar(&c.data, "data", "data", "`folder` of the key and the sessions; created if it is missing")
	flag.DurationVar(&c.accessTTL, "access-ttl", time.Minute, "lifetime of an access token; short here, to show the renewal")
	flag.DurationVar(&c.reuseWindow, "reuse-window", 0, "jwtauth.IssuerOptions.ReuseWindow; 0 for its default")
	flag.BoolVar(&c.insecureHTTP, "insecure-http", false, "cookies for browsers that refuse Secure cookies of http://localhost")
	flag.Func("trust-origin", "`origin` of another page that may use this service; may be given several times", func(origin string) error {
		c.trusted = append(c.trusted, origin)
		return nil
	})
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, log, c); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then waits for the running requests.
func run(ctx context.Context, log *slog.Logger, c config) error {
	key, err := tokenKey(c.data)
	if err != nil {
		return err
	}
	db, store, err := openSessions(ctx, c.data)
	if err != nil {
		return err
	}
	defer db.Close()
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	if c.url == "" {
		c.url = "http://" + listener.Addr().String()
	}
	attempts := store.Attempts()
	logins, err := newGuard(c.data, attempts, c, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	handler, err := newServer(key, store, logins, newUsers(), c, log)
	if err != nil {
		return errors.Join(err, listener.Close())
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
	go cleanUp(ctx, log, store, attempts)
	log.Info("listening", "url", "http://"+listener.Addr().String())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	return srv.Shutdown(ctx)
}
