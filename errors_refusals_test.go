package jwtauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// refusal is a mistake of a developer or a client. setup is all that a
// developer knows about it, besides the text that OnError receives.
type refusal struct {
	setup string
	err   string // after "jwtauth: "
	// request is sent to a handler behind Verify with the options. The
	// verifier is subjects, unless there is another.
	request  *http.Request
	verifier jwtauth.TokenVerifier
	options  []jwtauth.VerifyOption
	around   middleware
}

// The exact text that OnError receives for each refusal. Run the test with -v
// to read the set-ups and the texts side by side.
func TestRefusalTexts(t *testing.T) {
	for _, c := range slices.Concat(refusalsOfSources(), refusalsOfCookies(), refusalsOfRequire(), refusalsOfTokens(t)) {
		var got error
		opts := append([]jwtauth.VerifyOption{jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
			got = err
			jwtauth.WriteError(w, r, err)
		})}, c.options...)
		if c.verifier == nil {
			c.verifier = subjects
		}
		if c.around == nil {
			c.around = func(h http.Handler) http.Handler { return h }
		}
		w := serve(jwtauth.Verify(c.verifier, opts...)(c.around(greet)), c.request)
		checkRefusalText(t, c.setup, got, c.err, w)
	}
}

func checkRefusalText(t *testing.T, setup string, got error, want string, w *httptest.ResponseRecorder) {
	t.Helper()
	t.Logf("%s\n\t%v", setup, got)
	if got == nil || got.Error() != "jwtauth: "+want {
		t.Errorf("%s:\n got %v\nwant jwtauth: %s", setup, got, want)
		return
	}
	if w.Code < 400 || strings.Contains(w.Body.String(), want) {
		t.Errorf("%s: the client sees %d %s", setup, w.Code, w.Body)
	}
}

func withHeader(name string, values ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header[http.CanonicalHeaderKey(name)] = values
	return r
}

func refusalsOfSources() []refusal {
	const (
		malformed = "malformed credentials: "
		header    = malformed + "the Authorization header: "
	)
	from := func(sources ...jwtauth.Source) []jwtauth.VerifyOption {
		return []jwtauth.VerifyOption{jwtauth.From(sources...)}
	}
	apiKey, query, form := from(jwtauth.Header("X-Api-Token")), from(jwtauth.Query("token")), from(jwtauth.Form("token"))
	both := from(jwtauth.Bearer(), jwtauth.Query("token"), jwtauth.Form("token"))
	second := get("valid-ann")
	second.URL.RawQuery = "token=valid-ann"
	return []refusal{
		{setup: "curl without -H", err: "no token", request: get("")},
		{setup: "-H 'Authorization: JWT a.b.c'", err: `no token: the Authorization header has a scheme that no source reads; Bearer() reads "Bearer " and the token, HeaderScheme another scheme`, request: withHeader("Authorization", "JWT a.b.c")},
		{setup: "-H 'Authorization: a.b.c'", err: `no token: the Authorization header has a token without a scheme: send "Bearer " before it`, request: withHeader("Authorization", "a.b.c")},
		{setup: "-H 'Authorization: Bearer'", err: header + "no token follows the scheme", request: withHeader("Authorization", "Bearer")},
		{setup: "-H 'Authorization: Bearer Bearer a.b.c'", err: header + "the scheme is given twice", request: get("Bearer a.b.c")},
		{setup: "-H 'Authorization: Bearer \"a.b.c\"'", err: header + "the token is in quotes", request: get(`"a.b.c"`)},
		{setup: "the token was read from a file that ends with a space", err: header + "a space or a line break in the token or after it", request: get("a.b.c ")},
		{setup: "the token was cut by a copy, it ends with …", err: header + "a token that a display or a log has shortened or masked (… or ***)", request: get("a.b.c…")},
		{setup: "-H 'Authorization: Bearer [object Object]'", err: header + "the text form of an object, such as [object Object] or b'…', instead of a token: send the token in it", request: get("[object Object]")},
		{setup: "-H 'Authorization: Bearer a%2Eb%2Ec'", err: header + "the token is percent-encoded (%2E stands for a dot): decode it once", request: get("a%2Eb%2Ec")},
		{setup: "a proxy joins two Authorization headers", err: header + "a comma in the token: two tokens or two headers were joined", request: get("a.b.c, Bearer a.b.c")},
		{setup: "-H 'Authorization: Bearer {\"access_token\":…}'", err: header + "the whole response of a token endpoint: pass its access_token alone", request: get(`{"access_token":"a.b.c"}`)},
		{setup: "-H 'Authorization: Bearer {{token}}'", err: header + "a placeholder such as $TOKEN or <token>, which was not replaced", request: get("{{token}}")},
		{setup: "-H 'Authorization: Bearer token=a.b.c'", err: header + "a name and an equals sign precede the token: pass the value alone", request: get("token=a.b.c")},
		{setup: "a byte order mark before the token", err: header + "a character outside of ASCII, such as a byte order mark or a long dash", request: get("\ufeffa.b.c")},
		{setup: "an exclamation mark after the token", err: header + "a character that no token contains (RFC 6750, section 2.1)", request: get("a.b.c!")},
		{setup: "the proxy and the client each send Authorization", err: malformed + "several Authorization headers", request: withHeader("Authorization", "Basic YTpi", "Bearer a.b.c")},
		{setup: "From(Cookie(\"session\")), -H 'Authorization: Bearer a.b.c'", err: "no token: the Authorization header has the scheme Bearer, which no source reads: add Bearer() to From", request: get("a.b.c"), options: from(jwtauth.Cookie("session"))},
		{setup: "From(Header(\"X-Api-Token\")), -H 'X-Api-Token: Bearer a.b.c'", err: malformed + "the X-Api-Token header: a scheme precedes the token: read this header with HeaderScheme", request: withHeader("X-Api-Token", "Bearer a.b.c"), options: apiKey},
		{setup: "From(Header(\"X-Api-Token\")), two such headers", err: malformed + "the header X-Api-Token: given twice", request: withHeader("X-Api-Token", "a", "a"), options: apiKey},
		{setup: "From(HeaderScheme(\"X-Forwarded-Authorization\", \"Bearer\")), two such headers", err: malformed + "several X-Forwarded-Authorization headers", request: withHeader("X-Forwarded-Authorization", "Bearer a", "Bearer a"), options: from(jwtauth.HeaderScheme("X-Forwarded-Authorization", "Bearer"))},
		{setup: "From(Query(\"token\")), /?token=a+b", err: malformed + "the query parameter token: a space or a line break in the token or after it", request: httptest.NewRequest("GET", "/?token=a+b", nil), options: query},
		{setup: "From(Query(\"token\")), /?token=a&token=b", err: malformed + "the query parameter token: given twice", request: httptest.NewRequest("GET", "/?token=a&token=b", nil), options: query},
		{setup: "From(Bearer(), Query(\"token\"), …), a token in both", err: malformed + "tokens in two of the sources", request: second, options: both},
		{setup: "From(Form(\"token\")), a body that ends with %", err: malformed + "the form in the body is malformed or incomplete", request: formRequest("POST", formType, "token=a&x=%"), options: form},
		{setup: "From(Form(\"token\")), token twice in the body", err: malformed + "the form parameter token: given twice", request: formRequest("POST", formType, "token=a&token=b"), options: form},
		{setup: "From(Form(\"token\")), a body of 2 MiB", err: "request body too large: Form reads at most 1 MiB", request: formRequest("POST", formType, strings.Repeat("x", 2<<20)), options: form},
	}
}

func refusalsOfCookies() []refusal {
	options := []jwtauth.VerifyOption{jwtauth.From(jwtauth.Cookie("session"))}
	send := func(method, cookies string, header ...string) *http.Request {
		r := httptest.NewRequest(method, "https://app.example/", nil)
		r.Header.Set("Cookie", cookies)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	const otherOrigin = "cross-site request: sent by a page of another origin: "
	return []refusal{
		{setup: "the cookie has another name", err: "no token: the request has cookies, but none that a source reads", request: send("GET", "sid=a.b.c"), options: options},
		{setup: "a sibling host has set the cookie as well", err: "malformed credentials: the cookie session: given twice", request: send("GET", "session=a; session=b"), options: options},
		{setup: "the cookie contains JSON", err: "malformed credentials: the cookie session: JSON instead of a token", request: send("GET", "session={a}"), options: options},
		{setup: "curl -X POST -b session=…", err: "cross-site request: no Sec-Fetch-Site or Origin header, which every browser sends: other clients must send the token in a header, not in a cookie", request: send("POST", "session=a.b.c"), options: options},
		{setup: "fetch from https://www.example", err: otherOrigin + `Sec-Fetch-Site is "same-site", and CookieOptions.TrustedOrigins does not list the Origin "https://www.example"`, request: send("POST", "session=a.b.c", "Origin", "https://www.example", "Sec-Fetch-Site", "same-site"), options: options},
		{setup: "the proxy passes on Host: backend:8080, and an old browser sends only Origin", err: otherOrigin + `the Origin "https://public.example" does not match the Host "app.example", and CookieOptions.TrustedOrigins does not list it; a proxy must not change the Host header`, request: send("POST", "session=a.b.c", "Origin", "https://public.example"), options: options},
		{setup: "new WebSocket() on a page of another site", err: otherOrigin + `the Origin "https://evil.example" does not match the Host "app.example", and CookieOptions.TrustedOrigins does not list it; a proxy must not change the Host header`, request: send("GET", "session=a.b.c", "Upgrade", "websocket", "Origin", "https://evil.example"), options: options},
	}
}

func refusalsOfRequire() []refusal {
	login := "insufficient authentication: "
	old := claimsVerifier(jwtauth.Claims{Subject: "ann", AuthTime: time.Now().Add(-time.Hour), AuthContext: "pwd"})
	return []refusal{
		{setup: "RequireScope(\"read\", \"admin\"), the token has \"read write\"", err: "scope missing: read admin", request: get("valid-ann"), around: jwtauth.RequireScope("read", "admin")},
		{setup: "Require(check), check returns errors.New(\"not on Sundays\")", err: "forbidden: not on Sundays", request: get("valid-ann"), around: jwtauth.Require(func(*jwtauth.Claims) error { return fmt.Errorf("not on Sundays") })},
		{setup: "Optional() and RequireScope, no token", err: "no token", request: get(""), options: []jwtauth.VerifyOption{jwtauth.Optional()}, around: jwtauth.RequireScope("read")},
		{setup: "RequireFresh(5 * time.Minute), login an hour ago", err: login + "auth_time is more than 5m0s ago", request: get("x"), verifier: old, around: jwtauth.RequireFresh(5 * time.Minute)},
		{setup: "RequireFresh(time.Minute), a token without auth_time", err: login + "the token has no auth_time", request: get("x"), verifier: claimsVerifier(jwtauth.Claims{}), around: jwtauth.RequireFresh(time.Minute)},
		{setup: "RequireFresh(24 * time.Hour, \"mfa\"), login with a password", err: login + `acr is not one of ["mfa"]`, request: get("x"), verifier: old, around: jwtauth.RequireFresh(24*time.Hour, "mfa")},
		{setup: "RequireFresh(time.Minute, \"mfa\"), a token without acr", err: login + "the token has no acr", request: get("valid-ann"), around: jwtauth.RequireFresh(time.Minute, "mfa")},
		{setup: "ProofOfPossession(check), check returns errors.New(\"no DPoP header\")", err: "token refused: refused by ProofOfPossession: no DPoP header", request: get("valid-ann"), options: []jwtauth.VerifyOption{
			jwtauth.ProofOfPossession(func(*http.Request, string, *jwtauth.Claims) error { return fmt.Errorf("no DPoP header") }),
		}},
	}
}

func claimsVerifier(claims jwtauth.Claims) jwtauth.TokenVerifier {
	return verifierFunc(func(context.Context, string) (*jwtauth.Claims, error) { return &claims, nil })
}

// The exact text that HandlerOptions.OnError receives for a request that the
// Handlers refuse.
func TestRefusalTextsOfHandlers(t *testing.T) {
	var got error
	s := newEndpoints(t, func(o *jwtauth.HandlerOptions) {
		o.OnError = func(w http.ResponseWriter, r *http.Request, err error) {
			got = err
			jwtauth.WriteError(w, r, err)
		}
	})
	const (
		good = `{"username":"ann","password":"secret"}`
		body = "request body malformed: "
	)
	for _, c := range []struct{ setup, err, path, mediaType, body string }{
		{"fetch without a Content-Type", "media type not supported: Content-Type is neither application/json nor application/x-www-form-urlencoded", "/login", "text/plain;charset=UTF-8", good},
		{"fetch with a FormData", "media type not supported: Content-Type is neither application/json nor application/x-www-form-urlencoded", "/login", "multipart/form-data; boundary=x", good},
		{"a form sent as application/json", body + "it is not a JSON object, or a member is repeated", "/login", asJSON, "username=ann&password=secret"},
		{"username twice in JSON", body + "it is not a JSON object, or a member is repeated", "/login", asJSON, `{"username":"a","username":"b","password":"c"}`},
		{"the password as a number", body + "password is not a string", "/login", asJSON, `{"username":"ann","password":7}`},
		{"password twice in a form", body + "password is given twice", "/login", asForm, "username=ann&password=a&password=b"},
		{"a form that is not escaped", body + "it is not a form", "/login", asForm, "username=ann&password=100%"},
		{"the field is called user", body + "username or password missing", "/login", asJSON, `{"user":"ann","password":"secret"}`},
		{"the field is called refreshToken", body + "refresh_token missing", "/refresh", asJSON, `{"refreshToken":"x"}`},
		{"a body of 20 KiB", "request body too large: longer than HandlerOptions.MaxBodyBytes (16384)", "/login", asJSON, good + strings.Repeat(" ", 20<<10)},
	} {
		got = nil
		w := s.post(c.path, c.mediaType, c.body)
		checkRefusalText(t, c.setup, got, c.err, w)
	}
	checkRefusalText(t, "GET /login", func() error { s.send(httptest.NewRequest("GET", "/login", nil)); return got }(),
		"method not allowed: the Handlers serve POST", s.send(httptest.NewRequest("GET", "/login", nil)))
}
