package jwtauth_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// ambient is a source that reads a cookie. It fails if the request demands it.
func ambient(r *http.Request) (string, error) {
	cookie, err := r.Cookie("token")
	if err != nil {
		return "", nil
	}
	if r.Header.Get("X-Cross-Site") != "" {
		return "", jwtauth.ErrCrossSite
	}
	return cookie.Value, nil
}

func TestFrom(t *testing.T) {
	crossSite := answerOf{status: 403, code: "cross_site"}
	h := jwtauth.Verify(subjects, jwtauth.From(ambient, jwtauth.Bearer(), jwtauth.Header("X-Token"), jwtauth.Query("t"), jwtauth.Form("t")))(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, _ := jwtauth.FromContext(r.Context())
			fmt.Fprint(w, claims.Subject, " ", r.FormValue("x"), " ", len(r.Cookies()))
		}))
	cookie := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "token", Value: "valid-cookie"}) }
	badCookie := func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "token", Value: "bad"}) }
	foreign := func(r *http.Request) { cookie(r); r.Header.Set("X-Cross-Site", "1") }
	bearer := func(r *http.Request) { withBearer(r, "valid-bearer") }
	badBearer := func(r *http.Request) { withBearer(r, "bad") }
	brokenBearer := func(r *http.Request) { withBearer(r, "a b") }
	basic := func(r *http.Request) { r.Header.Set("Authorization", "Basic YTpi") }
	header := func(r *http.Request) { r.Header.Set("X-Token", "valid-header") }
	query := func(r *http.Request) { r.URL.RawQuery = "t=valid-query" }
	form := func(r *http.Request) { *r = *formRequest("POST", formType, "t=valid-form&x=1") } // first
	cases := []struct {
		name   string
		change []func(*http.Request)
		want   answerOf
		greets string // the greeting, if it passes
	}{
		{"nothing", nil, answerMissing, ""},
		{"cookie", []func(*http.Request){cookie}, answerOf{}, "cookie  1"},
		{"bearer", []func(*http.Request){bearer}, answerOf{}, "bearer  0"},
		{"header", []func(*http.Request){header}, answerOf{}, "header  0"},
		{"query", []func(*http.Request){query}, answerOf{}, "query  0"},
		{"form", []func(*http.Request){form}, answerOf{}, "form 1 0"},
		{"another scheme beside a header", []func(*http.Request){basic, header}, answerOf{}, "header  0"},
		{"bearer and header", []func(*http.Request){bearer, header}, answerMalformed, ""},
		{"bearer and query", []func(*http.Request){bearer, query}, answerMalformed, ""},
		{"header and query", []func(*http.Request){header, query}, answerMalformed, ""},
		{"form and bearer", []func(*http.Request){form, bearer}, answerMalformed, ""},
		{"form and query", []func(*http.Request){form, query}, answerMalformed, ""},
		{"broken bearer and query", []func(*http.Request){brokenBearer, query}, answerMalformed, ""},
		{"two explicit places and a cookie", []func(*http.Request){bearer, query, cookie}, answerMalformed, ""},
		{"cookie and bearer", []func(*http.Request){cookie, bearer}, answerOf{}, "bearer  1"},
		{"cookie and query", []func(*http.Request){cookie, query}, answerOf{}, "query  1"},
		{"cookie and form", []func(*http.Request){form, cookie}, answerOf{}, "form 1 1"},
		{"bad cookie and bearer", []func(*http.Request){badCookie, bearer}, answerOf{}, "bearer  1"},
		{"cookie of another site and bearer", []func(*http.Request){foreign, bearer}, answerOf{}, "bearer  1"},
		{"cookie of another site and form", []func(*http.Request){form, foreign}, answerOf{}, "form 1 1"},
		{"cookie of another site", []func(*http.Request){foreign}, crossSite, ""},
		{"cookie and bad bearer", []func(*http.Request){cookie, badBearer}, answerInvalid, ""},
		{"cookie and broken bearer", []func(*http.Request){cookie, brokenBearer}, answerMalformed, ""},
		{"cookie and another scheme", []func(*http.Request){cookie, basic}, answerOf{}, "cookie  1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := get("")
			for _, change := range c.change {
				change(r)
			}
			w := serve(h, r)
			if c.greets != "" {
				checkGreeting(t, w, c.greets)
				return
			}
			checkAnswer(t, w, c.want)
		})
	}
	t.Run("duplicate fields", func(t *testing.T) {
		r := get("")
		r.Header["Authorization"] = []string{"Bearer valid-a", "Bearer valid-a"}
		checkAnswer(t, serve(h, r), answerMalformed)
	})
	t.Run("too large a form", func(t *testing.T) {
		checkAnswer(t, serve(h, formRequest("POST", formType, strings.Repeat("x", 2<<20))), answerTooLarge)
	})
	t.Run("two cookies", func(t *testing.T) {
		second := func(r *http.Request) (string, error) {
			cookie, err := r.Cookie("second")
			if err != nil {
				return "", nil
			}
			return cookie.Value, nil
		}
		h := jwtauth.Verify(subjects, jwtauth.From(ambient, second))(greet)
		r := get("")
		r.AddCookie(&http.Cookie{Name: "second", Value: "valid-second"})
		checkGreeting(t, serve(h, r), "second")
		cookie(r)
		checkGreeting(t, serve(h, r), "cookie") // the first source that finds one
		foreign(r)
		checkAnswer(t, serve(h, r), crossSite)
	})
	t.Run("several From: the last counts", func(t *testing.T) {
		h := jwtauth.Verify(subjects, jwtauth.From(jwtauth.Query("t")), jwtauth.From(jwtauth.Bearer()))(greet)
		checkGreeting(t, serve(h, get("valid-ann")), "ann")
		r := get("")
		query(r)
		checkAnswer(t, serve(h, r), answerMissing)
	})
}

// A body that is too long to be searched does not count as a body without a
// token. The request is refused even if it has another token, and the body is
// left readable from its beginning.
func TestFromErrorWins(t *testing.T) {
	long := "t=valid-form&pad=" + strings.Repeat("a", 1<<20) + "&amount=1"
	for _, c := range []struct {
		name, body string
		announced  bool
		want       answerOf
	}{
		{"chunked", long, false, answerOf{status: 413, code: "body_too_large"}},
		{"announced", long, true, answerOf{status: 413, code: "body_too_large"}},
		{"broken", "a=%zz", true, answerMalformed},
		{"semicolon", "a=1;b=2", true, answerMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, cookie := range []bool{false, true} {
				r := formRequest("POST", formType, c.body)
				if !c.announced {
					r.ContentLength = -1
				}
				withBearer(r, "valid-bearer")
				if cookie {
					r.AddCookie(&http.Cookie{Name: "token", Value: "valid-cookie"})
				}
				h := jwtauth.Verify(subjects, jwtauth.From(ambient, jwtauth.Bearer(), jwtauth.Form("t")))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					t.Error("the handler was called")
				}))
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				checkAnswer(t, w, c.want)
				if rest, err := io.ReadAll(r.Body); err != nil || string(rest) != c.body {
					t.Errorf("the body is left with %d bytes of %d, %v", len(rest), len(c.body), err)
				}
			}
		})
	}
}
