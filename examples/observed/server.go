package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/memstore"
)

type server struct {
	telemetry *telemetry
	store     jwtauth.SessionStore
	issuer    *jwtauth.Issuer
	handlers  *jwtauth.Handlers
	provider  *jwtauth.Verifier // of the identity provider's tokens, or nil
}

func newServer(log *slog.Logger, c config) (*server, error) {
	t, err := newTelemetry(log)
	if err != nil {
		return nil, err
	}
	s := &server{telemetry: t, store: memstore.New()}
	if err := s.useSessions(); err != nil {
		return nil, err
	}
	if c.issuer != "" || c.keys != "" || c.audience != "" {
		if s.provider, err = newProvider(t, c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// useSessions sets up logins and sessions.
func (s *server) useSessions() error {
	key, err := tokenKey(s.telemetry.log)
	if err != nil {
		return err
	}
	// The figures of a Hasher need one of its own, used for all passwords.
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{})
	if err != nil {
		return err
	}
	s.telemetry.ObserveHasher(hasher)

	// A service loads this secret, so that devices stay known after a restart.
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	logins, err := guard.New(guard.Options{Secret: secret, OnEvent: s.telemetry.onGuardEvent})
	if err != nil {
		return err
	}
	s.issuer, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions: s.store,
		OnVerify: s.telemetry.OnVerify,
		OnEvent:  s.telemetry.onEvent,
	})
	if err != nil {
		return err
	}
	s.handlers, err = jwtauth.NewHandlers(s.issuer, jwtauth.HandlerOptions{
		Authenticate: users{hasher}.authenticate,
		Guard:        logins,
		OnError:      s.telemetry.OnError(s.telemetry.refuse),
	})
	return err
}

// newProvider returns a verifier for the tokens of an identity provider.
func newProvider(t *telemetry, c config) (*jwtauth.Verifier, error) {
	if c.issuer == "" || c.audience == "" {
		return nil, errors.New("-issuer and -audience are required for an identity provider")
	}
	opts := jwtauth.RemoteKeysOptions{Cooldown: c.cooldown, OnFetch: t.onFetch("provider")}
	keys, err := jwtauth.NewRemoteKeysFromIssuer(c.issuer, opts)
	if c.keys != "" {
		keys, err = jwtauth.NewRemoteKeys(c.keys, opts)
	}
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   c.issuer,
		Audience: []string{c.audience},
		OnVerify: t.OnVerify,
	})
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

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.handlers.Login)
	mux.HandleFunc("POST /refresh", s.handlers.Refresh)
	mux.HandleFunc("POST /logout", s.handlers.Logout)
	mux.Handle("GET /dashboard", s.protect(http.HandlerFunc(greet)))
	if s.provider != nil {
		protected := jwtauth.Verify(s.provider, s.onError())
		mayRead := jwtauth.RequireScope("reports")
		mux.Handle("GET /reports", protected(mayRead(http.HandlerFunc(greet))))
	}
	mux.Handle("GET /metrics", s.telemetry.metrics)
	return mux
}

// protect is for pages that need a session. Live looks it up at every request,
// so that its end takes effect at once.
func (s *server) protect(next http.Handler) http.Handler {
	return jwtauth.Verify(jwtauth.Live(s.issuer, s.store, 0), s.onError())(next)
}

// onError counts refusals, logs them and responds.
func (s *server) onError() jwtauth.VerifyOption {
	return jwtauth.OnError(s.telemetry.OnError(s.telemetry.refuse))
}

func greet(w http.ResponseWriter, r *http.Request) {
	claims, _ := jwtauth.FromContext(r.Context()) // always set behind Verify
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "Hello %s", claims.Subject)
}
