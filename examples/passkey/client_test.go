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
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/seed-0a072700/jwtauth"
)

// site is the application, at a host name.
type site struct {
	url    string
	users  *users
	server *httptest.Server
}

func newSite(t *testing.T, fresh time.Duration) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	s := &site{url: "https://localhost:" + port, users: newUsers(), server: server}
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
	server.Config.Handler, err = newServer(key, s.users, quickly, config{
		baseURL: s.url, accessTTL: time.Minute, fresh: fresh,
	}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return s
}

// browser is an HTTP client with cookies and an authenticator.
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
