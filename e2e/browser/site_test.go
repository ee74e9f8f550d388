package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// site is a service over https whose sessions begin in several ways. Its
// configuration can change while it runs.
type site struct {
	t       *testing.T
	url     string
	store   *memstore.Store
	issuer  *jwtauth.Issuer
	handler atomic.Pointer[http.Handler]
	proxied atomic.Bool // behind a proxy that requires Basic authentication
}

func startSite(t *testing.T, opts jwtauth.IssuerOptions) *site {
	t.Helper()
	s := &site{t: t, store: memstore.New()}
	s.configure(newKey(t), opts)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); s.proxied.Load() && (user != "staff" || password != "proxy") {
			w.Header().Set("WWW-Authenticate", "Basic")
			http.Error(w, "<h1>Proxy</h1>", http.StatusUnauthorized)
			return
		}
		(*s.handler.Load()).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = urlOf(server, host)
	return s
}

func newKey(t *testing.T) jwtauth.Key {
	t.Helper()
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// configure replaces everything except the sessions.
func (s *site) configure(key jwtauth.Key, opts jwtauth.IssuerOptions) {
	s.t.Helper()
	opts.Sessions = s.store
	issuer, err := jwtauth.NewIssuer(key, opts)
	if err != nil {
		s.t.Fatal(err)
	}
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Cookies:        cookies,
		BrowserSession: true,
		AfterLogin:     "/account",
		Authenticate: func(_ context.Context, username, _ string) (string, []jwtauth.LoginOption, error) {
			return username, nil, nil
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	protected := jwtauth.Verify(jwtauth.Live(issuer, s.store, 0), jwtauth.From(cookies.Access()))
	// then calls f and redirects if it succeeds.
	then := func(path string, f func(http.ResponseWriter, *http.Request) error) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := f(w, r); err != nil {
				jwtauth.WriteError(w, r, err)
				return
			}
			http.Redirect(w, r, path, http.StatusSeeOther)
		})
	}

	mux := pages()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.Handle("GET /callback", then("/account", func(w http.ResponseWriter, r *http.Request) error {
		return handlers.BeginSession(w, r, r.FormValue("subject"), jwtauth.AuthenticatedBy("email-link", "email"))
	}))
	mux.Handle("GET /account", handlers.Renew(protected(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, "<!doctype html><title>account</title><body>Hello %s, %s", claims.Subject, claims.AuthContext)
	}))))
	mux.Handle("GET /codes", protected(jwtauth.RequireFresh(5*time.Minute, "phr")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))))
	// The passkey of a subject was used some time ago.
	mux.Handle("POST /passkey", protected(then("/account", func(w http.ResponseWriter, r *http.Request) error {
		ago, err := time.ParseDuration(r.FormValue("ago"))
		if err != nil {
			return err
		}
		return handlers.UpdateSession(w, r, jwtauth.Reauthenticated(r.FormValue("subject"), time.Now().Add(-ago), "phr", "hwk"))
	})))
	mux.Handle("POST /delete", protected(then("/", func(w http.ResponseWriter, r *http.Request) error {
		claims, _ := jwtauth.FromContext(r.Context())
		if err := issuer.LogoutAll(r.Context(), claims.Subject); err != nil {
			return err
		}
		return handlers.EndSession(w, r)
	})))
	s.issuer = issuer
	handler := http.Handler(mux)
	s.handler.Store(&handler)
}

// sessions returns how many sessions a subject has.
func (s *site) sessions(subject string) int {
	s.t.Helper()
	list, err := s.issuer.Sessions(s.t.Context(), subject)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(list)
}

// signIn sends the login form of the site.
func (b *tab) signIn(s *site, username string, remember bool) {
	b.t.Helper()
	b.open(s.url)
	field := ""
	if remember {
		field = `<input type="checkbox" name="remember" checked>`
	}
	b.try(`document.body.innerHTML = '<form method="post" action="/login"><input name="username" value="` + username + `"><input name="password" value="x">` + field + `</form>'; document.forms[0].submit()`)
	b.wait(atAccountOf(username))
}

func atAccountOf(subject string) string {
	return `location.pathname === '/account' && document.readyState === 'complete' && document.body?.innerText.startsWith('Hello ` + subject + `,')`
}
