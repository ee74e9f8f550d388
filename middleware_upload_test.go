package jwtauth_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// upload sends a multipart form with a file that net/http keeps on disk.
func upload(t *testing.T, server *httptest.Server, prepare func(*http.Request)) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "f")
	if err == nil {
		_, err = file.Write(bytes.Repeat([]byte("x"), 64<<10))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL, &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	prepare(r)
	response, err := server.Client().Do(r)
	if err != nil {
		return // the handler panicked
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
}

// An upload behind Verify or Renew leaves no temporary file, whether the
// handler returns or panics.
func TestUploadLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	files := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	parsed := 0
	handler := func(end func()) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if err := r.ParseMultipartForm(1); err != nil {
				t.Error(err)
			}
			parsed += files()
			end()
		})
	}
	recovering := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { _ = recover() }()
			next.ServeHTTP(w, r)
		})
	}
	site := newCookieSite(t)
	site.login(t)
	verify := jwtauth.Verify(subjects)
	anonymous := jwtauth.Verify(subjects, jwtauth.Optional())
	cookies := jwtauth.Verify(subjects, jwtauth.From(jwtauth.Cookie("c"), jwtauth.Bearer()))
	around := map[string]func(http.Handler) http.Handler{
		"Verify":                 verify,
		"Verify, Optional":       anonymous,
		"Verify with cookies":    cookies,
		"Verify within Verify":   func(h http.Handler) http.Handler { return verify(cookies(h)) },
		"Verify and Require":     func(h http.Handler) http.Handler { return verify(jwtauth.RequireScope("read")(h)) },
		"Verify within recovery": func(h http.Handler) http.Handler { return recovering(verify(h)) },
		"recovery within Verify": func(h http.Handler) http.Handler { return verify(recovering(h)) },
		"Renew":                  func(h http.Handler) http.Handler { return site.handlers.Renew(h) },
	}
	ends := map[string]func(){
		"returns": func() {},
		"panics":  func() { panic("broken handler") },
		"aborts":  func() { panic(http.ErrAbortHandler) },
	}
	for name, wrap := range around {
		for how, end := range ends {
			t.Run(fmt.Sprintf("%s, the handler %s", name, how), func(t *testing.T) {
				parsed = 0
				server := httptest.NewUnstartedServer(wrap(handler(end)))
				server.Config.ErrorLog = log.New(io.Discard, "", 0)
				server.Start()
				upload(t, server, func(r *http.Request) {
					if name == "Renew" {
						r.AddCookie(&http.Cookie{Name: refreshCookie, Value: site.jar[refreshCookie]})
						return
					}
					withBearer(r, "valid-ann")
					r.AddCookie(&http.Cookie{Name: "other", Value: "x"})
				})
				server.Close()
				if parsed != 1 {
					t.Errorf("the handler saw %d temporary files, want 1", parsed)
				}
				if left := files(); left != 0 {
					t.Errorf("%d temporary files are left", left)
				}
			})
		}
	}
}
