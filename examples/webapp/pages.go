package main

import (
	"bytes"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// page holds the data of a template.
type page struct {
	Title   string
	Mode    string // "cookies" or "storage" on pages of a session
	Notice  string // shown at the top
	Problem string // a notice about a failure
	View    view
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

func (s *server) dashboard(w http.ResponseWriter, r *http.Request) {
	v, err := s.view(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	p := page{Title: "Dashboard", Mode: "cookies", View: v}
	if r.URL.Query().Has("again") {
		p.Notice = "You were away for a while, so that was not done. Please press the button again."
	}
	writePage(w, http.StatusOK, "dashboard.html", p)
}

// shell is the empty dashboard. A script with its own token fills it.
func (s *server) shell(w http.ResponseWriter, _ *http.Request) {
	writePage(w, http.StatusOK, "dashboard.html", page{Title: "Dashboard", Mode: "storage"})
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request) {
	p := page{Title: "Sign in"}
	query := r.URL.Query()
	switch {
	case query.Has("signed-out"):
		p.Notice = "You are signed out."
	case query.Has("ended"):
		p.Problem = "Your session has ended: it was signed out elsewhere, or its time is over. Please sign in again."
	}
	writePage(w, http.StatusOK, "login.html", p)
}

// refusePage says to a person what jwtauth.WriteError would say to a program.
func (s *server) refusePage(w http.ResponseWriter, r *http.Request, err error) {
	login := r.Pattern == "POST /login"
	notLoggedIn := errors.Is(err, jwtauth.ErrTokenMissing) || errors.Is(err, jwtauth.ErrTokenInvalid) || errors.Is(err, jwtauth.ErrSessionEnded)
	switch {
	case errors.Is(err, jwtauth.ErrUnavailable), errors.Is(err, jwtauth.ErrBusy):
		w.Header().Set("Retry-After", "2")
		writePage(w, http.StatusServiceUnavailable, "message.html", page{Title: "Not now",
			Problem: "The service cannot do that at the moment. Nothing is lost, and you are not signed out: please try again in a few seconds."})
	case login && errors.Is(err, jwtauth.ErrWrongPassword):
		w.Header().Set("WWW-Authenticate", "Bearer")
		writePage(w, http.StatusUnauthorized, "login.html", page{Title: "Sign in", Problem: "That user name and password do not match. Please try again."})
	case login && errors.Is(err, jwtauth.ErrBodyTooLarge):
		writePage(w, http.StatusRequestEntityTooLarge, "login.html", page{Title: "Sign in", Problem: "That user name or password is too long."})
	case login && errors.Is(err, jwtauth.ErrBodyInvalid):
		writePage(w, http.StatusBadRequest, "login.html", page{Title: "Sign in", Problem: "Please enter a user name and a password."})
	case errors.Is(err, jwtauth.ErrInvalidRequest): // two cookies of one name, as a sibling host can plant one under InsecureHTTP
		writePage(w, http.StatusBadRequest, "message.html", page{Title: "Not understood",
			Problem: "Your browser sent a cookie of this site twice, and nobody can say which of them is yours. Please delete the cookies of this site, and sign in again."})
	case errors.Is(err, jwtauth.ErrCrossSite):
		writePage(w, http.StatusForbidden, "message.html", page{Title: "Refused", Problem: "That request came from another site. It was refused, and nothing has changed."})
	case notLoggedIn && r.Method == http.MethodPost: // Renew leaves these alone: the page that it renews has the button once more
		http.Redirect(w, r, "/?again", http.StatusSeeOther)
	case notLoggedIn && strings.Contains(strings.Join(r.Header["Cookie"], ";"), "webapp-refresh="):
		http.Redirect(w, r, "/login?ended", http.StatusSeeOther)
	case notLoggedIn:
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	default:
		s.log.Error("failed", "route", r.Pattern, "err", err)
		writePage(w, http.StatusInternalServerError, "message.html", page{Title: "That failed", Problem: "Something went wrong here. Please try again later."})
	}
}

// deviceName turns a User-Agent header into a name that the user recognizes. It
// is a guess, because clients can send any text.
func deviceName(agent string) string {
	browser, system := "", ""
	for _, known := range [][2]string{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chromium"}, {"Safari/", "Safari"}, {"curl/", "curl"}} {
		if browser == "" && strings.Contains(agent, known[0]) {
			browser = known[1]
		}
	}
	for _, known := range [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}} {
		if system == "" && strings.Contains(agent, known[0]) {
			system = known[1]
		}
	}
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser+system != "":
		return browser + system
	}
	return "Unknown device"
}
