package jwtauth_test

import (
	"fmt"
	"io"
	"net/http"
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

// A body that cannot be searched does not outweigh a token in a header. Without
// such a token the request is refused, whatever its cookie. The body is left
// readable from its beginning.
func TestFromUnreadableBody(t *testing.T) {
	long := "t=valid-form&pad=" + strings.Repeat("a", 1<<20) + "&amount=1"
	for _, c := range []struct {
		name, body string
		announced  bool
		want       answerOf // without a token in a header
	}{
		{"chunked", long, false, answerTooLarge},
		{"announced", long, true, answerTooLarge},
		{"broken", "a=%zz", true, answerMalformed},
		{"semicolon", "a=1;b=2", true, answerMalformed},
		{"broken, with a token", "t=valid-form&a=%zz", true, answerMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, token := range []string{"", "valid-bearer", "bad"} {
				for _, sources := range [][]jwtauth.Source{
					{ambient, jwtauth.Bearer(), jwtauth.Form("t")},
					{jwtauth.Form("t"), jwtauth.Bearer(), ambient},
				} {
					for _, cookie := range []bool{false, true} {
						checkUnreadableBody(t, c.body, c.announced, token, sources, cookie, c.want)
					}
				}
			}
		})
	}
}

func checkUnreadableBody(t *testing.T, body string, announced bool, token string, sources []jwtauth.Source, cookie bool, want answerOf) {
	t.Helper()
	r := formRequest("POST", formType, body)
	if !announced {
		r.ContentLength = -1
	}
	if token != "" {
		withBearer(r, token)
	}
	if cookie {
		r.AddCookie(&http.Cookie{Name: "token", Value: "valid-cookie"})
	}
	w := serve(jwtauth.Verify(subjects, jwtauth.From(sources...))(greet), r)
	switch token {
	case "":
		checkAnswer(t, w, want)
	case "bad":
		checkAnswer(t, w, answerInvalid)
	default:
		checkGreeting(t, w, "bearer")
	}
	if rest, err := io.ReadAll(r.Body); err != nil || string(rest) != body {
		t.Errorf("the body is left with %d bytes of %d, %v", len(rest), len(body), err)
	}
}

// A second token in a body that can be read is refused, and so are two tokens
// or text that is no token.
func TestFromSecondTokenInBody(t *testing.T) {
	for _, body := range []string{"t=valid-form", "t=valid-bearer", "t=a&t=b", "t=a+b"} {
		for _, sources := range [][]jwtauth.Source{
			{jwtauth.Bearer(), jwtauth.Form("t")},
			{jwtauth.Form("t"), jwtauth.Bearer()},
		} {
			r := withBearer(formRequest("POST", formType, body), "valid-bearer")
			checkAnswer(t, serve(jwtauth.Verify(subjects, jwtauth.From(sources...))(greet), r), answerMalformed)
		}
	}
}

// A source may parse the body, although it should not: the handler still gets
// the result, with a cookie in the request as well.
func TestFromParsedBody(t *testing.T) {
	parsing := func(r *http.Request) (string, error) { return r.PostFormValue("t"), nil }
	h := jwtauth.Verify(subjects, jwtauth.From(ambient, parsing))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.PostFormValue("x"))
	}))
	r := formRequest("POST", formType, "t=valid-form&x=1")
	r.AddCookie(&http.Cookie{Name: "token", Value: "valid-cookie"})
	checkGreeting(t, serve(h, r), "1")
}
