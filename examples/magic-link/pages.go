package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// page is the data of a template.
type page struct {
	Title   string
	Notice  string // a message to the user
	Problem string // the same, about a failure
	Email   string // of a link
	Secret  string // of a link
	TTL     string // of a link
	View    view
}

// view is the data of the account page and of GET /api/me.
type view struct {
	Subject     string    `json:"subject"`
	Name        string    `json:"name"`
	AuthTime    time.Time `json:"auth_time"`
	AuthContext string    `json:"acr"`
	ExpiresIn   int64     `json:"expires_in"` // seconds, of the access token
}

// viewOf reads the claims of a request that Verify has let through.
func viewOf(r *http.Request) (view, error) {
	c, ok := jwtauth.FromContext(r.Context())
	if !ok {
		return view{}, jwtauth.ErrTokenMissing
	}
	var private claims
	if err := c.Decode(&private); err != nil {
		return view{}, err
	}
	return view{
		Subject:     c.Subject,
		Name:        private.Email,
		AuthTime:    c.AuthTime.UTC(),
		AuthContext: c.AuthContext,
		ExpiresIn:   int64(max(0, time.Until(c.ExpiresAt)).Seconds()),
	}, nil
}

func writePage(w http.ResponseWriter, status int, name string, p page) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, p); err != nil {
		panic(err) // a fault in the template
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}

func (s *server) accountPage(w http.ResponseWriter, r *http.Request) {
	v, err := viewOf(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	p := page{Title: "Your account", View: v}
	if r.URL.Query().Has("again") {
		p.Notice = "You were away for a while, so that was not done. Please press the button again."
	}
	writePage(w, http.StatusOK, "account.html", p)
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request) {
	p := page{Title: "Sign in"}
	switch query := r.URL.Query(); {
	case query.Has("signed-out"):
		p.Notice = "You are signed out."
	case query.Has("deleted"):
		p.Notice = "Your account is deleted."
	case query.Has("ended"):
		p.Problem = "Your session has ended. Please sign in again."
	}
	writePage(w, http.StatusOK, "login.html", p)
}

func (s *server) sentPage(w http.ResponseWriter, _ *http.Request) {
	writePage(w, http.StatusOK, "sent.html", page{Title: "Check your mail", TTL: fmt.Sprintf("%.0f minutes", s.links.ttl.Minutes())})
}

// linkPage is the page that a link opens. It does not use the link up.
func (s *server) linkPage(w http.ResponseWriter, r *http.Request) {
	secret := r.URL.Query().Get("secret")
	email, err := s.links.look(secret, browserOf(r))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	writePage(w, http.StatusOK, "link.html", page{Title: "Sign in", Email: email, Secret: secret})
}

// refusal is an error of this application with a response of its own. Both
// jwtauth.WriteError and jwtauth.ProblemOf know it by its method.
type refusal struct {
	status     int
	code, text string // the text is for the user
}

func (e *refusal) Error() string { return strings.TrimSuffix(e.text, ".") }

func (e *refusal) HTTPProblem() jwtauth.Problem {
	return jwtauth.Problem{Status: e.status, Code: e.code, Detail: e.text, Header: http.Header{}}
}

// refuse logs a refusal. It responds to people with a page and to programs with
// jwtauth.WriteError.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Info("refused", "method", r.Method, "route", r.Pattern, "err", err)
	switch r.Pattern {
	case "GET /{$}", "POST /login", "GET /link", "POST /link", "POST /account/delete":
		s.refusePage(w, r, err)
	default:
		jwtauth.WriteError(w, r, err)
	}
}

// messages are the texts for the codes of jwtauth.
var messages = map[string]string{
	"unavailable":    "That does not work at the moment. Please try again in a few seconds.",
	"cross_site":     "That request came from another site. It was refused, and nothing has changed.",
	"internal_error": "Something went wrong here. Please try again later.",

	"too_many_attempts": "Too many links were sent to this address. Please look into your mail, or try again later. " +
		"A browser in which you have signed in before can request another one.",
}

// refusePage shows a refusal as a page, with the status and the headers that
// jwtauth.WriteError would write.
func (s *server) refusePage(w http.ResponseWriter, r *http.Request, err error) {
	problem := jwtauth.ProblemOf(err)
	switch problem.Code {
	case "token_missing", "token_expired", "token_invalid", "session_ended":
		to := "/login?ended"
		if r.Method == http.MethodPost { // Renew does not renew forms: the page that it renews has the button again
			to = "/?again"
		} else if problem.Code == "token_missing" {
			to = "/login"
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	case "internal_error":
		s.log.Error("failed", "route", r.Pattern, "err", err)
	}
	maps.Copy(w.Header(), problem.Header) // WWW-Authenticate, Retry-After, Cache-Control
	text, ok := messages[problem.Code]
	if !ok {
		text = problem.Detail
	}
	writePage(w, problem.Status, "login.html", page{Title: "Sign in", Problem: text})
}
