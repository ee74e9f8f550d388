package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/seed-0a072700/jwtauth"
)

// Refusals as HTML pages instead of JSON.
func ExampleProblemOf() {
	htmlError := jwtauth.OnError(func(w http.ResponseWriter, _ *http.Request, err error) {
		p := jwtauth.ProblemOf(err)
		for name, values := range p.Header { // WWW-Authenticate, Retry-After, Cache-Control
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(p.Status)
		fmt.Fprintf(w, "<h1>%s</h1><p>%s</p>", p.Title, p.Detail)
	})
	page := jwtauth.Verify(exampleIssuer(), htmlError)(http.NotFoundHandler())

	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	fmt.Println(w.Body)
	// Output:
	// 401 Bearer realm="restricted"
	// <h1>Unauthorized</h1><p>Authentication required.</p>
}

// quotaError is an error of an application with a response of its own.
type quotaError struct{}

func (quotaError) Error() string { return "quota exceeded" }

func (quotaError) HTTPProblem() jwtauth.Problem {
	return jwtauth.Problem{
		Status: http.StatusTooManyRequests,
		Code:   "quota_exceeded",
		Detail: "The quota of this month is used up.",
		Header: http.Header{"Retry-After": {"3600"}},
	}
}

// An error with a method HTTPProblem has a response of its own, here in a check
// for Require.
func ExampleProblem() {
	quota := jwtauth.Require(func(*jwtauth.Claims) error { return quotaError{} })
	ctx := jwtauth.NewContext(context.Background(), &jwtauth.Claims{Subject: "ada"})

	w := httptest.NewRecorder()
	quota(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	fmt.Println(w.Code, w.Header().Get("Retry-After"))
	fmt.Print(w.Body)
	// Output:
	// 429 3600
	// {"title":"Too Many Requests","status":429,"detail":"The quota of this month is used up.","code":"quota_exceeded"}
}

// The decision without a response, for a framework that writes its own.
func ExampleVerifyRequest() {
	issuer := exampleIssuer()
	verify := jwtauth.VerifyRequest(issuer)
	token, _ := issuer.Sign("ada", nil)

	claims, err := verify(&http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
	fmt.Println(claims.Subject, err)

	_, err = verify(&http.Request{Header: http.Header{}})
	fmt.Println(errors.Is(err, jwtauth.ErrTokenMissing), jwtauth.ProblemOf(err).Status)
	// Output:
	// ada <nil>
	// true 401
}

// A name for the protected part of the service, in every challenge.
func ExampleRealm() {
	h := jwtauth.Verify(exampleIssuer(), jwtauth.Realm("orders"))(http.NotFoundHandler())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Header().Get("WWW-Authenticate"))
	// Output: Bearer realm="orders"
}
