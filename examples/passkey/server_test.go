package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/seed-0a072700/jwtauth"
)

// site is the application, at a host name.
type site struct {
	url    string
	server *httptest.Server
}

func newSite(t *testing.T, fresh time.Duration) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	s := &site{url: "https://localhost:" + port, server: server}
	key, err := tokenKey()
	if err != nil {
		t.Fatal(err)
	}
	quickly := func(_ context.Context, hash, password string) error {
		if hash == "" || password != "password" {
			return jwtauth.ErrWrongPassword
		}
		return nil
	}
	server.Config.Handler, err = newServer(key, quickly, config{
		baseURL: s.url, accessTTL: time.Minute, fresh: fresh,
	}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return s
}

// browser is a browser with an authenticator.
type browser struct {
	t             *testing.T
	site          *site
	client        *http.Client
	authenticator virtualwebauthn.Authenticator
	origin        string // that the browser reports to the authenticator
}

func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	transport := s.server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // a name in the certificate
	jar, _ := cookiejar.New(nil)
	return &browser{t: t, site: s, client: &http.Client{Jar: jar, Transport: transport},
		authenticator: virtualwebauthn.NewAuthenticator(), origin: s.url}
}

// send returns the status and the body.
func (b *browser) send(method, path, contentType, body string, headers ...string) (int, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.site.url+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Origin", b.site.url)
		r.Header.Set("Content-Type", contentType)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (b *browser) want(method, path, body string, status int, text string, headers ...string) {
	b.t.Helper()
	got, response := b.send(method, path, "application/json", body, headers...)
	if got != status || !strings.Contains(response, text) {
		b.t.Errorf("%s %s: %d, want %d with %q:\n%s", method, path, got, status, text, response)
	}
}

// password signs in with the password.
func (b *browser) password(name string) {
	b.t.Helper()
	b.want("POST", "/login", `{"username":"`+name+`","password":"password"}`, 200, "expires_in")
}

func (b *browser) me() (v view) {
	b.t.Helper()
	status, body := b.send("GET", "/api/me", "", "")
	if err := json.Unmarshal([]byte(body), &v); err != nil || status != 200 {
		b.t.Errorf("/api/me: %d: %s", status, body)
	}
	return v
}

func (b *browser) party() virtualwebauthn.RelyingParty {
	return virtualwebauthn.RelyingParty{ID: "localhost", Name: "jwtauth passkey", Origin: b.origin}
}

// create begins the registration of a passkey and returns the response of the
// authenticator. It fails the test unless the registration begins.
func (b *browser) create() string {
	b.t.Helper()
	status, body := b.send("POST", "/passkey/add/begin", "application/json", "")
	options, err := virtualwebauthn.ParseAttestationOptions(body)
	if err != nil || status != 200 {
		b.t.Fatalf("%v: %d: %s", err, status, body)
	}
	passkey := newPasskey(b.t)
	handle := userHandle(b.t, body)
	b.authenticator.Options.UserHandle = handle
	b.authenticator.AddCredential(passkey)
	return virtualwebauthn.CreateAttestationResponse(b.party(), b.authenticator, passkey, *options)
}

// newPasskey returns a passkey whose public key has no leading zeros:
// virtualwebauthn leaves them out, and go-webauthn then refuses the key.
func newPasskey(t *testing.T) virtualwebauthn.Credential {
	t.Helper()
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public, err := key.PublicKey.Bytes() // 4, 32 bytes of x, 32 bytes of y
		if err != nil {
			t.Fatal(err)
		}
		if public[1] == 0 || public[33] == 0 {
			continue
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, private)
	}
}

// userHandle returns the user ID in the options of a registration.
func userHandle(t *testing.T, options string) []byte {
	t.Helper()
	var parsed struct {
		PublicKey struct {
			User struct {
				ID base64URL `json:"id"`
			} `json:"user"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal([]byte(options), &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed.PublicKey.User.ID
}

// use begins a sign-in or a step-up and returns the response of the
// authenticator.
func (b *browser) use(path string) string {
	b.t.Helper()
	status, body := b.send("POST", path+"/begin", "application/json", "")
	options, err := virtualwebauthn.ParseAssertionOptions(body)
	if err != nil || status != 200 {
		b.t.Fatalf("%v: %d: %s", err, status, body)
	}
	passkey := &b.authenticator.Credentials[len(b.authenticator.Credentials)-1]
	passkey.Counter++
	return virtualwebauthn.CreateAssertionResponse(b.party(), b.authenticator, *passkey, *options)
}

// addPasskey adds a passkey to the user of the session.
func (b *browser) addPasskey() {
	b.t.Helper()
	b.want("POST", "/passkey/add/finish", b.create(), 204, "")
}

const (
	insufficient = `"code":"insufficient_user_authentication"`
	refused      = `"code":"passkey_refused"`
)

func TestPasswordIsNotAPasskey(t *testing.T) {
	b := newSite(t, time.Hour).browser(t)
	b.want("GET", "/api/codes", "", 401, "token_missing")
	b.password("ann")
	if me := b.me(); me.AuthContext != acrPassword || !slices.Equal(me.AuthMethods, []string{"pwd"}) {
		t.Errorf("%+v", me)
	}
	b.want("GET", "/api/codes", "", 401, insufficient)
	b.addPasskey()
	b.want("GET", "/api/codes", "", 401, insufficient) // added is not used
	b.want("POST", "/refresh", "", 200, "")
	b.want("GET", "/api/codes", "", 401, insufficient)
}

func TestSignIn(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	b.want("POST", "/logout", "", 204, "")
	b.want("POST", "/passkey/sign-in/finish", b.use("/passkey/sign-in"), 204, "")
	me := b.me()
	if me.Name != "ann" || me.AuthContext != acrPasskey || !slices.Equal(me.AuthMethods, []string{"hwk", "mfa"}) || time.Since(me.AuthTime) > time.Minute {
		t.Errorf("%+v", me)
	}
	b.want("GET", "/api/codes", "", 200, "4711")
	b.want("POST", "/refresh", "", 200, "")
	b.want("GET", "/api/codes", "", 200, "4711")
}

func TestStepUp(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 204, "")
	if me := b.me(); me.Name != "ann" || me.AuthContext != acrPasskey {
		t.Errorf("%+v", me)
	}
	b.want("GET", "/api/codes", "", 200, "4711")
	b.want("POST", "/refresh", "", 200, "")
	b.want("GET", "/api/codes", "", 200, "4711")
	// A new session by password is not raised.
	b.password("ann")
	b.want("GET", "/api/codes", "", 401, insufficient)
}

// A passkey of someone else does not raise a session, and does not change who
// is signed in.
func TestStepUpOfAnotherUser(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	b.password("bob") // the authenticator still holds ann's passkey
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 403, "")
	if me := b.me(); me.Name != "bob" || me.AuthContext != acrPassword {
		t.Errorf("%+v", me)
	}
	b.want("GET", "/api/codes", "", 401, insufficient)
	b.want("POST", "/refresh", "", 200, "")
	b.want("GET", "/api/codes", "", 401, insufficient)
}

func TestFreshnessEnds(t *testing.T) {
	const fresh = time.Second
	s := newSite(t, fresh)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 204, "")
	b.want("GET", "/api/codes", "", 200, "4711")
	deadline := time.Now().Add(10 * time.Second)
	for { // a real clock: the server is a process of its own in production, too
		status, body := b.send("GET", "/api/codes", "", "")
		if status == 401 && strings.Contains(body, insufficient) {
			break
		}
		if status != 200 || time.Now().After(deadline) {
			t.Fatalf("%d: %s", status, body)
		}
	}
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 204, "")
	b.want("GET", "/api/codes", "", 200, "4711")
}

// A further passkey needs a passkey: a stolen password is not enough to add
// one.
func TestFurtherPasskey(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	thief := s.browser(t)
	thief.password("ann")
	thief.want("POST", "/passkey/add/begin", "", 401, insufficient)
	b.want("POST", "/passkey/step-up/finish", b.use("/passkey/step-up"), 204, "")
	b.addPasskey()
	if me := b.me(); me.Passkeys != 2 {
		t.Errorf("%+v", me)
	}
}

func TestRefusedCeremonies(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	b.password("ann")
	b.addPasskey()
	const stepUp = "/passkey/step-up"

	b.want("POST", stepUp+"/finish", "{}", 403, refused) // not begun
	response := b.use(stepUp)
	b.want("POST", stepUp+"/finish", response, 204, "")
	b.want("POST", stepUp+"/finish", response, 403, refused) // a second time

	b.password("ann")
	b.want("POST", stepUp+"/finish", b.use("/passkey/sign-in"), 403, refused) // another purpose
	b.authenticator.Options.UserNotVerified = true
	b.want("POST", stepUp+"/finish", b.use(stepUp), 403, refused)
	b.authenticator.Options.UserNotVerified = false
	b.origin = "https://evil.example"
	b.want("POST", stepUp+"/finish", b.use(stepUp), 403, refused)
	b.origin = s.url
	b.authenticator.Credentials[0].Counter = 0 // a copy of the passkey from before its last use
	b.want("POST", stepUp+"/finish", b.use(stepUp), 403, refused)
	b.authenticator.Credentials[0].Counter = 100
	b.want("GET", "/api/codes", "", 401, insufficient)

	// The ceremony of another browser.
	other := s.browser(t)
	other.authenticator = b.authenticator
	stolen := other.use("/passkey/sign-in")
	b.want("POST", "/passkey/sign-in/finish", stolen, 403, refused)
	b.use("/passkey/sign-in")
	b.want("POST", "/passkey/sign-in/finish", stolen, 403, refused)
	other.want("POST", "/passkey/sign-in/finish", stolen, 204, "")

	// The pages of other sites.
	for _, path := range []string{"/passkey/sign-in/begin", "/passkey/sign-in/finish", stepUp + "/begin", stepUp + "/finish", "/passkey/add/begin", "/passkey/add/finish"} {
		b.want("POST", path, "{}", 403, "cross_site", "Origin: https://evil.example")
	}
	// Without a session.
	visitor := s.browser(t)
	for _, path := range []string{stepUp + "/begin", stepUp + "/finish", "/passkey/add/begin", "/passkey/add/finish"} {
		visitor.want("POST", path, "{}", 401, "token_missing")
	}
}

func TestPages(t *testing.T) {
	s := newSite(t, time.Hour)
	b := s.browser(t)
	form := func(body string) (int, string) {
		return b.send("POST", "/login", "application/x-www-form-urlencoded", body)
	}
	for body, want := range map[string]int{
		"username=ann&password=wrong":    401,
		"username=eve&password=password": 401,
		"username=ann":                   400,
		"username=Ann&password=password": 200,
	} {
		if status, page := form(body); status != want {
			t.Errorf("%s: %d, want %d:\n%s", body, status, want, page)
		}
	}
	b.want("GET", "/", "", 200, `<span id="name">ann</span>`)
	base, _ := url.Parse(s.url)
	b.client.Jar.SetCookies(base, []*http.Cookie{{Name: "__Host-passkey-access", Path: "/", MaxAge: -1, Secure: true}})
	b.want("GET", "/", "", 200, `<span id="name">ann</span>`) // Renew
	b.want("POST", "/logout", "", 204, "")
	b.want("GET", "/", "", 200, "Sign in with a passkey")
}
