package otelauth_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// own is an error with a response of the application.
type own struct {
	status int
	code   string
}

func (own) Error() string                  { return secret }
func (e own) HTTPProblem() jwtauth.Problem { return jwtauth.Problem{Status: e.status, Code: e.code} }

// Refusals of a Verify, of a Require behind it and of the Handlers are counted,
// and respond is called once for each.
func TestRefusals(t *testing.T) {
	r := newRecorder(t)
	issuer := newIssuer(t, r, func(o *jwtauth.IssuerOptions) { o.OnVerify = nil })
	responded := 0
	onError := r.OnError(func(w http.ResponseWriter, request *http.Request, err error) {
		responded++
		jwtauth.WriteError(w, request, err)
	})
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{OnError: onError})
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	mux := http.NewServeMux()
	mux.Handle("/scope", jwtauth.Verify(issuer, jwtauth.OnError(onError))(jwtauth.RequireScope("reports")(ok)))
	mux.Handle("/ok", jwtauth.Verify(issuer, jwtauth.OnError(onError))(ok))
	mux.HandleFunc("/refresh", handlers.Refresh)
	ctx, events := traced(t.Context())
	for _, c := range []struct {
		method, path, token, body string
		status                    int
	}{
		{"GET", "/ok", token, "", 200},
		{"GET", "/ok", "", "", 401},
		{"GET", "/ok", secret, "", 401},
		{"GET", "/scope", token, "", 403},
		{"GET", "/refresh", "", "", 405},
		{"POST", "/refresh", "", "refresh_token=" + secret, 401},
	} {
		request := httptest.NewRequestWithContext(ctx, c.method, c.path, strings.NewReader(c.body))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.token != "" {
			request.Header.Set("Authorization", "Bearer "+c.token)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, request)
		if w.Code != c.status {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, w.Code, c.status)
		}
	}
	if responded != 5 {
		t.Errorf("respond was called %d times, want 5", responded)
	}
	r.collect(t).want(t, figures{
		`jwtauth.refusals{error.type="token_missing"}`:      1,
		`jwtauth.refusals{error.type="token_invalid"}`:      2,
		`jwtauth.refusals{error.type="insufficient_scope"}`: 1,
		`jwtauth.refusals{error.type="method_not_allowed"}`: 1,
	})
	want := []string{
		`jwtauth.refusal{error.type="token_missing"}`,
		`jwtauth.refusal{error.type="token_invalid"}`,
		`jwtauth.refusal{error.type="insufficient_scope"}`,
		`jwtauth.refusal{error.type="method_not_allowed"}`,
		`jwtauth.refusal{error.type="token_invalid"}`,
	}
	if got := events(); !slices.Equal(got, want) {
		t.Errorf("span events %q, want %q", got, want)
	}
}

// Codes of the application, and responses without one, share a series.
func TestUnknownRefusals(t *testing.T) {
	r := newRecorder(t)
	onError := r.OnError(nil)
	for _, code := range []string{"", secret + "1", secret + "2"} {
		w := httptest.NewRecorder()
		onError(w, httptest.NewRequest("GET", "/", nil), own{418, code})
		if w.Code != 418 {
			t.Errorf("status %d", w.Code)
		}
	}
	r.collect(t).want(t, figures{`jwtauth.refusals{error.type="_OTHER"}`: 3})
}

// Without a respond function, responses and logs are those of package jwtauth
// without OnError.
func TestDefaultRespond(t *testing.T) {
	before := slog.Default()
	defer slog.SetDefault(before)
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	issuer := newIssuer(t, newRecorder(t), nil)
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, refusal := range []error{
		jwtauth.ErrForbidden, jwtauth.ErrBusy, own{418, "own"}, own{500, "own"}, own{503, "own"},
		fmt.Errorf("%w: database", jwtauth.ErrUnavailable),
		fmt.Errorf("%w: bug", jwtauth.ErrPasswordUnhashable),
	} {
		var logs, bodies []string
		for _, opts := range [][]jwtauth.VerifyOption{nil, {jwtauth.OnError(newRecorder(t).OnError(nil))}} {
			log.Reset()
			check := func(*jwtauth.Claims) error { return refusal }
			w := httptest.NewRecorder()
			request := httptest.NewRequest("GET", "/", nil)
			request.Header.Set("Authorization", "Bearer "+token)
			opts = append(opts, jwtauth.Realm("shop"))
			jwtauth.Verify(issuer, opts...)(jwtauth.Require(check)(http.NotFoundHandler())).ServeHTTP(w, request)
			w.Header().Del("Retry-After") // random
			logs = append(logs, log.String())
			bodies = append(bodies, fmt.Sprint(w.Code, w.Header(), w.Body))
		}
		if logs[0] != logs[1] || bodies[0] != bodies[1] {
			t.Errorf("%v:\n%s%s\ninstead of\n%s%s", refusal, logs[1], bodies[1], logs[0], bodies[0])
		}
	}
}
