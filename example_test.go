package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// exampleIssuer stands for the one that a program makes at its start.
func exampleIssuer() *jwtauth.Issuer {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return issuer
}

func exampleToken(issuer *jwtauth.Issuer, claims any) string {
	token, err := issuer.Sign("user-1", claims)
	if err != nil {
		log.Fatal(err)
	}
	return token
}

// hello answers with the subject of the token.
var hello = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	claims, ok := jwtauth.FromContext(r.Context())
	if !ok {
		fmt.Fprint(w, "Hello stranger")
		return
	}
	fmt.Fprint(w, "Hello ", claims.Subject)
})

// show serves one request and prints the answer.
func show(h http.Handler, r *http.Request) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
}

func Example() {
	// At the start of the program; a real one reads its key by KeyFromEnv.
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{AccessTTL: time.Hour})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		// Here CheckPassword comes first.
		tokens, err := issuer.Login(r.Context(), r.PostFormValue("username"))
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		jwtauth.WriteTokens(w, tokens)
	})
	mux.Handle("GET /dashboard", jwtauth.Verify(issuer)(hello))

	// A client logs in,
	r := httptest.NewRequest("POST", "/login", strings.NewReader(url.Values{"username": {"ann"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	var tokens jwtauth.Tokens
	if err := json.Unmarshal(w.Body.Bytes(), &tokens); err != nil {
		log.Fatal(err)
	}
	// and brings the token along.
	r = httptest.NewRequest("GET", "/dashboard", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	show(mux, r)
	// Output: 200 Hello ann
}

func ExampleNewIssuer() {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Issuer:    "https://auth.example.com",
		Audience:  []string{"https://api.example.com"},
		AccessTTL: 10 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), exampleToken(issuer, nil))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Issuer, claims.Audience, claims.ExpiresAt.Sub(claims.IssuedAt))
	// Output: https://auth.example.com [https://api.example.com] 10m0s
}

// A constructor tells all faults at once, each with its field.
func ExampleNewIssuer_faults() {
	key, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	_, err = jwtauth.NewIssuer(key.Public(), jwtauth.IssuerOptions{Leeway: time.Hour, AccessTTL: 1500 * time.Millisecond})
	fmt.Println(err)
	// Output:
	// jwtauth: IssuerOptions.Leeway: 1h0m0s exceeds the maximum of 5m0s
	// jwtauth: IssuerOptions.AccessTTL: 1.5s is not a whole number of seconds
	// jwtauth: NewIssuer: key: has no private part to sign with
}

func ExampleIssuerOptions() {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		Claims: func(ctx context.Context, subject string) (any, error) {
			if subject == "mallory" {
				return nil, jwtauth.ErrSubjectDisabled
			}
			return map[string]any{"scope": "read write", "username": subject}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	tokens, err := issuer.Login(context.Background(), "ann")
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), tokens.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Scope)
	_, err = issuer.Login(context.Background(), "mallory")
	fmt.Println(err)
	// Output:
	// read write
	// jwtauth: subject disabled
}

func ExampleIssuer_Sign() {
	issuer := exampleIssuer()
	token, err := issuer.Sign("user-1", struct {
		Username string `json:"username"`
		Scope    string `json:"scope"`
	}{"ann", "read write"})
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.Scope)

	_, err = issuer.Sign("user-1", map[string]any{"Exp": 1893456000})
	fmt.Println(err)
	// Output:
	// user-1 read write
	// jwtauth: claims: "Exp" is not the caller's to set
}

func ExampleExpiresIn() {
	issuer := exampleIssuer()
	token, err := issuer.Sign("user-1", nil, jwtauth.ExpiresIn(time.Minute))
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.ExpiresAt.Sub(claims.IssuedAt))
	// Output: 1m0s
}

func ExampleForAudience() {
	issuer := exampleIssuer()
	token, err := issuer.Sign("user-1", nil, jwtauth.ForAudience("https://files.example.com"))
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Audience)
	// Output: [https://files.example.com]
}

func ExampleIssuer_Login() {
	issuer := exampleIssuer()
	tokens, err := issuer.Login(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tokens.TokenType, tokens.ExpiresIn)
	fmt.Println(tokens) // shows no token
	// Output:
	// Bearer 900
	// Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}
}

func ExampleAuthenticatedAt() {
	issuer := exampleIssuer()
	// An identity provider says when its user has logged in.
	tokens, err := issuer.Login(context.Background(), "user-1", jwtauth.AuthenticatedAt(time.Date(2025, 6, 1, 8, 30, 0, 0, time.UTC)))
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), tokens.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.AuthTime.UTC())
	// Output: 2025-06-01 08:30:00 +0000 UTC
}

func ExampleIssuer_SetKeys() {
	issuer := exampleIssuer()
	old := exampleToken(issuer, nil)

	next, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	// Without the old key among those accepted, its tokens are refused at once.
	if err := issuer.SetKeys(next); err != nil {
		log.Fatal(err)
	}
	_, err = issuer.VerifyToken(context.Background(), old)
	fmt.Println(err)
	// Output: jwtauth: token signature invalid
}

func ExampleIssuer_VerifyToken() {
	issuer := exampleIssuer()
	claims, err := issuer.VerifyToken(context.Background(), exampleToken(issuer, nil))
	fmt.Println(claims.Subject, err)

	_, err = issuer.VerifyToken(context.Background(), "not.a.token")
	fmt.Println(errors.Is(err, jwtauth.ErrTokenInvalid), err)
	// Output:
	// user-1 <nil>
	// true jwtauth: token malformed: invalid header
}

// A service that only consumes tokens holds public keys.
func ExampleNewVerifier() {
	signing, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(signing, jwtauth.IssuerOptions{
		Issuer:   "https://auth.example.com",
		Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}

	keys, err := jwtauth.StaticKeys(signing.Public())
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   "https://auth.example.com",
		Audience: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil))
	show(jwtauth.Verify(verifier)(hello), r)
	// Output: 200 Hello user-1
}

func ExampleVerifier_VerifyToken() {
	key, err := jwtauth.GenerateKey(jwtauth.EdDSA)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: "https://auth.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{Issuer: "https://other.example.com", AnyAudience: true})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.VerifyToken(context.Background(), exampleToken(issuer, nil))
	fmt.Println(errors.Is(err, jwtauth.ErrIssuerMismatch), err)
	// Output: true jwtauth: token of another issuer
}

func ExampleStaticKeys() {
	secret, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	public, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	_, err = jwtauth.StaticKeys(public, secret)
	fmt.Println(err)
	// Output: jwtauth: StaticKeys: keys: contains symmetric and public keys: make a verifier for each kind
}

func ExampleVerify() {
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer)(hello)

	r := httptest.NewRequest("GET", "/", nil)
	show(handler, r)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil))
	show(handler, r)
	// Output:
	// 401 {"title":"Unauthorized","status":401,"detail":"Authentication required.","code":"token_missing"}
	// 200 Hello user-1
}

func ExampleOptional() {
	handler := jwtauth.Verify(exampleIssuer(), jwtauth.Optional())(hello)
	show(handler, httptest.NewRequest("GET", "/", nil))
	// Output: 200 Hello stranger
}

func ExampleFrom() {
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer, jwtauth.From(jwtauth.Bearer(), jwtauth.Header("X-Access-Token")))(hello)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Access-Token", exampleToken(issuer, nil))
	show(handler, r)
	// Output: 200 Hello user-1
}

func ExampleOnError() {
	handler := jwtauth.Verify(exampleIssuer(), jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		if errors.Is(err, jwtauth.ErrTokenMissing) {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		jwtauth.WriteError(w, r, err)
	}))(hello)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 303 /login
}

func ExampleBearer() {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer eyJhbGciOi…")
	_, err := jwtauth.Bearer()(r)
	fmt.Println(err)
	r.Header.Set("Authorization", "bearer mF_9.B5f-4.1JqM")
	token, err := jwtauth.Bearer()(r)
	fmt.Println(token, err)
	// Output:
	// jwtauth: malformed credentials: not a token
	// mF_9.B5f-4.1JqM <nil>
}

func ExampleHeader() {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Access-Token", "mF_9.B5f-4.1JqM")
	fmt.Println(jwtauth.Header("X-Access-Token")(r))
	// Output: mF_9.B5f-4.1JqM <nil>
}

func ExampleQuery() {
	r := httptest.NewRequest("GET", "/download?access_token=mF_9.B5f-4.1JqM", nil)
	fmt.Println(jwtauth.Query("access_token")(r))
	// Output: mF_9.B5f-4.1JqM <nil>
}

func ExampleForm() {
	r := httptest.NewRequest("POST", "/", strings.NewReader("access_token=mF_9.B5f-4.1JqM&x=1"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	fmt.Println(jwtauth.Form("access_token")(r))
	fmt.Println(r.FormValue("x")) // the body is still there
	// Output:
	// mF_9.B5f-4.1JqM <nil>
	// 1
}

// A source of one's own: here, a WebSocket's subprotocols, the one field that a browser lets a page set.
func ExampleSource() {
	subprotocol := func(r *http.Request) (string, error) {
		for name := range strings.SplitSeq(r.Header.Get("Sec-WebSocket-Protocol"), ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(name), "bearer."); ok {
				return token, nil
			}
		}
		return "", nil
	}
	issuer := exampleIssuer()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Sec-WebSocket-Protocol", "chat, bearer."+exampleToken(issuer, nil))
	show(jwtauth.Verify(issuer, jwtauth.From(subprotocol))(hello), r)
	// Output: 200 Hello user-1
}

func ExampleRequire() {
	issuer := exampleIssuer()
	ownPage := jwtauth.Require(func(c *jwtauth.Claims) error {
		if c.Subject != "user-1" {
			return jwtauth.ErrForbidden
		}
		return nil
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil))
	show(jwtauth.Verify(issuer)(ownPage(hello)), r)
	// Output: 200 Hello user-1
}

func ExampleRequireScope() {
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer)(jwtauth.RequireScope("files:write")(hello))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, map[string]string{"scope": "files:read"}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 403 Bearer realm="restricted", error="insufficient_scope", scope="files:write"
}

func ExampleRequireFresh() {
	issuer := exampleIssuer()
	handler := jwtauth.Verify(issuer)(jwtauth.RequireFresh(5 * time.Minute)(hello))
	tokens, err := issuer.Login(context.Background(), "user-1", jwtauth.AuthenticatedAt(time.Now().Add(-time.Hour)))
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/transfer", nil)
	r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 Bearer realm="restricted", error="insufficient_user_authentication", max_age="300"
}

func ExampleFromContext() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		claims, ok := jwtauth.FromContext(r.Context())
		fmt.Println(ok, claims.Subject)
	}
	issuer := exampleIssuer()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, nil))
	jwtauth.Verify(issuer)(http.HandlerFunc(handler)).ServeHTTP(httptest.NewRecorder(), r)
	// Output: true user-1
}

// A test of a handler needs no token.
func ExampleNewContext() {
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(jwtauth.NewContext(r.Context(), &jwtauth.Claims{Subject: "user-1"}))
	show(hello, r)
	// Output: 200 Hello user-1
}

func ExampleClaimsAs() {
	type profile struct {
		Username string `json:"username"`
	}
	handler := func(w http.ResponseWriter, r *http.Request) {
		me, err := jwtauth.ClaimsAs[profile](r.Context())
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		_, _ = io.WriteString(w, "Hello "+me.Username)
	}
	issuer := exampleIssuer()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+exampleToken(issuer, profile{"ann"}))
	show(jwtauth.Verify(issuer)(http.HandlerFunc(handler)), r)
	// Output: 200 Hello ann
}

func ExampleClaims_Decode() {
	issuer := exampleIssuer()
	claims, err := issuer.VerifyToken(context.Background(), exampleToken(issuer, map[string]any{"roles": []string{"editor"}}))
	if err != nil {
		log.Fatal(err)
	}
	var own struct {
		Roles []string `json:"roles"`
	}
	if err := claims.Decode(&own); err != nil {
		log.Fatal(err)
	}
	fmt.Println(own.Roles)
	// Output: [editor]
}

func ExampleClaims_UnmarshalJSON() {
	// What a token introspection endpoint has answered (RFC 7662).
	var claims jwtauth.Claims
	if err := json.Unmarshal([]byte(`{"active":true,"sub":"user-1","scope":"read","exp":4102444800}`), &claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Subject, claims.HasScope("read"), claims.ExpiresAt.UTC().Year())
	// Output: user-1 true 2100
}

func ExampleClaims_HasScope() {
	claims := &jwtauth.Claims{Scope: "files:read files:write"}
	fmt.Println(claims.HasScope("files:read"), claims.HasScope("files"))
	// Output: true false
}

// A TokenVerifier of one's own: here, a fake for a test.
func ExampleTokenVerifier() {
	fake := fakeVerifier{"token-of-ann": {Subject: "ann"}}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer token-of-ann")
	show(jwtauth.Verify(fake)(hello), r)
	// Output: 200 Hello ann
}

type fakeVerifier map[string]*jwtauth.Claims

func (f fakeVerifier) VerifyToken(_ context.Context, token string) (*jwtauth.Claims, error) {
	if claims := f[token]; claims != nil {
		return claims, nil
	}
	return nil, jwtauth.ErrTokenInvalid
}

func ExampleWriteError() {
	w := httptest.NewRecorder()
	jwtauth.WriteError(w, httptest.NewRequest("POST", "/login", nil), jwtauth.ErrWrongPassword)
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	fmt.Print(w.Body)
	// Output:
	// 401 application/problem+json
	// {"title":"Unauthorized","status":401,"detail":"Wrong username or password.","code":"login_failed"}
}

func ExampleWriteTokens() {
	w := httptest.NewRecorder()
	jwtauth.WriteTokens(w, jwtauth.Tokens{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer", ExpiresIn: 900})
	fmt.Println(w.Header().Get("Cache-Control"))
	fmt.Print(w.Body)
	// Output:
	// no-store
	// {"access_token":"mF_9.B5f-4.1JqM","token_type":"Bearer","expires_in":900}
}

func ExampleTokens_String() {
	tokens := jwtauth.Tokens{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer", ExpiresIn: 900}
	fmt.Printf("%s\n%+v\n", tokens.String(), tokens)
	// Output:
	// Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}
	// Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}
}

func ExampleTokens_LogValue() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	logger.Info("login", "tokens", jwtauth.Tokens{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer", ExpiresIn: 900})
	// Output: level=INFO msg=login tokens="Tokens{TokenType:\"Bearer\" ExpiresIn:900 redacted}"
}
