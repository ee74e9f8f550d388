package main

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/seed-0a072700/jwtauth"
	shared "github.com/seed-0a072700/jwtauth/examples/webapp/static"
	"github.com/seed-0a072700/jwtauth/guard"
	"github.com/seed-0a072700/jwtauth/memstore"
)

//go:embed static
var static embed.FS

// acrLink is the authentication context of sessions that a link has begun. It
// is a name of this application. RequireFresh with another name, such as "phr"
// for a passkey, never accepts it.
const acrLink = "email-link"

type server struct {
	issuer   *jwtauth.Issuer
	handlers *jwtauth.Handlers
	users    *users
	links    *links
	guard    *guard.Guard
	send     mailer
	baseURL  string
	log      *slog.Logger
}

// newServer returns the whole application.
func newServer(key jwtauth.Key, send mailer, c config, log *slog.Logger) (http.Handler, error) {
	logins, err := newGuard(log)
	if err != nil {
		return nil, err
	}
	s := &server{users: newUsers(), links: newLinks(c.linkTTL, time.Now), guard: logins, send: send, baseURL: c.baseURL, log: log}
	store := memstore.New() // several instances share sqlstore or redisstore
	s.issuer, err = jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Sessions:  store,
		AccessTTL: c.accessTTL,
		Claims:    s.users.claims,
		Leeway:    -1, // the clock that signs is the one that verifies
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			log.Info("session", "event", e.Kind, "subject", e.Subject, "id", e.SessionID)
		},
	})
	if err != nil {
		return nil, err
	}
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{Name: "magic-link"})
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
	// Verify and the handlers refuse the forms of other sites. The forms that
	// need no session are protected here.
	ownForms := http.NewCrossOriginProtection()
	ownForms.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, jwtauth.ErrCrossSite)
	}))

	mux := http.NewServeMux()
	mux.Handle("GET /{$}", s.handlers.Renew(protected(http.HandlerFunc(s.accountPage))))
	mux.Handle("GET /api/me", protected(http.HandlerFunc(s.me)))
	mux.Handle("POST /account/delete", protected(http.HandlerFunc(s.deleteAccount)))
	mux.HandleFunc("GET /login", s.loginPage)
	mux.Handle("POST /login", ownForms.Handler(http.HandlerFunc(s.sendLink)))
	mux.HandleFunc("GET /login/sent", s.sentPage)
	mux.HandleFunc("GET /link", s.linkPage)
	mux.Handle("POST /link", ownForms.Handler(http.HandlerFunc(s.useLink)))
	mux.HandleFunc("POST /refresh", s.handlers.Refresh)
	mux.HandleFunc("POST /logout", s.handlers.Logout)
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
		h.Set("Referrer-Policy", "same-origin") // the URL of a link holds its secret
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// browserCookie binds a link to the browser in which it was requested. Someone
// else who gets hold of the link cannot use it, and neither can a mail scanner,
// even one that presses buttons. It is SameSite=Lax, because a link in a web
// mail comes from another site.
const browserCookie = "__Host-magic-link-browser"

// newGuard limits the mails to one address: each mail counts as a failed
// attempt (errSent). A browser that has
// used a link has a limit of its own, so strangers cannot keep the owner of an
// address from signing in.
func newGuard(log *slog.Logger) (*guard.Guard, error) {
	return guard.New(guard.Options{
		Secret:     []byte(rand.Text() + rand.Text()), // several instances need the same, and a shared store
		CookieName: "magic-link-device",
		OnEvent: func(_ context.Context, e guard.Event) {
			log.Warn("guard", "event", e.Kind, "err", e.Err)
		},
	})
}

// errSent is reported to the guard for a mail that was sent.
var errSent = errors.New("a mail was sent")

// sendLink is the form of the login page. Its response is the same for every
// address, so it does not reveal who has an account.
func (s *server) sendLink(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	email, err := normalEmail(r.PostFormValue("email"))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	browser := browserOf(r)
	if browser == "" {
		browser = rand.Text()
	}
	// Behind a proxy, PeerAddress is the proxy: use the address that it
	// reports.
	ctx, err := s.guard.Allow(r, email)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	secret, err := s.links.add(email, browser, jwtauth.PeerAddress(r))
	if err == nil {
		err = s.send(r.Context(), email, s.baseURL+"/link?"+url.Values{"secret": {secret}}.Encode())
	}
	if err != nil {
		s.guard.Report(w, r.WithContext(ctx), email, jwtauth.ErrUnavailable) // no mail was sent
		s.refuse(w, r, err)
		return
	}
	s.guard.Report(w, r.WithContext(ctx), email, errSent)
	setBrowser(w, browser, int(s.links.ttl/time.Second))
	http.Redirect(w, r, "/login/sent", http.StatusSeeOther)
}

// useLink is the form of the page that a link opens. It consumes the link. The
// GET request before it does not, because programs that scan mail open every
// link.
func (s *server) useLink(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	email, err := s.links.take(r.PostFormValue("secret"), browserOf(r))
	if err == nil {
		err = s.guard.Trust(w, r, email)
	}
	if err == nil {
		err = s.handlers.BeginSession(w, r, s.users.enter(email), jwtauth.AuthenticatedBy(acrLink))
	}
	if err != nil { // if the session store is down, the user needs a new link
		s.refuse(w, r, err)
		return
	}
	setBrowser(w, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func browserOf(r *http.Request) string {
	cookie, err := r.Cookie(browserCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

func setBrowser(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name:     browserCookie,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   true,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	})
}

// deleteAccount removes the user and ends all of the user's sessions, then
// clears the cookies of this browser.
func (s *server) deleteAccount(w http.ResponseWriter, r *http.Request) {
	me, ok := jwtauth.FromContext(r.Context())
	if !ok {
		s.refuse(w, r, jwtauth.ErrTokenMissing)
		return
	}
	s.users.remove(me.Subject)
	if err := errors.Join(s.issuer.LogoutAll(r.Context(), me.Subject), s.handlers.EndSession(w, r)); err != nil {
		s.refuse(w, r, err)
		return
	}
	http.Redirect(w, r, "/login?deleted", http.StatusSeeOther)
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
