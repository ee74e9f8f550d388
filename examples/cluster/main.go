// Cluster is a server that logs users in and keeps their sessions in a store that
// any number of instances of it share.
//
//	export TOKEN_SECRET=$(openssl rand -base64 32)
//	go run -C examples/cluster . -store redis://127.0.0.1:6379/0 -addr 127.0.0.1:8081 &
//	go run -C examples/cluster . -store redis://127.0.0.1:6379/0 -addr 127.0.0.1:8082 &
//	curl -d 'username=admin&password=password' http://127.0.0.1:8081/login
//	curl -H "Authorization: Bearer $ACCESS_TOKEN" http://127.0.0.1:8082/dashboard
//	curl -d "refresh_token=$REFRESH_TOKEN" http://127.0.0.1:8082/refresh
//	curl -d "refresh_token=$REFRESH_TOKEN" http://127.0.0.1:8081/logout
//
// All instances have the same TOKEN_SECRET, which holds the key of the tokens as
// [jwtauth.KeyFromEnv] reads it, and clocks that differ by less than 10 seconds.
//
// After a logout, /dashboard refuses the access token at once: it asks the store at
// every request. /catalog does not, and takes the token until it expires.
//
// The server speaks plain HTTP on the loopback interface. Passwords and tokens
// must not cross a network like that: put a proxy that speaks TLS in front. All requests then come from the proxy's
// address: see [jwtauth.HandlerOptions] for its field Client.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// shutdownTime is longer than any request takes, by the server's timeouts.
const shutdownTime = 30 * time.Second

type config struct {
	addr, store                     string
	accessTTL, idleTTL, reuseWindow time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.StringVar(&c.store, "store", "memory", "where sessions are kept: a `store` that is memory, sqlite:FILE, mysql:DSN, postgres:URL or redis:URL (of these the URL alone will do)")
	flag.DurationVar(&c.accessTTL, "access-ttl", 15*time.Minute, "how long an access token lives")
	flag.DurationVar(&c.idleTTL, "idle-ttl", 7*24*time.Hour, "how long a session lives without a refresh")
	flag.DurationVar(&c.reuseWindow, "reuse-window", 30*time.Second, "how long an exchanged refresh token is answered again")
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
	key, err := jwtauth.KeyFromEnv("TOKEN_SECRET")
	if err != nil {
		return err
	}
	store, err := openStore(ctx, c.store)
	if err != nil {
		return err
	}
	defer store.close()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions:    store,
		AccessTTL:   c.accessTTL,
		IdleTTL:     c.idleTTL,
		ReuseWindow: c.reuseWindow,
		Claims:      privateClaims,
		OnEvent:     logEvents(log),
	})
	if err != nil {
		return err
	}
	routes, err := newRoutes(issuer, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second, // the store may take a while to say that it is down
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	go store.cleanUp(ctx, log)
	log.Info("listening", "addr", listener.Addr().String())

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

func newRoutes(issuer *jwtauth.Issuer, log *slog.Logger) (http.Handler, error) {
	refuse := func(w http.ResponseWriter, r *http.Request, err error) {
		log.Info("refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
		jwtauth.WriteError(w, r, err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Authenticate: authenticate, OnError: refuse})
	if err != nil {
		return nil, err
	}
	live := jwtauth.Verify(issuer.Live(), jwtauth.OnError(refuse))
	plain := jwtauth.Verify(issuer, jwtauth.OnError(refuse))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.HandleFunc("POST /logout", handlers.Logout)
	mux.Handle("GET /dashboard", live(greet("dashboard", refuse)))
	mux.Handle("GET /catalog", plain(greet("catalog", refuse)))
	return mux, nil
}

func greet(page string, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		me, err := jwtauth.ClaimsAs[claims](r.Context())
		if err != nil {
			refuse(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "Hello %s, welcome to %s", me.Username, page)
	})
}

// logEvents logs what happens to sessions. An event holds no token.
func logEvents(log *slog.Logger) func(context.Context, jwtauth.Event) {
	return func(ctx context.Context, e jwtauth.Event) {
		level := slog.LevelInfo
		if e.Kind == jwtauth.EventReuse {
			level = slog.LevelWarn // somebody has a copy of a refresh token
		}
		log.Log(ctx, level, "session", "event", e.Kind, "subject", e.Subject, "session", e.SessionID)
	}
}

// user is a row of what would be a database.
type user struct {
	id           string // the subject of the tokens: never changes, is never given to another
	name         string
	passwordHash string
}

// The password is "password". Bcrypt libraries of other languages write hashes like this one.
var admin = user{id: "1", name: "admin", passwordHash: "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe"}

// Where there is no such user, both return the zero user.
var (
	usersByName = map[string]user{admin.name: admin}
	usersByID   = map[string]user{admin.id: admin}
)

// authenticate gives CheckPassword an empty hash for an unknown user, which then takes as long as a wrong password.
func authenticate(ctx context.Context, username, password string) (subject string, err error) {
	u := usersByName[username]
	return u.id, jwtauth.CheckPassword(ctx, u.passwordHash, password)
}

// claims are the private claims of a token. Whoever holds the token can read them.
type claims struct {
	Username string `json:"username"`
}

// privateClaims is asked at every login and refresh: a user who is gone from here is logged out by the next one.
func privateClaims(_ context.Context, subject string) (any, error) {
	u, ok := usersByID[subject]
	if !ok {
		return nil, jwtauth.ErrSubjectDisabled
	}
	return claims{Username: u.name}, nil
}
