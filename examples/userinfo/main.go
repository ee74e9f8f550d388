// Userinfo is a small complete server whose tokens carry data of the client.
// The client sends a string, and the server returns it to every holder of the
// token.
//
//	export TOKEN_SECRET=$(openssl rand -base64 32)
//	go run ./examples/userinfo
//	curl -H 'Content-Type: application/json' -d '{"my_string":"hello"}' http://127.0.0.1:8080/api/someAction
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/api/userInfo
//
// The environment variable TOKEN_SECRET holds the key that signs the tokens, in
// the forms of [jwtauth.KeyFromEnv]. Servers with the same key accept each
// other's tokens. With -tutorial-codes the response is 404 to a missing token
// and 403 to a bad one, as in some tutorials, instead of 401 with a challenge
// (RFC 6750, section 3).
//
// The server speaks plain HTTP on the loopback interface. Tokens must not cross
// a network unencrypted: put a TLS proxy in front.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	accessTTL      = 300 * time.Second
	maxStringBytes = 256 // a token is sent with every request: keep it small
	maxBodyBytes   = 4 << 10
	shutdownTime   = 15 * time.Second // longer than the timeouts of a request below
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	tutorialCodes := flag.Bool("tutorial-codes", false, "respond 404 without a token and 403 to a bad one")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, log, *addr, *tutorialCodes); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then waits for the running requests.
func run(ctx context.Context, log *slog.Logger, addr string, tutorialCodes bool) error {
	key, err := jwtauth.KeyFromEnv("TOKEN_SECRET")
	if err != nil {
		return err
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{AccessTTL: accessTTL})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           (&server{issuer: issuer, log: log, tutorialCodes: tutorialCodes}).routes(),
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

type server struct {
	issuer        *jwtauth.Issuer
	log           *slog.Logger
	tutorialCodes bool
}

func (s *server) routes() http.Handler {
	protected := jwtauth.Verify(s.issuer, jwtauth.OnError(s.refuse))

	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/someAction", s.someAction)
	mux.Handle("GET /api/userInfo", protected(http.HandlerFunc(s.userInfo)))
	return mux
}

// info is the body of the request, the private claims of the token, and the
// body of the response. Every holder of the token can read it without a key.
type info struct {
	MyString string `json:"my_string"`
}

// someAction responds with a token that carries the string. There is no login,
// so everyone gets one. It only proves that this server signed it.
func (s *server) someAction(w http.ResponseWriter, r *http.Request) {
	var body info
	err := readJSON(w, r, &body)
	if err == nil && (body.MyString == "" || len(body.MyString) > maxStringBytes) {
		err = errBody
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	token, err := s.issuer.Sign("guest", body)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	jwtauth.WriteTokens(w, jwtauth.Tokens{
		AccessToken: token,
		TokenType:   "Bearer",
		ExpiresIn:   int(accessTTL / time.Second),
	})
}

func (s *server) userInfo(w http.ResponseWriter, r *http.Request) {
	carried, err := jwtauth.ClaimsAs[info](r.Context())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(carried) // fails only if the client is gone
}

// refuse logs the reason for a refusal, and sends the client the part of it
// that is safe to show.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Info("refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
	w.Header().Set("Cache-Control", "no-store") // a cached 404 would also hit requests with a token
	switch {
	case errors.Is(err, errBody):
		http.Error(w, errBody.Error(), http.StatusBadRequest)
	case s.tutorialCodes && errors.Is(err, jwtauth.ErrTokenMissing):
		http.Error(w, "no token", http.StatusNotFound)
	case s.tutorialCodes && (errors.Is(err, jwtauth.ErrTokenInvalid) || errors.Is(err, jwtauth.ErrInvalidRequest)):
		http.Error(w, "bad token", http.StatusForbidden)
	default: // for example an outage, which does not make a token bad
		jwtauth.WriteError(w, r, err)
	}
}

var errBody = errors.New(`the body must be one JSON object: {"my_string": "1 to 256 bytes"}`)

// readJSON decodes the body into dst. The body must be exactly one JSON value.
func readJSON(w http.ResponseWriter, r *http.Request, dst any) error {
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
