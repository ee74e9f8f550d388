// Login is a small complete server. A user logs in with a password, receives an
// access token, and reads a protected page with it. Before the token expires,
// the client exchanges its refresh token for new tokens. A logout ends the
// session.
//
//	go run ./examples/login
//	curl -d 'username=admin&password=password' http://127.0.0.1:8080/login
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/dashboard
//	curl -d "refresh_token=$REFRESH_TOKEN" http://127.0.0.1:8080/refresh
//	curl -d "refresh_token=$REFRESH_TOKEN" http://127.0.0.1:8080/logout
//
// The login also accepts JSON: {"username": "admin", "password": "password"}.
//
// The environment variable TOKEN_SECRET holds the key that signs the tokens, in
// the forms of [jwtauth.KeyFromEnv]. Without it the server generates a key, and
// the tokens become invalid when it stops. Sessions are kept in memory and end
// with the process too; other stores keep them.
//
// The server speaks plain HTTP on the loopback interface. Passwords and tokens
// must not cross a network unencrypted: put a TLS proxy in front.
package main

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
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
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/memstore"
)

const (
	accessTTL    = time.Hour // an access token stays valid that long after a logout
	maxBodyBytes = 4 << 10
	shutdownTime = 15 * time.Second // longer than the timeouts of a request below
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, log, *addr); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then waits for the running requests.
func run(ctx context.Context, log *slog.Logger, addr string) error {
	key, err := tokenKey(log)
	if err != nil {
		return err
	}
	s := &server{log: log}
	logins, err := newGuard(log)
	if err != nil {
		return err
	}
	s.issuer, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		AccessTTL:         accessTTL,
		Claims:            privateClaims,
		CredentialVersion: credentialVersion,
		Sessions:          memstore.New(),
		OnEvent:           s.report,
	})
	if err != nil {
		return err
	}
	s.handlers, err = jwtauth.NewHandlers(s.issuer, jwtauth.HandlerOptions{
		Authenticate: authenticate,
		Guard:        logins,
		MaxBodyBytes: maxBodyBytes,
		OnError:      s.refuse,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
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

// tokenKey returns the key in TOKEN_SECRET, or a new key if it is empty. An
// invalid key is an error: replacing it would hide a mistake in the deployment.
func tokenKey(log *slog.Logger) (jwtauth.Key, error) {
	if os.Getenv("TOKEN_SECRET") != "" {
		return jwtauth.KeyFromEnv("TOKEN_SECRET")
	}
	log.Warn("TOKEN_SECRET is not set: tokens become invalid when this process ends")
	return jwtauth.GenerateKey(jwtauth.HS256)
}

// newGuard limits the guesses at the password of one account. Clients that have
// logged in before are not affected: a browser keeps a cookie, and a program
// that sends the header Device-Token, empty at first, gets its value there.
//
// The counters are kept in memory. Several instances share a store.
func newGuard(log *slog.Logger) (*guard.Guard, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // without TOKEN_SECRET, devices are unknown after a restart
	if text := os.Getenv("TOKEN_SECRET"); text != "" {
		var err error
		if secret, err = hkdf.Key(sha256.New, []byte(text), nil, "device cookies", 32); err != nil {
			return nil, err
		}
	}
	return guard.New(guard.Options{
		Secret: secret,
		Header: "Device-Token",
		OnEvent: func(_ context.Context, e guard.Event) {
			log.Warn("guard", "event", e.Kind, "account", e.Account, "err", e.Err)
		},
	})
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

// authenticate returns the subject of a name and a password.
func authenticate(ctx context.Context, username, password string) (subject string, opts []jwtauth.LoginOption, err error) {
	// The hash of an unknown user is empty. CheckPassword then takes as long
	// as for a wrong password and returns the same error.
	u := usersByName[username]
	opts = []jwtauth.LoginOption{jwtauth.CredentialVersion(u.version)}
	return u.id, opts, jwtauth.CheckPassword(ctx, u.passwordHash, password)
}

type server struct {
	issuer   *jwtauth.Issuer
	handlers *jwtauth.Handlers
	log      *slog.Logger
}

func (s *server) routes() http.Handler {
	// jwtauth.Live(s.issuer, store, 0) instead of s.issuer would look up the
	// session at every request, so that a logout takes effect at once.
	protected := jwtauth.Verify(s.issuer, jwtauth.OnError(s.refuse))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.handlers.Login)
	mux.HandleFunc("POST /refresh", s.handlers.Refresh)
	mux.HandleFunc("POST /logout", s.handlers.Logout)
	mux.Handle("GET /dashboard", protected(http.HandlerFunc(s.dashboard)))
	return mux
}

func (s *server) dashboard(w http.ResponseWriter, r *http.Request) {
	me, err := jwtauth.ClaimsAs[claims](r.Context())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "Hello %s, welcome to dashboard", me.Username)
}

// refuse logs the reason for a refusal, and sends the client the part of it
// that is safe to show.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Info("refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
	jwtauth.WriteError(w, r, err)
}

// report logs session events. A reuse means that a refresh token was copied.
func (s *server) report(_ context.Context, e jwtauth.Event) {
	level := slog.LevelInfo
	if e.Kind == jwtauth.EventReuse {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, "session", "event", e.Kind, "reason", e.Reason, "subject", e.Subject, "id", e.SessionID)
}
