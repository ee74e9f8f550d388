package main

import (
	"context"
	"embed"
	"log/slog"
	"net/http"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/seed-0a072700/jwtauth"
	shared "github.com/seed-0a072700/jwtauth/examples/webapp/static"
	"github.com/seed-0a072700/jwtauth/memstore"
)

//go:embed static
var static embed.FS

type server struct {
	handlers   *jwtauth.Handlers
	web        *webauthn.WebAuthn
	users      *users
	ceremonies *ceremonies
	log        *slog.Logger
}

// newServer returns the whole application.
func newServer(key jwtauth.Key, users *users, check passwordCheck, c config, log *slog.Logger) (http.Handler, error) {
	s := &server{users: users, ceremonies: newCeremonies(), log: log}
	var err error
	if s.web, err = newWebAuthn(c.baseURL); err != nil {
		return nil, err
	}
	store := memstore.New() // several instances share sqlstore or redisstore
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions:          store,
		AccessTTL:         c.accessTTL,
		Claims:            s.users.claims,
		CredentialVersion: s.users.credentialVersion,
		Leeway:            -1, // the clock that signs is the one that verifies
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			log.Info("session", "event", e.Kind, "subject", e.Subject, "id", e.SessionID)
		},
	})
	if err != nil {
		return nil, err
	}
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{Name: "passkey"})
	if err != nil {
		return nil, err
	}
	s.handlers, err = jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: s.users.authenticate(check),
		Cookies:      cookies,
		AfterLogin:   "/",
		AfterLogout:  "/login?signed-out",
		OnError:      s.refuse,
	})
	if err != nil {
		return nil, err
	}
	// Live ends a signed-out session at once, not only when its access token
	// expires. It also refuses the access tokens from before a step-up.
	live := jwtauth.Live(issuer, store, 0)
	protected := jwtauth.Verify(live, jwtauth.From(cookies.Access(), jwtauth.Bearer()), jwtauth.OnError(s.refuse))
	withPasskey := jwtauth.RequireFresh(c.fresh, acrPasskey)
	mayAdd := s.mayAdd(c.fresh)
	// Verify and the handlers refuse the requests of other sites' pages. The
	// endpoints that need no session are protected here.
	ownPages := http.NewCrossOriginProtection()
	ownPages.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, jwtauth.ErrCrossSite)
	}))

	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.handlers.Renew(protected(http.HandlerFunc(s.accountPage))))
	mux.Handle("GET /api/me", protected(http.HandlerFunc(s.me)))
	mux.Handle("GET /api/codes", protected(withPasskey(http.HandlerFunc(s.codes))))

	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login", s.handlers.Login)
	mux.HandleFunc("POST /refresh", s.handlers.Refresh)
	mux.HandleFunc("POST /logout", s.handlers.Logout)

	mux.Handle("POST /passkey/sign-in/begin", ownPages.Handler(s.beginUse(toSignIn)))
	mux.Handle("POST /passkey/sign-in/finish", ownPages.Handler(http.HandlerFunc(s.signIn)))
	mux.Handle("POST /passkey/step-up/begin", protected(s.beginUse(toStepUp)))
	mux.Handle("POST /passkey/step-up/finish", protected(http.HandlerFunc(s.stepUp)))
	mux.Handle("POST /passkey/add/begin", protected(mayAdd(s.beginAdd)))
	mux.Handle("POST /passkey/add/finish", protected(mayAdd(s.add)))

	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(shared.Files)))
	mux.Handle("GET /static/app.js", http.FileServerFS(static))
	return secured(mux), nil
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
		h.Set("Permissions-Policy", "publickey-credentials-create=(self), publickey-credentials-get=(self)")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// me is the API of this application: the script of the page calls it.
func (s *server) me(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	writeJSON(w, v)
}

// codes is the action that needs a passkey. With these codes the account can be
// recovered, and so taken over.
func (s *server) codes(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string][]string{"codes": {"4711-0815", "1234-5678"}}) // the same for everyone: this is a demonstration
}
