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

	// publishTime is how long the next key is published before it signs: others may keep the set from before for 5
	// minutes, by its Cache-Control, and have it from a shared cache that kept it as long.
	publishTime = 10 * time.Minute
	// acceptTime is how long the old key is accepted after it signed for the last time: as long as a token
	// lives, and what the clocks of others may differ by.
	acceptTime = accessTTL + time.Minute
)

// issuerService logs users in.
type issuerService struct {
	log     *slog.Logger
	url     string
	publish time.Duration // publishTime and acceptTime, unless a trial wants others
	accept  time.Duration
	issuer  *jwtauth.Issuer
	key     jwtauth.Key // that signs; only rotateAt uses it after the start
	login   *jwtauth.Handlers
}

func newIssuer(log *slog.Logger, url string) (*issuerService, error) {
	key, err := signingKey(log)
	if err != nil {
		return nil, err
	}
	// With a key of their own, refresh tokens do not mind that the signing key changes.
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
			err = fmt.Errorf("SIGNING_KEY is a key for %s; the api takes ES256 alone", key.Algorithm())
		}
		return key, err
	}
	log.Warn("SIGNING_KEY is not set: the key is generated, and tokens end with the process")
	return jwtauth.GenerateKey(jwtauth.ES256)
}

// users would be a table of a database. The password is "password".
var users = map[string]struct{ id, passwordHash string }{
	"admin": {"1", "$2b$12$VzvUHQyDku8f0ZpxBTMiL.SAL.YGNnoUsLslLtyTQxXIixJ4X0yGe"},
}

func authenticate(ctx context.Context, username, password string) (string, error) {
	user := users[username] // the zero value when unknown: CheckPassword still takes its full time
	return user.id, jwtauth.CheckPassword(ctx, user.passwordHash, password)
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

// metadata tells others where the keys are (RFC 8414).
func (s *issuerService) metadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	err := json.NewEncoder(w).Encode(map[string]any{
		"issuer":                   s.url,
		"jwks_uri":                 s.url + "/.well-known/jwks.json",
		"response_types_supported": []string{}, // required, though there is no OAuth here
	})
	if err != nil {
		s.log.Warn("writing an answer", "err", err)
	}
}

// rotateAt changes the signing key at each signal, one after the other, until ctx ends.
func (s *issuerService) rotateAt(ctx context.Context, hangup <-chan os.Signal, wait func(context.Context, time.Duration) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangup:
		}
		if err := s.rotate(ctx, wait); err != nil && ctx.Err() == nil {
			s.log.Error("changing the key failed: the one before stays", "err", err)
		}
	}
}

// rotate changes the signing key in three steps, with time for others between them.
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

// wait waits for d, or returns why not.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
