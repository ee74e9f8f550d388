package jwtauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// VerifyRequest decides like Verify, for a Request that has only a Header.
func TestVerifyRequest(t *testing.T) {
	down := verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return nil, jwtauth.ErrUnavailable })
	silent := verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return nil, nil })
	for _, c := range []struct {
		name     string
		verifier jwtauth.TokenVerifier
		header   http.Header
		subject  string
		want     error
		status   int
	}{
		{"good", subjects, http.Header{"Authorization": {"Bearer valid-ann"}}, "ann", nil, 200},
		{"bad", subjects, http.Header{"Authorization": {"Bearer x"}}, "", jwtauth.ErrSignatureInvalid, 401},
		{"anonymous", subjects, http.Header{}, "", jwtauth.ErrTokenMissing, 401},
		{"no header", subjects, nil, "", jwtauth.ErrTokenMissing, 401},
		{"another scheme", subjects, http.Header{"Authorization": {"Basic YTpi"}}, "", jwtauth.ErrTokenMissing, 401},
		{"malformed", subjects, http.Header{"Authorization": {"Bearer a b"}}, "", jwtauth.ErrInvalidRequest, 400},
		{"two places", subjects, http.Header{"Authorization": {"Bearer valid-ann"}, "X-Token": {"valid-ann"}}, "", jwtauth.ErrInvalidRequest, 400},
		{"token before cookie", subjects, http.Header{"X-Token": {"valid-ann"}, "Cookie": {"token=valid-bob"}}, "ann", nil, 200},
		{"cookie", subjects, http.Header{"Cookie": {"token=valid-bob"}, "Sec-Fetch-Site": {"same-origin"}}, "bob", nil, 200},
		{"cookie, no origin", subjects, http.Header{"Cookie": {"token=valid-bob"}}, "", jwtauth.ErrCrossSite, 403},
		{"down", down, http.Header{"Authorization": {"Bearer x"}}, "", jwtauth.ErrUnavailable, 503},
		{"neither claims nor error", silent, http.Header{"Authorization": {"Bearer x"}}, "", nil, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := jwtauth.From(jwtauth.Bearer(), jwtauth.Header("X-Token"), jwtauth.Query("token"), jwtauth.Form("token"), jwtauth.Cookie("token"))
			claims, err := jwtauth.VerifyRequest(c.verifier, from, jwtauth.Realm("api"))(&http.Request{Header: c.header})
			if c.status == 200 {
				if err != nil || claims.Subject != c.subject {
					t.Errorf("%v, %v", claims, err)
				}
				return
			}
			p := jwtauth.ProblemOf(err)
			if claims != nil || err == nil || c.want != nil && !errors.Is(err, c.want) || p.Status != c.status {
				t.Errorf("%v, %v, status %d; want %v, status %d", claims, err, p.Status, c.want, c.status)
			}

			// The response is the same as that of Verify.
			r := &http.Request{Method: "POST", Header: c.header}
			w := serve(jwtauth.Verify(c.verifier, from, jwtauth.Realm("api"))(greet), r)
			if w.Code != p.Status || w.Header().Get("WWW-Authenticate") != p.Header.Get("WWW-Authenticate") {
				t.Errorf("Verify: %d %v, VerifyRequest: %+v", w.Code, w.Header(), p)
			}
		})
	}
}

// The context of the request reaches the verifier.
func TestVerifyRequestContext(t *testing.T) {
	type key struct{}
	verifier := verifierFunc(func(ctx context.Context, _ string) (*jwtauth.Claims, error) {
		subject, _ := ctx.Value(key{}).(string)
		return &jwtauth.Claims{Subject: subject}, nil
	})
	r := get("x")
	claims, err := jwtauth.VerifyRequest(verifier)(r.WithContext(context.WithValue(r.Context(), key{}, "ann")))
	if err != nil || claims.Subject != "ann" {
		t.Errorf("%+v, %v", claims, err)
	}
}

func TestVerifyRequestPanics(t *testing.T) {
	onError := jwtauth.OnError(func(http.ResponseWriter, *http.Request, error) {})
	for want, f := range map[string]func(){
		"VerifyRequest: the verifier is nil":                   func() { jwtauth.VerifyRequest(nil) },
		"VerifyRequest: an option is nil":                      func() { jwtauth.VerifyRequest(subjects, nil) },
		"VerifyRequest: cannot be combined with Optional":      func() { jwtauth.VerifyRequest(subjects, jwtauth.Optional()) },
		"VerifyRequest: cannot be combined with OnError":       func() { jwtauth.VerifyRequest(subjects, onError) },
		"VerifyRequest: the verifier is nil, or was not made ": func() { jwtauth.VerifyRequest(&jwtauth.Verifier{}) },
	} {
		mustPanic(t, want, f)
	}
}

// For a source, a Request whose URL, Header or Body is nil has no token there.
func TestSourcesOfBareRequests(t *testing.T) {
	cookies := keyMust(jwtauth.NewCookies(jwtauth.CookieOptions{}))
	for name, source := range map[string]jwtauth.Source{
		"Bearer": jwtauth.Bearer(), "Header": jwtauth.Header("X-Token"), "Query": jwtauth.Query("token"),
		"Form": jwtauth.Form("token"), "Cookie": jwtauth.Cookie("token"), "Cookies.Access": cookies.Access(),
	} {
		for _, r := range []*http.Request{
			{},
			{Method: "POST"},
			{Method: "POST", Header: http.Header{"Content-Type": {formType}}},
		} {
			if token, err := source(r); token != "" || err != nil {
				t.Errorf("%s: %q, %v", name, token, err)
			}
		}
	}
	for _, opts := range [][]jwtauth.VerifyOption{nil, {jwtauth.From(jwtauth.Cookie("token"), jwtauth.Form("token"), jwtauth.Query("token"))}} {
		w := httptest.NewRecorder()
		jwtauth.Verify(subjects, opts...)(greet).ServeHTTP(w, &http.Request{Method: "POST"})
		checkAnswer(t, w, answerMissing)
	}
}
