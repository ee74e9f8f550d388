package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

const (
	accessTTL = 10 * time.Minute

	// publishTime is the time between publishing the next key and signing with
	// it. Verifiers may keep the old set for 5 minutes, its Cache-Control, and
	// a shared cache may have kept it for 5 minutes before.
	publishTime = 10 * time.Minute
	// acceptTime is the time that the old key is accepted after its last
	// signature: the lifetime of a token, and a minute for clock skew.
	acceptTime = accessTTL + time.Minute
)

// issuerService logs users in and signs their tokens.
type issuerService struct {
	log     *slog.Logger
	url     string
	publish time.Duration // publishTime, except in a demonstration
	accept  time.Duration // acceptTime, except in a demonstration
	issuer  *jwtauth.Issuer
	key     jwtauth.Key // the signing key; only rotateAt uses it after the start
	login   *jwtauth.Handlers
}

func newIssuer(log *slog.Logger, url string) (*issuerService, error) {
	key, err := signingKey(log)
	if err != nil {
		return nil, err
	}
	// Refresh tokens have their own key, so a new signing key does not affect
	// them.
	refreshKey, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		return nil, err
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer:      url,
		Audience:    []string{audience},
		AccessTTL:   accessTTL,
		Sessions:    memstore.New(),
		RefreshKeys: []jwtauth.Key{refreshKey},

		CredentialVersion: credentialVersion,
	})
	if err != nil {
		return nil, err
	}
	login, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Authenticate: authenticate})
	if err != nil {
		return nil, err
	}
	return &issuerService{log: log, url: url, publish: publishTime, accept: acceptTime, issuer: issuer, key: key, login: login}, nil
}

func signingKey(log *slog.Logger) (jwtauth.Key, error) {
	if os.Getenv("SIGNING_KEY") != "" {
		key, err := jwtauth.KeyFromEnv("SIGNING_KEY")
		if err == nil && key.Algorithm() != jwtauth.ES256 {
			err = fmt.Errorf("SIGNING_KEY is a key for %s; the api accepts only ES256", key.Algorithm())
		}
		return key, err
	}
	log.Warn("SIGNING_KEY is not set: tokens become invalid when this process ends")
	return jwtauth.GenerateKey(jwtauth.ES256)
}

// user is a row of a table in a real service. A statement that changes the
// password also raises the version.
type user struct{ id, passwordHash, version string }

// users is the table. The password is "password".
var users = map[string]user{
	"admin": {id: "1", passwordHash: "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe", version: "1"},
}

func authenticate(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
	u := users[username] // for an unknown user the hash is empty: CheckPassword takes as long
	return u.id, []jwtauth.LoginOption{jwtauth.CredentialVersion(u.version)}, jwtauth.CheckPassword(ctx, u.passwordHash, password)
}

// credentialVersion ends logins and sessions with a password that has changed
// since, at the latest at their next refresh.
func credentialVersion(_ context.Context, subject string) (string, error) {
	for _, u := range users {
		if u.id == subject {
			return u.version, nil
		}
	}
	return "", jwtauth.ErrSubjectDisabled
}

func (s *issuerService) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.login.Login)
	mux.HandleFunc("POST /refresh", s.login.Refresh)
	mux.HandleFunc("POST /logout", s.login.Logout)
	mux.Handle("GET /.well-known/jwks.json", s.issuer.JWKS())
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.metadata)
	return mux
}

// metadata publishes the URL of the keys (RFC 8414).
func (s *issuerService) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	err := json.NewEncoder(w).Encode(map[string]any{
		"issuer":                   s.url,
		"jwks_uri":                 s.url + "/.well-known/jwks.json",
		"response_types_supported": []string{}, // required, although there is no OAuth here
	})
	if err != nil {
		s.log.Warn("writing a response failed", "err", err)
	}
}

// rotateAt rotates the signing key at each signal until ctx ends.
func (s *issuerService) rotateAt(ctx context.Context, hangup <-chan os.Signal, wait func(context.Context, time.Duration) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		if err := s.rotate(ctx, wait); err != nil && ctx.Err() == nil {
			s.log.Error("key rotation failed: the old key stays", "err", err)
		}
	}
}

// rotate replaces the signing key in three steps. It waits between them until
// verifiers have the new set.
func (s *issuerService) rotate(ctx context.Context, wait func(context.Context, time.Duration) error) error {
	old := s.key
	next, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		return err
	}
	if err := s.issuer.SetKeys(old, next); err != nil {
		return err
	}
	s.log.Info("next key published", "kid", next.ID())
	if err := wait(ctx, s.publish); err != nil {
		return err
	}
	if err := s.issuer.SetKeys(next, old); err != nil {
		return err
	}
	s.key = next
	s.log.Info("next key signs", "kid", next.ID())
	if err := wait(ctx, s.accept); err != nil {
		return err
	}
	if err := s.issuer.SetKeys(next); err != nil {
		return err
	}
	s.log.Info("old key withdrawn", "kid", old.ID())
	return nil
}

// wait waits for d. It returns an error if ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
