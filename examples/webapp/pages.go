package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// page holds the data of a template.
type page struct {
	Title   string
	Mode    string // "cookies", "storage" or "bound" on pages of a session
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

// dashboard checks the request itself, and not behind Verify, because its
// refusals are pages.
func (s *server) dashboard(w http.ResponseWriter, r *http.Request) {
	claims, err := s.verify(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	v, err := s.view(r.WithContext(jwtauth.NewContext(r.Context(), claims)))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	p := page{Title: "Dashboard", Mode: "cookies", View: v}
	switch query := r.URL.Query(); {
	case query.Has("again"):
		p.Notice = "You were away for a while, so that was not done. Please press the button again."
	case query.Has("password-changed"):
		p.Notice = "Your password is changed. All other devices are signed out."
	case query.Has("password-wrong"):
		p.Problem = "That is not your current password. Nothing has changed."
	case query.Has("password-refused"):
		p.Problem = "A password has 1 to 72 bytes. Nothing has changed."
	}
	writePage(w, http.StatusOK, "dashboard.html", p)
}

// shell returns the handler of the empty dashboard. A script with its own token
// fills it.
func shell(mode string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		writePage(w, http.StatusOK, "dashboard.html", page{Title: "Dashboard", Mode: mode})
	}
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

// messages are the pages for people, by the code of the problem. Other problems
// show their own title and detail.
var messages = map[string]page{
	"unavailable": {Title: "Not now", Problem: notNow},
	"busy":        {Title: "Not now", Problem: notNow},
	// A sibling host can plant such a cookie under InsecureHTTP.
	"invalid_request": {Title: "Not understood",
		Problem: "Your browser sent a cookie of this site twice, and it is unclear which one is yours. Please delete the cookies of this site, and sign in again."},
	"insecure_transport": {Title: "Refused", Problem: "Over plain HTTP, browsers drop the cookies of a sign-in. Please use HTTPS."},
	"cross_site":         {Title: "Refused", Problem: "That request came from another site. It was refused, and nothing has changed."},
	"internal_error":     {Title: "That failed", Problem: "Something went wrong here. Please try again later."},
}

// tooManyAttempts is the message for a user name that has to wait.
func tooManyAttempts(problem jwtauth.Problem) string {
	seconds, _ := strconv.Atoi(problem.Header.Get("Retry-After"))
	wait := fmt.Sprintf("%d minutes", (seconds+59)/60)
	switch {
	case seconds <= 60:
		wait = "a minute"
	case seconds > 2*3600:
		wait = fmt.Sprintf("%d hours", (seconds+3599)/3600)
	}
	return "Too many wrong passwords were entered for this user name, maybe by someone else. " +
		"Please try again in " + wait + ", or use a browser in which you have signed in before."
}

const notNow = "The service cannot do that at the moment. Nothing is lost, and you are not signed out: please try again in a few seconds."

// loginMessages are shown above the login form.
var loginMessages = map[string]string{
	"login_failed":   "That user name and password do not match. Please try again.",
	"body_too_large": "That user name or password is too long.",
	"body_invalid":   "Please enter a user name and a password.",
}

// refusePage is jwtauth.WriteError for people: a page, or a redirect to one
// that helps.
func (s *server) refusePage(w http.ResponseWriter, r *http.Request, err error) {
	problem := jwtauth.ProblemOf(err)
	switch problem.Code {
	case "token_missing", "token_expired", "token_invalid", "session_ended":
		http.Redirect(w, r, signInAt(r), http.StatusSeeOther)
		return
	case "password_invalid":
		http.Redirect(w, r, "/?password-refused", http.StatusSeeOther)
		return
	case "login_failed":
		if r.Pattern == "POST /password" {
			http.Redirect(w, r, "/?password-wrong", http.StatusSeeOther)
			return
		}
	case "internal_error":
		s.log.Error("failed", "route", r.Pattern, "err", err)
	}
	maps.Copy(w.Header(), problem.Header) // WWW-Authenticate, Retry-After, Cache-Control
	if problem.Code == "too_many_attempts" {
		name, title := "login.html", "Sign in"
		if r.Pattern == "POST /password" {
			name, title = "message.html", "Not now"
		}
		writePage(w, problem.Status, name, page{Title: title, Problem: tooManyAttempts(problem)})
		return
	}
	if text, ok := loginMessages[problem.Code]; ok && r.Pattern == "POST /login" {
		writePage(w, problem.Status, "login.html", page{Title: "Sign in", Problem: text})
		return
	}
	message, ok := messages[problem.Code]
	if !ok {
		message = page{Title: problem.Title, Problem: problem.Detail}
	}
	writePage(w, problem.Status, "message.html", message)
}

// signInAt returns the page for a user who is not signed in.
func signInAt(r *http.Request) string {
	switch {
	case r.Method == http.MethodPost: // Renew leaves these alone; the page that it renews has the button again
		return "/?again"
	case strings.Contains(strings.Join(r.Header["Cookie"], ";"), "webapp-refresh="):
		return "/login?ended"
	}
	return "/login"
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
