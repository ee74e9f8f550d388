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

	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

const audience = "https://api.example"

// clientToken returns an access token that the provider issues to a client for
// its own credentials (RFC 6749, section 4.4).
func clientToken(t *testing.T, issuer, scope string) string {
	t.Helper()
	return clientTokenFor(t, issuer, "app", audience, scope)
}

func clientTokenFor(t *testing.T, issuer, client, resource, scope string) string {
	t.Helper()
	return tokenResponse(t, issuer, client, url.Values{"grant_type": {"client_credentials"}, "resource": {resource}, "scope": {scope}})["access_token"]
}

// tokenResponse returns the texts in the response of the token endpoint. The
// client mcp has no secret.
func tokenResponse(t *testing.T, issuer, client string, form url.Values) map[string]string {
	t.Helper()
	if client == "mcp" {
		form.Set("client_id", client)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if client != "mcp" {
		req.SetBasicAuth(client, client+"-secret")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body := send(t, req)
	var members map[string]any
	if err := json.Unmarshal([]byte(body), &members); err != nil || status != 200 {
		t.Fatalf("the provider responds %d %s", status, body)
	}
	texts := make(map[string]string)
	for name, value := range members {
		texts[name], _ = value.(string)
	}
	return texts
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

// rotation is a test in which a provider changes its keys while clients send
// requests to the resource-server example.
type rotation struct {
	t        *testing.T
	peer     *node.Peer
	issuer   string
	server   string        // URL of the example
	log      <-chan string // lines that the example logs
	stranger string        // a token with an unknown key ID
}

func newRotation(t *testing.T) *rotation {
	r := &rotation{t: t, peer: node.New(t, ".")}
	r.issuer = r.setKeys("old")
	r.server, r.log = example(t, "resource-server", "-issuer", r.issuer, "-audience", audience, "-at-jwt", "-cooldown", "1s")
	encode := base64.RawURLEncoding.EncodeToString
	r.stranger = encode([]byte(`{"alg":"ES256","typ":"at+jwt","kid":"stranger"}`)) + "." +
		encode([]byte(`{"iss":"`+r.issuer+`"}`)) + "." + strings.Repeat("A", 86)
	return r
}

// setKeys sets the keys of the provider, which signs with the first one. It
// returns the issuer.
func (r *rotation) setKeys(names ...string) string {
	r.t.Helper()
	return node.Get[struct{ Issuer string }](r.t, r.peer, "provider", node.Object{"keys": names}).Issuer
}

// waitForKeys waits until the example has fetched a number of keys. Tokens with
// an unknown key ID make it fetch them earlier than at the end of their
// lifetime.
func (r *rotation) waitForKeys(n string) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if status, _ := getWith(r.t, r.server+"/whoami", r.stranger); status != 401 {
			r.t.Errorf("a token with an unknown key gets %d", status)
		}
		for more := true; more; {
			select {
			case line := <-r.log:
				if strings.Contains(line, "fetched keys") && strings.Contains(line+" ", " keys="+n+" ") {
					return
				}
			default:
				more = false
			}
		}
	}
	r.t.Fatalf("the server has not fetched %s keys", n)
}

// waitForStatus repeats a request until it gets want. All other responses must
// have the status meanwhile.
func (r *rotation) waitForStatus(path, token string, want, meanwhile int) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		status, body := getWith(r.t, r.server+path, token)
		if status == want {
			return
		}
		if status != meanwhile || time.Now().After(end) {
			r.t.Fatalf("%s responds %d %s, want %d", path, status, body, want)
		}
	}
}

// clients sends requests with the current token until stop is called. It
// reports every response except 200.
func (r *rotation) clients(current *atomic.Pointer[string]) (stop func() (requests int64)) {
	done := make(chan struct{})
	var clients sync.WaitGroup
	var requests atomic.Int64
	for range 2 {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if status, body := getWith(r.t, r.server+"/items", *current.Load()); status != 200 {
					r.t.Errorf("a request gets %d %s", status, body)
				}
				requests.Add(1)
			}
		})
	}
	return sync.OnceValue(func() int64 { close(done); clients.Wait(); return requests.Load() })
}

// The resource-server example verifies the access tokens (RFC 9068) of a real
// provider.
func TestResourceServer(t *testing.T) {
	r := newRotation(t)
	if status, body := getWith(t, r.server+"/ready", ""); status != 204 {
		t.Errorf("/ready responds %d %s", status, body)
	}
	token := clientToken(t, r.issuer, "items:read")
	if h := headerOf(t, token); h.Typ != "at+jwt" || h.Kid != "old" || h.Alg != "ES256" {
		t.Errorf("the provider signs %+v", h)
	}
	want := `{"client":"app","issuer":"` + r.issuer + `","scope":"items:read","subject":"app"}`
	if status, body := getWith(t, r.server+"/whoami", token); status != 200 || strings.TrimSpace(body) != want {
		t.Errorf("/whoami responds %d %s, want %s", status, body, want)
	}
	if status, _ := getWith(t, r.server+"/items", token); status != 200 {
		t.Errorf("/items responds %d", status)
	}
	if status, body := getWith(t, r.server+"/items", clientToken(t, r.issuer, "items:write")); status != 403 || !strings.Contains(body, "insufficient_scope") {
		t.Errorf("without the scope /items responds %d %s", status, body)
	}
	if status, _ := getWith(t, r.server+"/whoami", token[:len(token)-8]+"AAAAAAAA"); status != 401 {
		t.Errorf("a token with an invalid signature gets %d", status)
	}
}

// The provider rotates its keys, and then goes down. Clients with valid tokens
// do not notice it.
func TestProviderRotatesKeys(t *testing.T) {
	r := newRotation(t)
	var current atomic.Pointer[string]
	old := clientToken(t, r.issuer, "items:read")
	current.Store(&old)
	stop := r.clients(&current)
	defer stop()

	r.setKeys("old", "next") // publish the next key
	r.waitForKeys("2")
	r.setKeys("next", "old") // sign with it
	next := clientToken(t, r.issuer, "items:read")
	if h := headerOf(t, next); h.Kid != "next" {
		t.Errorf("the provider signs with %q", h.Kid)
	}
	for _, token := range []string{old, next} {
		if status, body := getWith(t, r.server+"/items", token); status != 200 {
			t.Errorf("a token of the key %s gets %d %s", headerOf(t, token).Kid, status, body)
		}
	}
	current.Store(&next)
	r.setKeys("next") // withdraw the old key
	r.waitForKeys("1")
	if status, _ := getWith(t, r.server+"/items", old); status != 401 {
		t.Errorf("a token of the withdrawn key gets %d", status)
	}

	// A key that was not published before its first token is fetched after the
	// cooldown.
	r.setKeys("sudden", "next")
	r.waitForStatus("/items", clientToken(t, r.issuer, "items:read"), 200, 401)

	// While the provider is down, known keys remain in use, and tokens with an
	// unknown key get 503.
	node.Get[bool](t, r.peer, "stop", nil)
	r.waitForStatus("/whoami", r.stranger, 503, 401)
	if status, _ := getWith(t, r.server+"/ready", ""); status != 204 {
		t.Errorf("/ready responds %d while keys are in use", status)
	}
	if n := stop(); n < 20 {
		t.Errorf("only %d requests", n)
	}
}
