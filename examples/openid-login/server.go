package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/seed-0a072700/jwtauth"
	shared "github.com/seed-0a072700/jwtauth/examples/webapp/static"
	"github.com/seed-0a072700/jwtauth/memstore"
)

//go:embed static
var static embed.FS

type server struct {
	issuer   *jwtauth.Issuer   // of this application's tokens
	handlers *jwtauth.Handlers // begins and ends sessions
	attempts *jwtauth.Issuer   // signs the cookie of a sign-in in progress

	provider *oidc.Provider
	idTokens *oidc.IDTokenVerifier
	oauth    oauth2.Config
	client   *http.Client // for requests to the provider
	log      *slog.Logger
}

// newServer returns the whole application. It fetches the provider's metadata,
// so it fails if the provider cannot be reached or has another issuer.
func newServer(ctx context.Context, key jwtauth.Key, c config, log *slog.Logger) (http.Handler, error) {
	s := &server{client: &http.Client{Timeout: 5 * time.Second}, log: log}
	var err error
	if s.provider, err = oidc.NewProvider(oidc.ClientContext(ctx, s.client), c.issuer); err != nil {
		return nil, fmt.Errorf("OpenID provider: %w", err)
	}
	s.idTokens = s.provider.VerifierContext(oidc.ClientContext(context.Background(), s.client), &oidc.Config{ClientID: c.clientID})
	s.oauth = oauth2.Config{
		ClientID:     c.clientID,
		ClientSecret: c.clientSecret,
		Endpoint:     s.provider.Endpoint(),
		RedirectURL:  c.baseURL + "/callback",
		Scopes:       []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail},
	}
	if s.attempts, err = newAttempts(); err != nil {
		return nil, err
	}

	store := memstore.New() // several instances share sqlstore or redisstore
	s.issuer, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions:  store,
		AccessTTL: c.accessTTL,
		Claims:    privateClaims,
		Leeway:    -1, // the clock that signs is the one that verifies
		// The provider confirms the user once per session. These limits say how
		// long a session may go on after the account there has been closed.
		IdleTTL:    24 * time.Hour,
		SessionTTL: 7 * 24 * time.Hour,
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			log.Info("session", "event", e.Kind, "subject", e.Subject, "id", e.SessionID)
		},
	})
	if err != nil {
		return nil, err
	}
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{Name: "openid-login"})
	if err != nil {
		return nil, err
	}
	s.handlers, err = jwtauth.NewHandlers(s.issuer, jwtauth.HandlerOptions{
		Cookies:     cookies,
		AfterLogout: "/login?signed-out",
		OnError:     s.refuse,
	})
	if err != nil {
		return nil, err
	}
	// Live ends a signed-out session at once, not only when its access token
	// expires.
	live := jwtauth.Live(s.issuer, store, 0)
	protected := jwtauth.Verify(live, jwtauth.From(cookies.Access(), jwtauth.Bearer()), jwtauth.OnError(s.refuse))

	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.handlers.Renew(protected(http.HandlerFunc(s.accountPage))))
	mux.Handle("GET /api/me", protected(http.HandlerFunc(s.me)))
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("GET /login/start", s.startLogin)
	mux.HandleFunc("GET /callback", s.callback)
	mux.HandleFunc("POST /refresh", s.handlers.Refresh)
	mux.HandleFunc("POST /logout", s.handlers.Logout)
	mux.HandleFunc("POST /backchannel-logout", s.backchannelLogout)
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(shared.Files)))
	mux.Handle("GET /static/app.js", http.FileServerFS(static))
	return secured(mux), nil
}

// profile is the part of an ID token that this application keeps. It is the
// data of a session and the private claims of its access tokens.
type profile struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

// privateClaims is IssuerOptions.Claims. It reads the profile that the callback
// has stored with the session, so a refresh needs no provider and no database.
func privateClaims(_ context.Context, session jwtauth.Session) (any, error) {
	var p profile
	err := session.Data(&p)
	return p, err
}

// secured sets the headers that every response has. Only files of this origin
// may run or style these pages, no other page may frame them, and no cache may
// keep them.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "same-origin") // the callback's URL holds a code
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// me is the API of this application: the script of the page calls it.
func (s *server) me(w http.ResponseWriter, r *http.Request) {
	v, err := viewOf(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}
