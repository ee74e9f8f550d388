package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/seed-0a072700/jwtauth"
)

// apiService serves clients that have a token of the issuer.
type apiService struct {
	log      *slog.Logger
	verifier *jwtauth.Verifier
}

func newAPI(log *slog.Logger, issuer string, opts jwtauth.RemoteKeysOptions) (*apiService, error) {
	opts.Algorithms = []jwtauth.Algorithm{jwtauth.ES256}
	opts.OnFetch = func(f jwtauth.KeyFetch) {
		log.Info("fetched keys", "url", f.URL, "keys", f.Keys, "err", errors.Join(append(f.Skipped, f.Err)...))
	}
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, opts)
	if err != nil {
		return nil, err
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: issuer, Audience: []string{audience}})
	if err != nil {
		return nil, err
	}
	return &apiService{log: log, verifier: verifier}, nil
}

func (s *apiService) routes() http.Handler {
	protected := jwtauth.Verify(s.verifier, jwtauth.OnError(s.refuse))
	mux := http.NewServeMux()
	mux.Handle("GET /hello", protected(http.HandlerFunc(s.hello)))
	return mux
}

func (s *apiService) hello(w http.ResponseWriter, r *http.Request) {
	claims, _ := jwtauth.FromContext(r.Context())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "Hello user %s", claims.Subject)
}

// refuse logs the reason for a refusal, and sends the client the part of it
// that is safe to show.
func (s *apiService) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Info("refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
	jwtauth.WriteError(w, r, err)
}
