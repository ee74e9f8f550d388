package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"html/template"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/seed-0a072700/jwtauth"
	shared "github.com/seed-0a072700/jwtauth/examples/webapp/static"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/stream"
)

//go:embed static pages
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages/*.html"))

type server struct {
	handler http.Handler
	room    *room
	until   func(context.Context, *jwtauth.Claims) (context.Context, context.CancelFunc)
	log     *slog.Logger

	closing context.Context // ends when the server shuts down
	close   context.CancelFunc
	open    sync.WaitGroup // the connections
}

// newServer returns the whole application.
func newServer(key jwtauth.Key, users *users, c config, log *slog.Logger) (*server, error) {
	logins, err := newGuard(log)
	if err != nil {
		return nil, err
	}
	store := memstore.New() // several instances share sqlstore or redisstore
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions:          store,
		AccessTTL:         c.accessTTL,
		Claims:            users.privateClaims,
		CredentialVersion: users.credentialVersion,
		Leeway:            -1, // the clock that signs is the one that verifies
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			log.Info("session", "event", e.Kind, "reason", e.Reason, "subject", e.Subject, "id", e.SessionID)
		},
	})
	if err != nil {
		return nil, err
	}
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{Name: "realtime"})
	if err != nil {
		return nil, err
	}
	s := &server{room: newRoom(), until: stream.UntilLogout(store, c.maxDelay), log: log}
	s.closing, s.close = context.WithCancel(context.Background())
	inCookies, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: users.authenticate, Guard: logins, Cookies: cookies, AfterLogin: "/", AfterLogout: "/login?signed-out", OnError: s.refuse,
	})
	if err != nil {
		return nil, err
	}
	inBodies, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Authenticate: users.authenticate, Guard: logins, OnError: s.refuse})
	if err != nil {
		return nil, err
	}

	// A handshake has its token in a cookie or among its subprotocols. Other
	// requests have it in a cookie or a header. The cookies of a handshake that
	// another site makes are refused.
	tokens := stream.TokenAfter("bearer")
	live := jwtauth.Live(issuer, store, 0)
	protected := jwtauth.Verify(live, jwtauth.From(cookies.Access(), tokens.Source(), jwtauth.Bearer()), jwtauth.OnError(s.refuse))

	mux := http.NewServeMux()
	mux.Handle("GET /{$}", inCookies.Renew(protected(http.HandlerFunc(s.roomPage))))
	mux.HandleFunc("GET /tokens", s.tokensPage)
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login", inCookies.Login)
	mux.HandleFunc("POST /refresh", inCookies.Refresh)
	mux.HandleFunc("POST /logout", inCookies.Logout)
	mux.HandleFunc("POST /token/login", inBodies.Login)
	mux.HandleFunc("POST /token/refresh", inBodies.Refresh)
	mux.HandleFunc("POST /token/logout", inBodies.Logout)
	mux.Handle("GET /socket", tokens.Extract(protected(http.HandlerFunc(s.socket))))
	mux.Handle("GET /events", protected(http.HandlerFunc(s.events)))
	mux.Handle("GET /api/me", protected(http.HandlerFunc(s.me)))
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(shared.Files)))
	mux.Handle("GET /static/app.js", http.FileServerFS(files))
	mux.Handle("GET /static/connections.js", http.FileServerFS(files))
	s.handler = secured(mux)
	return s, nil
}

// wait waits until the connections have ended, after close.
func (s *server) wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() { s.open.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// secured sets the headers of every response. They forbid scripts, styles and
// connections of other origins, everything inline, frames, and caching.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// username returns the name in the token of a verified request.
func username(r *http.Request) string {
	private, err := jwtauth.ClaimsAs[claims](r.Context())
	if err != nil {
		return "someone" // a token of an older version of this service
	}
	return private.Username
}

// me is the API of this application: the script of the page calls it.
func (s *server) me(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]string{"name": username(r)}); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}

// page is the data of a template.
type page struct {
	Title     string
	Mode      string // "cookies" or "tokens"
	Notice    string // shown at the top
	Problem   string // a notice about a failure
	Name      string // of the user
	ExpiresIn int64  // seconds, of the access token
}

func writePage(w http.ResponseWriter, status int, name string, p page) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, p); err != nil {
		panic(err) // a bug in the template
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}

func (s *server) roomPage(w http.ResponseWriter, r *http.Request) {
	me, _ := jwtauth.FromContext(r.Context())
	left := int64(max(0, time.Until(me.ExpiresAt)).Seconds())
	writePage(w, http.StatusOK, "room.html", page{Title: "Room", Mode: "cookies", Name: username(r), ExpiresIn: left})
}

// tokensPage is an empty page. A script with its own token fills it.
func (s *server) tokensPage(w http.ResponseWriter, _ *http.Request) {
	writePage(w, http.StatusOK, "room.html", page{Title: "Room", Mode: "tokens"})
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request) {
	p := page{Title: "Sign in"}
	switch query := r.URL.Query(); {
	case query.Has("signed-out"):
		p.Notice = "You are signed out."
	case query.Has("ended"):
		p.Problem = "Your session has ended. Please sign in again."
	}
	writePage(w, http.StatusOK, "login.html", p)
}

// loginMessages are the texts of the login page, by the code of the problem.
var loginMessages = map[string]string{
	"login_failed":      "That user name and password do not match. Please try again.",
	"too_many_attempts": "Too many wrong passwords were entered for this user name. Please try again later.",
	"body_invalid":      "Please enter a user name and a password.",
	"busy":              "The service is busy. Please try again in a moment.",
	"unavailable":       "The service cannot do that at the moment. Please try again in a moment.",
}

// refuse logs a refusal. It responds to people with a page and to programs with
// jwtauth.WriteError.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Info("refused", "method", r.Method, "route", r.Pattern, "err", err)
	problem := jwtauth.ProblemOf(err)
	isForm := r.Header.Get("Content-Type") == "application/x-www-form-urlencoded"
	switch {
	case r.Pattern == "GET /{$}" && problem.Status == http.StatusUnauthorized:
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	case r.Pattern == "GET /{$}" || r.Pattern == "POST /login" && isForm:
		maps.Copy(w.Header(), problem.Header)
		text, ok := loginMessages[problem.Code]
		if !ok {
			text = problem.Detail
		}
		writePage(w, problem.Status, "login.html", page{Title: "Sign in", Problem: text})
	default:
		jwtauth.WriteError(w, r, err)
	}
}
