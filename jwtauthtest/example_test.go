package jwtauthtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

// t replaces the *testing.T of a test. It prints the reports.
var t testing.TB = printer{}

type printer struct{ testing.TB }

func (printer) Helper()                           {}
func (printer) Logf(string, ...any)               {}
func (printer) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (printer) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

var dashboard = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	claims, _ := jwtauth.FromContext(r.Context())
	fmt.Fprintf(w, "Hello %s", claims.Subject)
})

// get returns the response to a request with a token.
func get(handler http.Handler, token string) string {
	r := httptest.NewRequest(http.MethodGet, "/dashboard", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return http.StatusText(w.Code)
	}
	return w.Body.String()
}

func ExampleToken() {
	protected := jwtauth.Verify(jwtauthtest.Verifier(t))(jwtauth.RequireScope("read")(dashboard))

	fmt.Println(get(protected, jwtauthtest.Token(t, "alice", map[string]string{"scope": "read write"})))
	fmt.Println(get(protected, jwtauthtest.Token(t, "alice", nil)))
	// Output:
	// Hello alice
	// Forbidden
}

func ExampleVerifier() {
	// The verifier is a parameter of the service. In production it is an Issuer
	// or a Verifier.
	newService := func(v jwtauth.TokenVerifier) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("GET /dashboard", jwtauth.Verify(v)(dashboard))
		return mux
	}
	service := newService(jwtauthtest.Verifier(t))

	fmt.Println(get(service, jwtauthtest.Token(t, "alice", nil)))
	// Output: Hello alice
}

func ExampleExpired() {
	protected := jwtauth.Verify(jwtauthtest.Verifier(t))(dashboard)

	fmt.Println(get(protected, jwtauthtest.Token(t, "alice", nil, jwtauthtest.Expired())))
	// Output: Unauthorized
}

func ExampleClaim() {
	protected := jwtauth.Verify(jwtauthtest.Verifier(t))(jwtauth.RequireFresh(10 * time.Minute)(dashboard))
	loggedIn := func(ago time.Duration) jwtauthtest.TokenOption {
		return jwtauthtest.Claim("auth_time", time.Now().Add(-ago))
	}

	fmt.Println(get(protected, jwtauthtest.Token(t, "alice", nil, loggedIn(time.Minute))))
	fmt.Println(get(protected, jwtauthtest.Token(t, "alice", nil, loggedIn(time.Hour))))
	fmt.Println(get(protected, jwtauthtest.Token(t, "alice", nil, jwtauthtest.Claim("aud", "https://other.test"))))
	// Output:
	// Hello alice
	// Unauthorized
	// Unauthorized
}

func ExampleAttack() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		panic(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		panic(err)
	}
	token, err := issuer.Sign("alice", nil)
	if err != nil {
		panic(err)
	}

	jwtauthtest.Attack(t, jwtauth.Verify(issuer), func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	})
	fmt.Println("all refused")
	// Output: all refused
}

// This middleware also accepts the scheme "BearerX", and Attack reports that.
func ExampleAttack_finding() {
	verifier := jwtauthtest.Verifier(t)
	protect := func(next http.Handler) http.Handler {
		verified := jwtauth.Verify(verifier)(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "BearerX "); ok {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			verified.ServeHTTP(w, r)
		})
	}

	jwtauthtest.Attack(t, protect, func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+jwtauthtest.Token(t, "alice", nil))
		return r
	})
	// Output:
	// scheme BearerX: the request reached the handler (status 204), want status 401 or 400; credentials of another scheme are not a bearer token (RFC 9110, section 11.6.2)
}
