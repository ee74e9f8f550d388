// Resource-server is a small complete server that only verifies tokens. An
// identity provider such as Auth0, Okta, Keycloak or Entra issues them.
//
//	go run ./examples/resource-server -issuer https://login.example/ -audience https://api.example
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/whoami
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/items
//
// No test runs this, because it needs your provider. The issuer of another
// example is one to try the server with. Its tokens lack the scope of /items:
//
//	go run ./examples/issuer-and-api issuer
//	go run ./examples/resource-server -issuer http://127.0.0.1:8081 -audience https://api.example
//	curl -d 'username=admin&password=password' http://127.0.0.1:8081/login
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/whoami
//
// The issuer must equal the "iss" of its tokens, including a final slash. Its
// keys are found by discovery, or at the URL in -keys. The flag -issuer may be
// given several times. /items requires the scope items:read. With -at-jwt the
// server accepts only tokens of the type at+jwt (RFC 9068).
//
// The server starts even if the provider is down. /ready responds 204 when
// tokens can be verified, for a readiness check.
//
// The server speaks plain HTTP on the loopback interface. Tokens must not cross
// a network unencrypted: put a TLS proxy in front.
package main

import (
	"context"
	"encoding/json"
	"errors"
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

const (
	readyTime    = 2 * time.Second
	shutdownTime = 15 * time.Second // longer than the timeouts of a request below
)

// config holds the flags.
type config struct {
	addr     string
	issuers  []string
	keys     string // if empty, discovery finds them
	audience string
	atJWT    bool
	cooldown time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.Func("issuer", "`URL` of an identity provider; may be given several times", func(url string) error {
		c.issuers = append(c.issuers, url)
		return nil
	})
	flag.StringVar(&c.keys, "keys", "", "`URL` of the key set (jwks_uri) of a provider without discovery")
	flag.StringVar(&c.audience, "audience", "", "`name` of this service in the aud of tokens")
	flag.BoolVar(&c.atJWT, "at-jwt", false, "accept only tokens of the type at+jwt (RFC 9068)")
	flag.DurationVar(&c.cooldown, "cooldown", 0, "minimum time between two fetches of keys (default 30s)")
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
	s, err := newServer(log, c)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second, // longer than the wait for keys
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

type server struct {
	log      *slog.Logger
	keys     []*jwtauth.RemoteKeys // one for each issuer
	verifier jwtauth.TokenVerifier
}

func newServer(log *slog.Logger, c config) (*server, error) {
	switch {
	case len(c.issuers) == 0 || c.audience == "":
		return nil, errors.New("-issuer and -audience are required")
	case c.keys != "" && len(c.issuers) != 1:
		return nil, errors.New("-keys needs exactly one -issuer")
	}
	s := &server{log: log}
	verifiers := make(map[string]jwtauth.TokenVerifier)
	for _, issuer := range c.issuers {
		if verifiers[issuer] != nil {
			return nil, fmt.Errorf("-issuer %s is given twice", issuer)
		}
		opts := jwtauth.RemoteKeysOptions{Cooldown: c.cooldown, OnFetch: s.onFetch}
		keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, opts)
		if c.keys != "" {
			keys, err = jwtauth.NewRemoteKeys(c.keys, opts)
		}
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, keys)

		rules := jwtauth.VerifierOptions{
			Issuer:      issuer,
			Audience:    []string{c.audience},
			ScopeClaims: []string{"scp"}, // some providers use it instead of "scope"
		}
		if c.atJWT {
			rules.Types = []string{"at+jwt"}
		}
		verifier, err := jwtauth.NewVerifier(keys, rules)
		if err != nil {
			return nil, err
		}
		verifiers[issuer] = verifier
	}
	var err error
	s.verifier, err = jwtauth.ByIssuer(verifiers)
	return s, err
}

// onFetch logs each fetch of keys, so that an outage of the provider is visible
// long before the keys are too old. It also logs why keys were skipped, because
// their tokens will be refused.
func (s *server) onFetch(f jwtauth.KeyFetch) {
	if f.Err != nil {
		s.log.Warn("fetching keys failed", "url", f.URL, "err", f.Err)
		return
	}
	s.log.Info("fetched keys", "url", f.URL, "keys", f.Keys)
	if len(f.Skipped) > 0 {
		s.log.Warn("skipped keys", "url", f.URL, "err", errors.Join(f.Skipped...))
	}
}

func (s *server) routes() http.Handler {
	protected := jwtauth.Verify(s.verifier, jwtauth.OnError(s.refuse))
	mayRead := jwtauth.RequireScope("items:read")

	mux := http.NewServeMux()
	mux.Handle("GET /whoami", protected(http.HandlerFunc(s.whoami)))
	mux.Handle("GET /items", protected(mayRead(http.HandlerFunc(s.items))))
	mux.HandleFunc("GET /ready", s.ready)
	return mux
}

func (s *server) whoami(w http.ResponseWriter, r *http.Request) {
	claims, _ := jwtauth.FromContext(r.Context())
	private, err := jwtauth.ClaimsAs[struct {
		ClientID string `json:"client_id"` // RFC 9068, section 2.2
	}](r.Context())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.write(w, map[string]string{"issuer": claims.Issuer, "subject": claims.Subject, "client": private.ClientID, "scope": claims.Scope})
}

func (s *server) items(w http.ResponseWriter, r *http.Request) {
	s.write(w, []string{"a first item", "a second item"})
}

func (s *server) write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.log.Warn("writing a response failed", "err", err)
	}
}

// ready reports whether tokens of every issuer can be verified.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	for _, keys := range s.keys {
		if err := keys.Ready(ctx); err != nil {
			s.refuse(w, r, fmt.Errorf("not ready: %w", err))
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// refuse logs the reason for a refusal, and sends the client the part of it
// that is safe to show.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Info("refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
	jwtauth.WriteError(w, r, err)
}
