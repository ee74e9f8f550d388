package main

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/guard"
)

//go:embed static/*.css static/*.js static/*.svg
var static embed.FS

type server struct {
	issuer *jwtauth.Issuer
	users  *users
	guard  *guard.Guard
	verify func(*http.Request) (*jwtauth.Claims, error)
	begin  func(w http.ResponseWriter, r *http.Request, subject string, opts ...jwtauth.LoginOption) error
	logout http.HandlerFunc // ends the session of the cookies and deletes them
	log    *slog.Logger
}

// newServer returns the whole application.
func newServer(key jwtauth.Key, store jwtauth.SessionStore, logins *guard.Guard, users *users, c config, log *slog.Logger) (http.Handler, error) {
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions:    store,
		AccessTTL:   c.accessTTL,
		ReuseWindow: c.reuseWindow,
		Claims:      users.privateClaims,
		Leeway:      -1, // the clock that signs is the one that verifies

		CredentialVersion: users.credentialVersion,
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			log.Info("session", "event", e.Kind, "reason", e.Reason, "subject", e.Subject, "id", e.SessionID)
		},
	})
	if err != nil {
		return nil, err
	}
	s := &server{issuer: issuer, users: users, guard: logins, log: log}

	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{
		Name:           "webapp",
		TrustedOrigins: c.trusted,
		InsecureHTTP:   c.insecureHTTP,
	})
	if err != nil {
		return nil, err
	}
	inCookies, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: users.authenticate,
		Guard:        logins,
		Cookies:      cookies,
		AfterLogin:   "/",
		AfterLogout:  "/login?signed-out",
		OnError:      s.refuse,
	})
	if err != nil {
		return nil, err
	}
	s.begin, s.logout = inCookies.BeginSession, inCookies.Logout
	inBodies, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Authenticate: users.authenticate, Guard: logins, OnError: s.refuse})
	if err != nil {
		return nil, err
	}
	proofs, err := dpop.NewVerifier(dpop.Options{
		URL:         c.url,
		AllowBearer: true,                              // for the other modes
		NonceKey:    []byte(rand.Text() + rand.Text()), // several instances need the same
	})
	if err != nil {
		return nil, err
	}
	bound, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Authenticate: users.authenticate, Guard: logins, Confirmation: proofs.Confirmation, OnError: s.refuse})
	if err != nil {
		return nil, err
	}
	// With Live, a sign-out takes effect at once on every device, and not only
	// when the access token expires.
	live := jwtauth.Live(issuer, store, 0)
	from := jwtauth.From(cookies.Access(), jwtauth.Bearer(), jwtauth.HeaderScheme("Authorization", "DPoP"))
	protected := jwtauth.Verify(live, from, jwtauth.ProofOfPossession(proofs.Check), jwtauth.OnError(s.refuse))
	s.verify = jwtauth.VerifyRequest(live, from)

	mux := http.NewServeMux()
	mux.Handle("GET /{$}", inCookies.Renew(http.HandlerFunc(s.dashboard)))
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login", inCookies.Login)
	mux.HandleFunc("POST /refresh", inCookies.Refresh)
	mux.HandleFunc("POST /logout", s.logout)
	mux.Handle("POST /devices/end", protected(http.HandlerFunc(s.endDevice)))
	mux.Handle("POST /devices/end-all", protected(http.HandlerFunc(s.endDevices)))
	mux.Handle("POST /password", protected(http.HandlerFunc(s.changePassword)))
	mux.Handle("GET /api/me", protected(http.HandlerFunc(s.me)))

	// The other modes: tokens in bodies, which a script keeps, and such tokens
	// that are bound to a key. The page is an empty shell.
	mux.HandleFunc("GET /storage", shell("storage"))
	mux.HandleFunc("POST /token/login", inBodies.Login)
	mux.HandleFunc("POST /token/refresh", inBodies.Refresh)
	mux.HandleFunc("POST /token/logout", inBodies.Logout)
	mux.HandleFunc("GET /bound", shell("bound"))
	mux.HandleFunc("POST /bound/login", bound.Login)
	mux.HandleFunc("POST /bound/refresh", bound.Refresh)
	mux.HandleFunc("POST /bound/logout", bound.Logout)

	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("GET /static/", http.FileServerFS(static))
	return cors(c.trusted, secured(proofs.Nonces(mux))), nil
}

// secured sets the headers of every response. They forbid scripts, styles and
// forms of other origins, everything inline, frames, and caching.
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

// me returns the data of the page for its script.
func (s *server) me(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	writeJSON(w, v)
}

// endDevice signs one device out.
func (s *server) endDevice(w http.ResponseWriter, r *http.Request) {
	me, _ := jwtauth.FromContext(r.Context())
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	id := r.PostFormValue("id")
	if id == me.SessionID && wantsPage(r) {
		s.logout(w, r)
		return
	}
	err := s.issuer.EndSession(r.Context(), me.Subject, id)
	switch {
	case err != nil && !errors.Is(err, jwtauth.ErrSessionEnded): // a session that has just ended is fine
		s.refuse(w, r, err)
	case wantsPage(r):
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// endDevices signs all devices out, this one included.
func (s *server) endDevices(w http.ResponseWriter, r *http.Request) {
	me, _ := jwtauth.FromContext(r.Context())
	err := s.issuer.LogoutAll(r.Context(), me.Subject)
	switch {
	case err != nil:
		s.refuse(w, r, err)
	case wantsPage(r):
		s.logout(w, r) // the session has ended, but the cookies must be deleted, too
	default:
		w.WriteHeader(http.StatusNoContent) // the script logs out next
	}
}

// refuse logs the reason for a refusal and responds with a page to browsers and
// with JSON to scripts and programs.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Info("refused", "method", r.Method, "route", r.Pattern, "err", err)
	if wantsPage(r) {
		s.refusePage(w, r, err)
		return
	}
	jwtauth.WriteError(w, r, err)
}

// wantsPage reports whether the browser itself sent the request, and not a
// script or a program. Then the response must be a page.
func wantsPage(r *http.Request) bool {
	if r.Method == http.MethodPost {
		mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		return mediaType == "application/x-www-form-urlencoded" && r.Header.Get("X-Script") == "" && r.Header.Get("Authorization") == ""
	}
	return r.Pattern == "GET /{$}"
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}

// view is the data of a page and of its script.
type view struct {
	Username  string   `json:"username"`
	ExpiresIn int64    `json:"expires_in"` // seconds, of the access token
	Devices   []device `json:"devices"`
}

type device struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Since   time.Time `json:"since"`
	Current bool      `json:"current"` // the device that sent the request
}

func (s *server) view(r *http.Request) (view, error) {
	me, _ := jwtauth.FromContext(r.Context())
	private, err := jwtauth.ClaimsAs[claims](r.Context())
	if err != nil {
		return view{}, err
	}
	sessions, err := s.issuer.Sessions(r.Context(), me.Subject)
	if err != nil {
		return view{}, err
	}
	v := view{Username: private.Username, ExpiresIn: int64(time.Until(me.ExpiresAt).Seconds()), Devices: []device{}}
	for _, session := range sessions {
		v.Devices = append(v.Devices, device{session.ID, deviceName(session.Label), session.CreatedAt, session.ID == me.SessionID})
	}
	return v, nil
}
