package main

import (
	"bytes"
	"embed"
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
	View    view
}

// view is the data of the account page and of GET /api/me.
type view struct {
	Subject   string     `json:"subject"`
	Name      string     `json:"name"`
	Email     string     `json:"email,omitempty"`
	AuthTime  *time.Time `json:"auth_time,omitempty"` // nil if the provider does not say
	ACR       string     `json:"acr,omitempty"`       // how the user signed in there
	AMR       []string   `json:"amr,omitempty"`
	ExpiresIn int64      `json:"expires_in"` // seconds, of the access token
}

// viewOf reads the claims of a request that Verify has let through.
func viewOf(r *http.Request) (view, error) {
	claims, ok := jwtauth.FromContext(r.Context())
	if !ok {
		return view{}, jwtauth.ErrTokenMissing
	}
	var p profile
	if err := claims.Decode(&p); err != nil {
		return view{}, err
	}
	v := view{
		Subject:   claims.Subject,
		Name:      firstOf(p.Name, claims.Subject),
		Email:     p.Email,
		ACR:       claims.AuthContext,
		AMR:       claims.AuthMethods,
		ExpiresIn: int64(max(0, time.Until(claims.ExpiresAt)).Seconds()),
	}
	if !claims.AuthTime.IsZero() {
		at := claims.AuthTime.UTC()
		v.AuthTime = &at
	}
	return v, nil
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
	writePage(w, http.StatusOK, "account.html", page{Title: "Your account", View: v})
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request) {
	p := page{Title: "Sign in"}
	switch query := r.URL.Query(); {
	case query.Has("signed-out"):
		p.Notice = "You are signed out here. You may still be signed in at the provider."
	case query.Has("ended"):
		p.Problem = "Your session has ended. Please sign in again."
	}
	writePage(w, http.StatusOK, "login.html", p)
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
	case "GET /{$}", "GET /login/start", "GET /callback":
		s.refusePage(w, r, err)
	default:
		jwtauth.WriteError(w, r, err)
	}
}

// messages are the texts for the codes of jwtauth.
var messages = map[string]string{
	"unavailable":    "That does not work at the moment. Please try again in a few seconds.",
	"internal_error": "Something went wrong here. Please try again later.",
}

// refusePage shows a refusal as a page, with the status and the headers that
// jwtauth.WriteError would write.
func (s *server) refusePage(w http.ResponseWriter, r *http.Request, err error) {
	problem := jwtauth.ProblemOf(err)
	switch problem.Code {
	case "token_missing":
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	case "token_expired", "token_invalid", "session_ended":
		http.Redirect(w, r, "/login?ended", http.StatusSeeOther)
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
