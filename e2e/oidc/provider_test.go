package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const audience = "https://api.example"

// clientToken makes the provider issue an access token for a client's own
// credentials (RFC 6749, section 4.4).
func clientToken(t *testing.T, issuer, scope string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {audience}, "scope": {scope}}
	req, err := http.NewRequestWithContext(t.Context(), "POST", issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("app", "app-secret")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body := send(t, req)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
		t.Fatalf("the provider answers %d %s", status, body)
	}
	return answer.AccessToken
}

func send(t *testing.T, req *http.Request) (status int, body string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(text)
}

func getWith(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, req)
}

// headerOf returns the header of a token.
func headerOf(t *testing.T, token string) (h struct{ Alg, Kid, Typ string }) {
	t.Helper()
	segment, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err != nil {
		t.Fatalf("%s: %v", token, err)
	}
	return h
}

// The resource-server example verifies the access tokens (RFC 9068) of a real
// provider during a key rotation.
func TestResourceServer(t *testing.T) {
	p := node(t)
	type provider struct{ Issuer string }
	issuer := get[provider](t, p, "provider", object{"keys": []string{"old"}}).Issuer
	server, log := example(t, "resource-server", "-issuer", issuer, "-audience", audience, "-at-jwt", "-cooldown", "1s")

	if status, body := getWith(t, server+"/ready", ""); status != 204 {
		t.Errorf("/ready answers %d %s", status, body)
	}
	old := clientToken(t, issuer, "items:read")
	if h := headerOf(t, old); h.Typ != "at+jwt" || h.Kid != "old" || h.Alg != "ES256" {
		t.Errorf("the provider signs %+v", h)
	}
	want := `{"client":"app","issuer":"` + issuer + `","scope":"items:read","subject":"app"}`
	if status, body := getWith(t, server+"/whoami", old); status != 200 || strings.TrimSpace(body) != want {
		t.Errorf("/whoami answers %d %s, want %s", status, body, want)
	}
	if status, _ := getWith(t, server+"/items", old); status != 200 {
		t.Errorf("/items answers %d", status)
	}
	if status, body := getWith(t, server+"/items", clientToken(t, issuer, "items:write")); status != 403 || !strings.Contains(body, "insufficient_scope") {
		t.Errorf("/items answers %d %s without the scope", status, body)
	}
	if status, _ := getWith(t, server+"/whoami", old[:len(old)-8]+"AAAAAAAA"); status != 401 {
		t.Errorf("a broken signature is answered %d", status)
	}

	// Clients use their tokens during the rotation.
	var current atomic.Pointer[string]
	current.Store(&old)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var requests atomic.Int64
	stopClients := sync.OnceFunc(func() { close(stop); clients.Wait() })
	defer stopClients()
	for range 2 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, body := getWith(t, server+"/items", *current.Load()); status != 200 {
					t.Errorf("a request is answered %d %s", status, body)
				}
				requests.Add(1)
			}
		})
	}
	// fetched makes the server fetch keys until it has that many. A token of an
	// unknown key triggers the fetch.
	stranger := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","typ":"at+jwt","kid":"stranger"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+issuer+`"}`)) + "." + strings.Repeat("A", 86)
	fetched := func(keys string) {
		t.Helper()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			if status, _ := getWith(t, server+"/whoami", stranger); status != 401 {
				t.Errorf("a stranger's token is answered %d", status)
			}
			for more := true; more; {
				select {
				case line := <-log:
					if strings.Contains(line, "fetched keys") && strings.Contains(line, " keys="+keys+" ") {
						return
					}
				default:
					more = false
				}
			}
		}
		t.Fatalf("the server does not find %s keys", keys)
	}

	get[provider](t, p, "provider", object{"keys": []string{"old", "next"}}) // publish
	fetched("2")
	get[provider](t, p, "provider", object{"keys": []string{"next", "old"}}) // sign with it
	next := clientToken(t, issuer, "items:read")
	if h := headerOf(t, next); h.Kid != "next" {
		t.Errorf("the provider signs with %q", h.Kid)
	}
	for _, token := range []string{old, next} {
		if status, body := getWith(t, server+"/items", token); status != 200 {
			t.Errorf("a token of %s is answered %d %s", headerOf(t, token).Kid, status, body)
		}
	}
	current.Store(&next)
	get[provider](t, p, "provider", object{"keys": []string{"next"}}) // withdraw
	fetched("1")
	if status, _ := getWith(t, server+"/items", old); status != 401 {
		t.Errorf("a token of the key that was withdrawn is answered %d", status)
	}

	// The server learns a key without advance publication from its first
	// tokens, within a cooldown.
	get[provider](t, p, "provider", object{"keys": []string{"sudden", "next"}})
	sudden := clientToken(t, issuer, "items:read")
	for end := time.Now().Add(time.Minute); ; {
		status, body := getWith(t, server+"/items", sudden)
		if status == 200 {
			break
		}
		if status != 401 || time.Now().After(end) {
			t.Fatalf("a token of a key that came without notice is answered %d %s", status, body)
		}
	}

	// The provider stops. Known keys still work, and tokens of unknown keys get
	// 503 and not 401.
	get[bool](t, p, "stop", nil)
	for end := time.Now().Add(time.Minute); ; {
		status, _ := getWith(t, server+"/whoami", stranger)
		if status == 503 {
			break
		}
		if status != 401 || time.Now().After(end) {
			t.Fatalf("a stranger's token is answered %d with the provider down", status)
		}
	}
	if status, _ := getWith(t, server+"/ready", ""); status != 204 {
		t.Errorf("/ready answers %d with keys in use", status)
	}
	stopClients()
	if requests.Load() < 20 {
		t.Errorf("only %d requests", requests.Load())
	}
}
