package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// exampleSessions returns an Issuer with sessions, and its clock, which an
// example moves.
func exampleSessions(opts jwtauth.IssuerOptions) (*jwtauth.Issuer, *clock) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	clock := newClock(time.Date(2030, time.March, 17, 9, 0, 0, 0, time.UTC))
	opts.Sessions = memstore.New()
	opts.Now = clock.Now
	issuer, err := jwtauth.NewIssuer(key, opts)
	if err != nil {
		log.Fatal(err)
	}
	return issuer, clock
}

func ExampleIssuer_Refresh() {
	ctx := context.Background()
	issuer, clock := exampleSessions(jwtauth.IssuerOptions{})
	first, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	second, err := issuer.Refresh(ctx, first.RefreshToken)
	fmt.Println("a new refresh token:", second.RefreshToken != first.RefreshToken, err)

	// The response was lost, or another tab refreshes too: the same token
	// again.
	again, err := issuer.Refresh(ctx, first.RefreshToken)
	fmt.Println("the same again:", again.RefreshToken == second.RefreshToken, err)

	// An hour later, reuse of the old token is treated as theft.
	clock.Set(clock.Now().Add(time.Hour))
	_, err = issuer.Refresh(ctx, first.RefreshToken)
	fmt.Println(errors.Is(err, jwtauth.ErrTokenReused), err)
	_, err = issuer.Refresh(ctx, second.RefreshToken)
	fmt.Println(errors.Is(err, jwtauth.ErrSessionEnded), err)
	// Output:
	// a new refresh token: true <nil>
	// the same again: true <nil>
	// true jwtauth: refresh token reused
	// true jwtauth: session ended
}

func ExampleIssuer_Logout() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(issuer.Logout(ctx, tokens.RefreshToken))
	_, err = issuer.Refresh(ctx, tokens.RefreshToken)
	fmt.Println(err)
	// Output:
	// <nil>
	// jwtauth: session ended
}

func ExampleIssuer_LogoutAll() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	for range 3 {
		if _, err := issuer.Login(ctx, "user-1"); err != nil {
			log.Fatal(err)
		}
	}
	if err := issuer.LogoutAll(ctx, "user-1"); err != nil { // such as after a change of password
		log.Fatal(err)
	}
	list, err := issuer.Sessions(ctx, "user-1")
	fmt.Println(len(list), err)
	// Output: 0 <nil>
}

// The list of signed-in devices on an account page.
func ExampleIssuer_Sessions() {
	ctx := context.Background()
	issuer, clock := exampleSessions(jwtauth.IssuerOptions{})
	for _, device := range []string{"Firefox on Linux", "Safari on iPhone"} {
		if _, err := issuer.Login(ctx, "user-1", jwtauth.Label(device)); err != nil {
			log.Fatal(err)
		}
		clock.Set(clock.Now().Add(time.Hour))
	}
	list, err := issuer.Sessions(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	for _, session := range list {
		fmt.Println(session.CreatedAt.Format("15:04"), session.Label)
	}
	// Output:
	// 10:00 Safari on iPhone
	// 09:00 Firefox on Linux
}

// The logout button of one device. The ID comes from the request, and the
// subject from the verified token.
func ExampleIssuer_EndSession() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	if _, err := issuer.Login(ctx, "user-1"); err != nil {
		log.Fatal(err)
	}
	list, err := issuer.Sessions(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(issuer.EndSession(ctx, "user-2", list[0].ID))
	fmt.Println(issuer.EndSession(ctx, "user-1", list[0].ID))
	// Output:
	// jwtauth: session ended
	// <nil>
}

// With Live a logout takes effect at once.
func ExampleIssuer_Live() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
	mux := http.NewServeMux()
	mux.Handle("GET /news", jwtauth.Verify(issuer)(hello))
	mux.Handle("GET /account", jwtauth.Verify(issuer.Live())(hello))

	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	if err := issuer.Logout(ctx, tokens.RefreshToken); err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"/news", "/account"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	// Output:
	// /news 200
	// /account 401
}

func ExampleLabel() {
	ctx := context.Background()
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	login := func(w http.ResponseWriter, r *http.Request) {
		// The user has been authenticated.
		tokens, err := issuer.Login(r.Context(), "user-1", jwtauth.Label(r.UserAgent()))
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		jwtauth.WriteTokens(w, tokens)
	}
	r := httptest.NewRequest("POST", "/login", nil)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)\x1b[31m")
	login(httptest.NewRecorder(), r)
	list, err := issuer.Sessions(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", list[0].Label)
	// Output: "Mozilla/5.0 (X11; Linux x86_64)[31m"
}

func ExampleEvent() {
	ctx := context.Background()
	issuer, clock := exampleSessions(jwtauth.IssuerOptions{
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			if e.Kind == jwtauth.EventReuse {
				fmt.Println("alert: an old refresh token was reused for", e.Subject)
			}
		},
	})
	tokens, err := issuer.Login(ctx, "user-1")
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		if _, err = issuer.Refresh(ctx, tokens.RefreshToken); err != nil {
			fmt.Println(err)
		}
		clock.Set(clock.Now().Add(time.Hour))
	}
	// Output:
	// alert: an old refresh token was reused for user-1
	// jwtauth: refresh token reused
}

// A store that keeps the sessions of a subject in one place can begin the names
// of its records with the tag.
func ExampleSubjectTag() {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	if _, err := issuer.Login(context.Background(), "user-1"); err != nil {
		log.Fatal(err)
	}
	list, err := issuer.Sessions(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(jwtauth.SubjectTag("user-1"), strings.HasPrefix(list[0].ID, jwtauth.SubjectTag("user-1")+"-"))
	// Output: OLZXU6RG true
}

func ExampleNewHandlers() {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	hashes := map[string]string{
		"ada": "$2b$04$Kp5aVwXe2NdYr9MuTiJc7.mEPvJQSfUbGYHcN/Z5rqh6Pwl5mlfZe",
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(ctx context.Context, username, password string) (string, error) {
			return "user:" + username, jwtauth.CheckPassword(ctx, hashes[username], password)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.HandleFunc("POST /logout", handlers.Logout)

	post := func(path string, body url.Values) {
		r := httptest.NewRequest("POST", path, strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	post("/login", url.Values{"username": {"ada"}, "password": {"password"}})
	post("/refresh", url.Values{"refresh_token": {"not one"}})
	post("/logout", url.Values{})
	// Output:
	// /login 200
	// /refresh 401
	// /logout 400
}

func ExampleHandlers_Login() {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(_ context.Context, username, password string) (string, error) {
			return "", jwtauth.ErrWrongPassword // no user may log in
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/login", strings.NewReader(`{"username":"ada","password":"guess"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handlers.Login(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output: 401 {"title":"Unauthorized","status":401,"detail":"Wrong username or password.","code":"login_failed"}
}

// exampleHandlers returns endpoints, and the tokens of a login.
func exampleHandlers() (*jwtauth.Handlers, jwtauth.Tokens) {
	issuer, _ := exampleSessions(jwtauth.IssuerOptions{})
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(context.Context, string, string) (string, error) { return "user-1", nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := issuer.Login(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	return handlers, tokens
}

func ExampleHandlers_Refresh() {
	handlers, tokens := exampleHandlers()
	r := httptest.NewRequest("POST", "/refresh", strings.NewReader("refresh_token="+tokens.RefreshToken))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	handlers.Refresh(w, r)
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"))
	// Output: 200 application/json no-store
}

func ExampleHandlers_Logout() {
	handlers, tokens := exampleHandlers()
	for range 2 { // ending a session twice is no error
		r := httptest.NewRequest("POST", "/logout", strings.NewReader("refresh_token="+tokens.RefreshToken))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handlers.Logout(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 204
	// 204
}

func ExamplePeerAddress() {
	for _, remote := range []string{"192.0.2.7:50000", "[2001:db8:1:2:3:4:5:6]:50000"} {
		fmt.Println(jwtauth.PeerAddress(&http.Request{RemoteAddr: remote}))
	}
	// Output:
	// 192.0.2.7
	// 2001:db8:1:2::/64
}

func ExampleCookie() {
	cookies := jwtauth.Cookie("access_token")
	for _, from := range []string{"same-origin", "cross-site"} {
		r := httptest.NewRequest("POST", "https://app.example/transfer", nil)
		r.AddCookie(&http.Cookie{Name: "access_token", Value: "abc"})
		r.Header.Set("Sec-Fetch-Site", from) // as browsers do
		token, err := cookies(r)
		fmt.Printf("%s: %q %v\n", from, token, err)
	}
	// Output:
	// same-origin: "abc" <nil>
	// cross-site: "" jwtauth: cross-site request: sent by a page of another origin
}
