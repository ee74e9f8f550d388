package jwtauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// Access tokens become invalid while the session goes on, for example after a
// change of keys.
func TestRenewInvalid(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, s *cookieSite){
		"SetKeys": func(t *testing.T, s *cookieSite) {
			if err := s.SetKeys(generate(t, jwtauth.HS256)); err != nil {
				t.Fatal(err)
			}
		},
		"the clock was set back": func(_ *testing.T, s *cookieSite) { s.at(-time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newCookieSite(t)
			s.login(t)
			prepare(t, s)
			if a := s.send(s.renewing(), "GET", ""); a.StatusCode != 200 || a.Header.Get("Subject") != "user-1" {
				t.Errorf("answers %s", a.Status)
			}
			old := s.jar[accessCookie]
			if a := s.send(s.renewing(), "GET", ""); a.StatusCode != 200 || len(a.Cookies()) != 0 || s.jar[accessCookie] != old {
				t.Errorf("the next request answers %s and sets %q", a.Status, cookieNames(a))
			}
		})
	}
}

// A deployment with a new audience shares the keys and the store of the old one.
func TestRenewNewAudience(t *testing.T) {
	deploy := func(audience string, o jwtauth.IssuerOptions, key jwtauth.Key) (*jwtauth.Issuer, *jwtauth.Cookies, *jwtauth.Handlers) {
		o.Audience = []string{audience}
		cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
		if err != nil {
			t.Fatal(err)
		}
		issuer, err := jwtauth.NewIssuer(key, o)
		if err != nil {
			t.Fatal(err)
		}
		handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Cookies: cookies})
		if err != nil {
			t.Fatal(err)
		}
		return issuer, cookies, handlers
	}
	s, key := newService(t), generate(t, jwtauth.HS256)
	opts := jwtauth.IssuerOptions{Issuer: "https://app.example.com", Sessions: s.store}
	_, _, before := deploy("https://old.example.com", opts, key)
	login := httptest.NewRecorder()
	if err := before.BeginSession(login, httptest.NewRequest("GET", "/", nil), "user-1"); err != nil {
		t.Fatal(err)
	}
	issuer, cookies, after := deploy("https://new.example.com", opts, key)
	page := after.Renew(jwtauth.Verify(issuer, jwtauth.From(cookies.Access()))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range login.Result().Cookies() {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	if page.ServeHTTP(w, r); w.Code != 200 || len(w.Result().Cookies()) != 2 {
		t.Errorf("answers %d %s", w.Code, w.Body)
	}
}

// A new token would be refused by Check as well, so Renew does not renew.
func TestRenewCheck(t *testing.T) {
	var refusal error
	s := newCookieSite(t, func(i *jwtauth.IssuerOptions, _ *jwtauth.CookieOptions, _ *jwtauth.HandlerOptions) {
		i.Check = func(context.Context, *jwtauth.Claims) error { return refusal }
	})
	s.login(t)
	for name, err := range map[string]error{
		"refused":   errors.New("banned"),
		"forbidden": jwtauth.ErrForbidden,
		"outage":    fmt.Errorf("%w: %w", jwtauth.ErrTokenInvalid, jwtauth.ErrUnavailable),
	} {
		refusal = err
		if a := s.send(s.renewing(), "GET", ""); a.Header.Get("Refused-By") != "Verify" || len(a.Cookies()) != 0 {
			t.Errorf("%s: answers %s, cookies %q", name, a.Status, cookieNames(a))
		}
		s.wantKinds(t, name)
	}
}

// Renew cannot check a proof of possession, so it does not renew a good token
// that is bound to a key.
func TestRenewBound(t *testing.T) {
	s := newCookieSite(t)
	s.begins("GET", "user-1", []jwtauth.LoginOption{jwtauth.Confirmation("jkt", "k1")})
	s.told()
	a := s.send(s.renewing(), "GET", "")
	wantAnswer(t, "bound", a, 401, "token_invalid")
	s.wantKinds(t, "bound")
}

// An upload behind Renew leaves no temporary files. The server finds them in
// the request that it has made, and next gets a copy.
func TestRenewUpload(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newCookieSite(t)
	s.login(t)
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	file, err := writer.CreateFormFile("file", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = file.Write(bytes.Repeat([]byte("x"), 64<<10))
	writer.Close()
	files := func() int {
		entries, err := os.ReadDir(os.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	r := httptest.NewRequest("GET", "/", &form)
	r.Header.Set("Content-Type", writer.FormDataContentType())
	r.Header.Set("Cookie", refreshCookie+"="+s.jar[refreshCookie])
	s.handlers.Renew(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
	s.wantKinds(t, "Renew", jwtauth.EventRefresh)
	if files() != 1 || r.MultipartForm == nil {
		t.Fatalf("%d files, form %v", files(), r.MultipartForm)
	}
	if err := r.MultipartForm.RemoveAll(); err != nil || files() != 0 { // as net/http does
		t.Errorf("%d files are left, %v", files(), err)
	}
}
