// Cluster is a server that logs users in. Any number of instances share the
// store of the sessions.
//
//	export TOKEN_SECRET=$(openssl rand -base64 32)
//	export STORE=sqlite:/tmp/sessions.db
//	go run -C examples/cluster . -store $STORE -addr 127.0.0.1:8081 &
//	go run -C examples/cluster . -store $STORE -addr 127.0.0.1:8082 &
//	curl -d 'username=admin&password=password' http://127.0.0.1:8081/login
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8082/dashboard
//	curl -d "refresh_token=$REFRESH_TOKEN" http://127.0.0.1:8082/refresh
//	curl -d "refresh_token=$REFRESH_TOKEN" http://127.0.0.1:8081/logout
//
// SQLite is for instances on one machine. On several machines they share a
// database or Redis, such as redis://127.0.0.1:6379/0; -h lists the forms.
//
// All instances need the same TOKEN_SECRET, the key that signs the tokens in
// one of the forms of [jwtauth.KeyFromEnv]. Their clocks must differ by less
// than 10 seconds.
//
// After a logout, /dashboard refuses the access token at once, because it looks
// up the session at every request. /catalog accepts the token until it expires.
//
// The server speaks plain HTTP on the loopback interface. Passwords and tokens
// must not cross a network unencrypted: put a TLS proxy in front. All requests
// then come from the address of the proxy. Set the field Client of
// [jwtauth.HandlerOptions] in that case.
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

// shutdownTime is longer than the server's timeouts of a request.
const shutdownTime = 30 * time.Second

type config struct {
	addr, store                     string
	accessTTL, idleTTL, reuseWindow time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.StringVar(&c.store, "store", "memory", "the session `store`: memory, sqlite:FILE, mysql:DSN, postgres:URL, redis:URL, or only a postgres or redis URL")
	flag.DurationVar(&c.accessTTL, "access-ttl", 15*time.Minute, "lifetime of an access token")
	flag.DurationVar(&c.idleTTL, "idle-ttl", 7*24*time.Hour, "lifetime of a session without a refresh")
	flag.DurationVar(&c.reuseWindow, "reuse-window", 30*time.Second, "how long the previous refresh token is accepted after a refresh")
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
	key, err := jwtauth.KeyFromEnv("TOKEN_SECRET")
	if err != nil {
		return err
	}
	store, err := openStore(ctx, c.store)
	if err != nil {
		return err
	}
	defer store.close()
	issuer, err := newIssuer(key, store, c, log)
	if err != nil {
		return err
	}
	routes, err := newRoutes(issuer, store, log)
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
		WriteTimeout:      20 * time.Second, // calls to a store that is down may take a while
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

func newIssuer(key jwtauth.Key, store jwtauth.SessionStore, c config, log *slog.Logger) (*jwtauth.Issuer, error) {
	return jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions:          store,
		AccessTTL:         c.accessTTL,
		IdleTTL:           c.idleTTL,
		ReuseWindow:       c.reuseWindow,
		Claims:            privateClaims,
		CredentialVersion: credentialVersion,
		OnEvent:           logEvents(log),
	})
}

func newRoutes(issuer *jwtauth.Issuer, store jwtauth.SessionStore, log *slog.Logger) (http.Handler, error) {
	refuse := func(w http.ResponseWriter, r *http.Request, err error) {
		log.Info("refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
		jwtauth.WriteError(w, r, err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Authenticate: authenticate, OnError: refuse})
	if err != nil {
		return nil, err
	}
	live := jwtauth.Verify(jwtauth.Live(issuer, store, 0), jwtauth.OnError(refuse))
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

// logEvents logs session events. An event holds no token.
func logEvents(log *slog.Logger) func(context.Context, jwtauth.Event) {
	return func(ctx context.Context, e jwtauth.Event) {
		level := slog.LevelInfo
		if e.Kind == jwtauth.EventReuse {
			level = slog.LevelWarn // a refresh token was copied
		}
		log.Log(ctx, level, "session", "event", e.Kind, "reason", e.Reason, "subject", e.Subject, "session", e.SessionID)
	}
}

// user is a row of a table in a real service.
type user struct {
	id           string // the subject of the tokens; never changes and is never reused
	name         string
	passwordHash string
	version      string // a statement that changes the password also raises it
}

// admin has the password "password". Other bcrypt libraries write such hashes
// as well.
var admin = user{id: "1", name: "admin", passwordHash: "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe", version: "1"}

// For an unknown user, both return the zero user.
var (
	usersByName = map[string]user{admin.name: admin}
	usersByID   = map[string]user{admin.id: admin}
)

// authenticate passes CheckPassword an empty hash for an unknown user. That
// takes as long as a wrong password.
func authenticate(ctx context.Context, username, password string) (subject string, opts []jwtauth.LoginOption, err error) {
	u := usersByName[username]
	opts = []jwtauth.LoginOption{jwtauth.CredentialVersion(u.version)}
	return u.id, opts, jwtauth.CheckPassword(ctx, u.passwordHash, password)
}

// claims are the private claims of a token. Every holder of the token can read
// them.
type claims struct {
	Username string `json:"username"`
}

// credentialVersion ends logins and sessions with a password that has changed
// since, at the latest at their next refresh.
func credentialVersion(_ context.Context, subject string) (string, error) {
	u, ok := usersByID[subject]
	if !ok {
		return "", jwtauth.ErrSubjectDisabled
	}
	return u.version, nil
}

// privateClaims is called at every login and refresh. So a deleted user is
// logged out by the next refresh.
func privateClaims(_ context.Context, s jwtauth.Session) (any, error) {
	u, ok := usersByID[s.Subject]
	if !ok {
		return nil, jwtauth.ErrSubjectDisabled
	}
	return claims{Username: u.name}, nil
}
