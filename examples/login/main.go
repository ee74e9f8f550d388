// Login is a small complete server: a user logs in with a password, gets a
// token, and shows it to read a protected page.
//
//	go run ./examples/login
//	curl -H 'Content-Type: application/json' -d '{"username":"admin","password":"password"}' http://127.0.0.1:8080/login
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/dashboard
//
// The environment variable TOKEN_SECRET holds the key of the tokens, as
// [jwtauth.KeyFromEnv] reads it; without one, tokens end with the process.
//
// The server speaks plain HTTP on the loopback interface. Passwords and tokens
// must not cross a network like that: put a proxy that speaks TLS in front.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	tokenLife    = time.Hour
	maxBodyBytes = 4 << 10
	shutdownTime = 15 * time.Second // longer than any request takes, by the timeouts below
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

// run serves until ctx ends, then lets the requests under way end.
func run(ctx context.Context, log *slog.Logger, addr string) error {
	key, err := tokenKey(log)
	if err != nil {
		return err
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		AccessTTL: tokenLife,
		Claims:    privateClaims,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           (&server{issuer: issuer, log: log}).routes(),
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

// tokenKey returns the key in TOKEN_SECRET, or a new one where that is empty. A
// text that cannot be a key is an error rather than replaced: somebody meant it.
func tokenKey(log *slog.Logger) (jwtauth.Key, error) {
	if os.Getenv("TOKEN_SECRET") != "" {
		return jwtauth.KeyFromEnv("TOKEN_SECRET")
	}
	log.Warn("TOKEN_SECRET is not set: the key is generated, and tokens end with the process")
	return jwtauth.GenerateKey(jwtauth.HS256)
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

// claims are the private claims of a token. Whoever holds the token can read them.
type claims struct {
	Username string `json:"username"`
}

func privateClaims(_ context.Context, subject string) (any, error) {
	u, ok := usersByID[subject]
	if !ok {
		return nil, jwtauth.ErrSubjectDisabled
	}
	return claims{Username: u.name}, nil
}

type server struct {
	issuer *jwtauth.Issuer
	log    *slog.Logger
}

func (s *server) routes() http.Handler {
	protected := jwtauth.Verify(s.issuer, jwtauth.OnError(s.refuse))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.login)
	mux.Handle("GET /dashboard", protected(http.HandlerFunc(s.dashboard)))
	return mux
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	if err := readJSON(w, r, &body); err != nil {
		s.refuse(w, r, err)
		return
	}
	// An unknown user's hash is empty. CheckPassword then takes as long as
	// for a wrong password, and the answer is the same too.
	u := usersByName[body.Username]
	ctx := jwtauth.WithClient(r.Context(), clientOf(r))
	if err := jwtauth.CheckPassword(ctx, u.passwordHash, body.Password); err != nil {
		s.refuse(w, r, err)
		return
	}
	tokens, err := s.issuer.Login(ctx, u.id)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	jwtauth.WriteTokens(w, tokens)
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

// refuse logs why a request is refused, and tells the client what it may know of that.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Info("refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
	if errors.Is(err, errBody) {
		http.Error(w, errBody.Error(), http.StatusBadRequest)
		return
	}
	jwtauth.WriteError(w, r, err)
}

// errBody does not say what the JSON decoder found: that may be a piece of a password.
var errBody = errors.New(`the body must be one JSON object: {"username": "…", "password": "…"}`)

// readJSON stores in dst the one JSON value that the body must be.
func readJSON(w http.ResponseWriter, r *http.Request, dst any) error {
	// A form on another site can send JSON too, but not under its own media type.
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return jwtauth.ErrMediaType
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	dec.DisallowUnknownFields()
	if err = dec.Decode(dst); err == nil {
		if _, err = dec.Token(); err == io.EOF {
			return nil
		}
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return jwtauth.ErrBodyTooLarge
	}
	return errBody
}

// clientOf names the client to the queue of password checks, in which clients
// take turns: by the peer's address, of an IPv6 one the /64, since a single host has that
// many. Behind a proxy it has to be the address that the proxy vouches for, or all clients are one.
func clientOf(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	addr := peer.Addr().Unmap()
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	network, _ := addr.Prefix(bits) // fails for no address of that length
	return network.String()
}
