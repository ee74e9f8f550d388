// Webapp is a small complete web application: log in with a password, stay logged in by cookies that no
// script can read, see where you are logged in, and log out there.
//
//	go run -C examples/webapp .
//
// Then open http://127.0.0.1:8080 and log in as admin with the password "password".
//
// Sessions are kept in SQLite, and the key of the tokens beside it, so that a restart logs nobody out. In
// place of that file, the environment variable TOKEN_SECRET may hold the key, as [jwtauth.KeyFromEnv] reads it.
//
// The server speaks plain HTTP on the loopback interface. Passwords and cookies must not cross a network like
// that: put a proxy that speaks TLS in front.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// config is what the command line says.
type config struct {
	addr         string
	data         string // folder
	accessTTL    time.Duration
	reuseWindow  time.Duration
	trusted      []string // origins
	insecureHTTP bool
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.StringVar(&c.data, "data", "data", "`folder` of the key and the sessions, made where it is missing")
	flag.DurationVar(&c.accessTTL, "access-ttl", time.Minute, "life of an access token; short here, to show what happens at its end")
	flag.DurationVar(&c.reuseWindow, "reuse-window", 0, "jwtauth.IssuerOptions.ReuseWindow; 0 for its default")
	flag.BoolVar(&c.insecureHTTP, "insecure-http", false, "cookies for browsers that keep no Secure cookies of http://localhost")
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

// run serves until ctx ends, then lets the requests under way end.
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
	handler, err := newServer(key, store, authenticate, c, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
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
	go cleanUp(ctx, log, store)
	log.Info("listening", "url", "http://"+listener.Addr().String())

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

// user is a row of what would be a database.
type user struct {
	id           string // the subject of the tokens: never changes, is never given to another
	name         string
	passwordHash string
}

// The password is "password".
var admin = user{id: "1", name: "admin", passwordHash: "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe"}

// authenticate is HandlerOptions.Authenticate. The hash of a user that is not there is empty: CheckPassword then
// takes as long as for a wrong password.
func authenticate(ctx context.Context, username, password string) (string, error) {
	var u user
	if strings.EqualFold(username, admin.name) {
		u = admin
	}
	return u.id, jwtauth.CheckPassword(ctx, u.passwordHash, password)
}

// claims are the private claims of a token. Whoever holds the token can read them.
type claims struct {
	Username string `json:"username"`
}

// privateClaims is IssuerOptions.Claims.
func privateClaims(_ context.Context, subject string) (any, error) {
	if subject != admin.id {
		return nil, jwtauth.ErrSubjectDisabled
	}
	return claims{Username: admin.name}, nil
}
