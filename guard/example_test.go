package guard_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

func exampleSecret() []byte {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // a service reads the same secret at each start
	return secret
}

func Example() {
	g, err := guard.New(guard.Options{
		Secret: exampleSecret(),
		OnEvent: func(_ context.Context, e guard.Event) {
			fmt.Println("event:", e.Kind)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Guard: g,
		Authenticate: func(context.Context, string, string) (string, []jwtauth.LoginOption, error) {
			return "", nil, jwtauth.ErrWrongPassword // a service calls CheckPassword
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 12 {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/login", strings.NewReader("username=ada&password=guess"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		handlers.Login(w, r)
		fmt.Print(w.Code, " ")
	}
	// Output:
	// 401 401 401 401 401 401 401 401 401 event: account_paused
	// 401 429 429
}

// Allow and Report enclose any check of a secret that can be guessed, here of a
// one-time code. The guard has its own devices and accounts, so a login with the
// password buys no guesses at the code.
func ExampleGuard_Report() {
	codes, err := guard.New(guard.Options{
		Secret:     exampleSecret(),
		CookieName: "jwtauth-code-device",
		Account:    func(name string) string { return "code of " + guard.Fold(name) },
		Failures:   3,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		name := r.FormValue("user")
		ctx, err := codes.Allow(r, name)
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		var wrong error
		if r.FormValue("code") != "314159" { // compare in constant time
			wrong = jwtauth.ErrWrongPassword
		}
		codes.Report(w, r.WithContext(ctx), name, wrong)
		if wrong != nil {
			jwtauth.WriteError(w, r, wrong)
		}
	}
	for _, code := range []string{"000000", "000001", "000002", "314159"} {
		w := httptest.NewRecorder()
		handler(w, httptest.NewRequest("GET", "/?user=ada&code="+code, nil))
		fmt.Println(code, w.Code)
	}
	// Output:
	// 000000 401
	// 000001 401
	// 000002 401
	// 314159 429
}

func ExampleGuard_Allow() {
	g, err := guard.New(guard.Options{Secret: exampleSecret()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 10 {
		_, err = g.Allow(httptest.NewRequest("POST", "/login", nil), "ada")
	}
	fmt.Println(err)
	_, err = g.Allow(httptest.NewRequest("POST", "/login", nil), "Ada ")
	fmt.Println(err, errors.Is(err, guard.ErrPaused))
	// Output:
	// <nil>
	// jwtauth: too many failed attempts true
}

// The owner has opened a link in a mail on a new device, while the account is
// paused.
func ExampleGuard_Trust() {
	g, err := guard.New(guard.Options{Secret: exampleSecret()})
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	if err := g.Trust(w, httptest.NewRequest("POST", "/confirmed", nil), "ada"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Result().Cookies()[0].Name)
	// Output: __Host-jwtauth-device
}

// The owner has set a new password with a link in a mail.
func ExampleGuard_Reset() {
	g, err := guard.New(guard.Options{Secret: exampleSecret()})
	if err != nil {
		fmt.Println(err)
		return
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/new-password", nil)
	err = g.Reset(r.Context(), "ada") // a thief's copy of a device cookie is worth nothing now
	if err == nil {
		err = g.Trust(w, r, "ada") // this browser has proved to be the owner's
	}
	fmt.Println(err)
	// Output: <nil>
}

func ExampleFold() {
	fmt.Println(guard.Fold("  Zoë@Example.com"))
	// Output: zoe@example.com
}

func ExampleNewMemory() {
	g, err := guard.New(guard.Options{Secret: exampleSecret(), Store: guard.NewMemory(10_000)})
	fmt.Println(g != nil, err)
	// Output: true <nil>
}

func ExampleNew() {
	_, err := guard.New(guard.Options{Secret: []byte("secret"), Failures: 1})
	fmt.Println(err)
	// Output:
	// jwtauth: guard.Options.Secret: has 6 bytes; at least 32 random ones are required
	// jwtauth: guard.Options.Failures: 1 is below the minimum of 3
}
