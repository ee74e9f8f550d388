package sessions_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// secret is the key of all instances, also of those in other processes.
const secret = "one secret for all instances of a test"

func key(t testing.TB) jwtauth.Key {
	t.Helper()
	k, err := jwtauth.NewKey(jwtauth.HS256, []byte(secret))
	check(t, err)
	return k
}

// instance is a service in the process of the tests, and so under the race
// detector.
type instance struct {
	*jwtauth.Issuer
	live jwtauth.TokenVerifier // checks sessions for each request
	url  string
}

// setup holds the options that the instances of a test share.
type setup struct {
	clock  *clock
	events *events
	claims func(ctx context.Context, s jwtauth.Session) (any, error)

	authenticate func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) // nil accepts any password
	version      func(ctx context.Context, subject string) (string, error)                                   // of the password; may be nil
}

func newSetup() setup { return setup{clock: newClock(), events: &events{}} }

// instance starts an instance on a store. Its clock differs by skew.
func (s setup) instance(t testing.TB, store jwtauth.SessionStore, skew time.Duration) instance {
	t.Helper()
	issuer, err := jwtauth.NewIssuer(key(t), jwtauth.IssuerOptions{
		Sessions:          store,
		Claims:            s.claims,
		CredentialVersion: s.version,
		OnEvent:           s.events.add,
		Now:               func() time.Time { return s.clock.Now().Add(skew) },
	})
	check(t, err)
	authenticate := s.authenticate
	if authenticate == nil {
		authenticate = func(_ context.Context, username, _ string) (string, []jwtauth.LoginOption, error) {
			return username, nil, nil
		}
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{Authenticate: authenticate})
	check(t, err)
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "welcome") })
	live := jwtauth.Live(issuer, store, 0)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.HandleFunc("POST /logout", handlers.Logout)
	mux.HandleFunc("POST /organisation", changeOrganisation(issuer))
	mux.Handle("GET /dashboard", jwtauth.Verify(live)(page))
	mux.Handle("GET /catalog", jwtauth.Verify(issuer)(page))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return instance{issuer, live, server.URL}
}

// instances starts three instances, each with its own connections.
func (s setup) instances(t testing.TB, p place) []instance {
	t.Helper()
	var list []instance
	for range 3 {
		list = append(list, s.instance(t, p.open(t), 0))
	}
	return list
}

// answer is the response that a client sees, or status 0 if there was no
// response.
type answer struct {
	status     int
	retryAfter string
	code       string
	tokens     jwtauth.Tokens
}

// httpClient keeps a connection for every concurrent request, so that there are
// enough ports.
var httpClient = &http.Client{
	Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	Timeout:   time.Minute,
}

func call(t testing.TB, method, url, accessToken string, body map[string]string) answer {
	t.Helper()
	text, err := json.Marshal(body)
	check(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(text))
	check(t, err)
	req.Header.Set("Content-Type", "application/json")
	if accessToken != "" {
		req.Header.Set("Authorization", "Bearer "+accessToken)
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil {
		return answer{}
	}
	a := answer{status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After")}
	if resp.Header.Get("Content-Type") == "application/problem+json" {
		var problem struct{ Code string }
		check(t, json.Unmarshal(text, &problem))
		a.code = problem.Code
	} else if method == "POST" && a.status == 200 {
		check(t, json.Unmarshal(text, &a.tokens))
	}
	return a
}

func login(t testing.TB, url, username, password string) jwtauth.Tokens {
	t.Helper()
	a := call(t, "POST", url+"/login", "", map[string]string{"username": username, "password": password})
	if a.status != 200 {
		t.Fatalf("login: %d %s", a.status, a.code)
	}
	return a.tokens
}

func refresh(t testing.TB, url, token string) answer {
	t.Helper()
	return call(t, "POST", url+"/refresh", "", map[string]string{"refresh_token": token})
}

func logout(t testing.TB, url, token string) answer {
	t.Helper()
	return call(t, "POST", url+"/logout", "", map[string]string{"refresh_token": token})
}

func get(t testing.TB, url, accessToken string) answer {
	t.Helper()
	return call(t, "GET", url, accessToken, nil)
}

func (a answer) want(t testing.TB, what string, status int, code string) {
	t.Helper()
	if a.status != status || a.code != code {
		t.Errorf("%s: %d %s; want %d %s", what, a.status, a.code, status, code)
	}
}

// isOutage reports whether a tells the client to wait.
func (a answer) isOutage() bool {
	seconds, err := strconv.Atoi(a.retryAfter)
	return a.status == 503 && a.code == "unavailable" && err == nil && seconds >= 1 && seconds <= 5
}

// contents returns the content of a refresh token without checking its
// signature.
type contents struct {
	SID string `json:"sid"`
	Gen int64  `json:"gen"`
}

func read(t testing.TB, refreshToken string) (c contents) {
	t.Helper()
	parts := strings.Split(refreshToken, ".")
	if len(parts) != 3 {
		t.Fatalf("%d segments are no token", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	check(t, err)
	check(t, json.Unmarshal(payload, &c))
	return c
}
