package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is the application, with the mail that it has sent.
type site struct {
	url    string
	server *httptest.Server

	mu    sync.Mutex
	mail  []string // addresses
	links []string
	down  bool // the mail server
	log   strings.Builder
}

// Write receives the log.
func (s *site) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(line)
}

func (s *site) logged(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.log.String(), text)
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{server: httptest.NewUnstartedServer(nil)}
	s.url = "https://" + s.server.Listener.Addr().String()
	key, err := tokenKey()
	if err != nil {
		t.Fatal(err)
	}
	s.server.Config.Handler, err = newServer(key, s.send, config{
		baseURL: s.url, accessTTL: time.Minute, linkTTL: time.Minute,
	}, slog.New(slog.NewTextHandler(s, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.server.StartTLS()
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) send(_ context.Context, to, link string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errors.New("mail server down")
	}
	s.mail, s.links = append(s.mail, to), append(s.links, link)
	return nil
}

func (s *site) lastLink(t *testing.T) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.links) == 0 {
		t.Fatal("no mail was sent")
	}
	return s.links[len(s.links)-1]
}

// browser is a browser that has script switched off.
type browser struct {
	t      *testing.T
	site   *site
	client *http.Client
}

func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	return &browser{t, s, &http.Client{Jar: jar, Transport: s.server.Client().Transport}}
}

// send returns the status, the address that the redirects lead to, and the
// body.
func (b *browser) send(method, path, form string, headers ...string) (status int, at, body string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.site.url+strings.TrimPrefix(path, b.site.url), strings.NewReader(form))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.site.url)
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
	return response.StatusCode, response.Request.URL.Path, string(text)
}

func (b *browser) want(method, path, form string, status int, at, text string, headers ...string) {
	b.t.Helper()
	gotStatus, gotAt, body := b.send(method, path, form, headers...)
	if gotStatus != status || gotAt != at || !strings.Contains(body, text) {
		b.t.Errorf("%s %s: %d at %s, want %d at %s with %q:\n%s", method, path, gotStatus, gotAt, status, at, text, body)
	}
}

// request asks for a link and returns it, and its form.
func (b *browser) request(email string) (link, form string) {
	b.t.Helper()
	b.want("POST", "/login", url.Values{"email": {email}}.Encode(), 200, "/login/sent", "Check your mail")
	link = b.site.lastLink(b.t)
	_, query, _ := strings.Cut(link, "?")
	return link, query
}

func TestSignIn(t *testing.T) {
	s := newSite(t)
	b := s.browser(t)
	b.want("GET", "/", "", 200, "/login", "Send me a link")
	link, form := b.request("Ann@Example.com")
	if s.mail[0] != email || !strings.HasPrefix(link, s.url+"/link?secret=") {
		t.Errorf("mail to %q with the link %q", s.mail[0], link)
	}
	for range 3 { // a scanner opens it, and so does the user, twice
		b.want("GET", link, "", 200, "/link", "sign in as <strong id=\"email\">"+email)
	}
	b.want("GET", "/", "", 200, "/login", "Send me a link")
	b.want("POST", "/link", form, 200, "/", "Hello <span id=\"name\">"+email)
	b.want("POST", "/link", form, 410, "/link", "was used")
	b.want("GET", link, "", 410, "/link", "was used")
	b.want("POST", "/refresh", "", 200, "/refresh", "expires_in")

	var me view
	_, _, body := b.send("GET", "/api/me", "")
	if err := json.Unmarshal([]byte(body), &me); err != nil || me.Name != email || me.AuthContext != acrLink || time.Since(me.AuthTime) > time.Minute {
		t.Errorf("/api/me: %v: %s", err, body)
	}
	other := s.browser(t)
	_, form = other.request(email)
	other.want("POST", "/link", form, 200, "/", me.Subject) // the same user
	_, form = other.request("bob@example.com")
	if other.send("POST", "/link", form); strings.Contains(bodyOf(other), me.Subject) {
		t.Error("two users have one subject")
	}
	b.want("POST", "/logout", "", 200, "/login", "You are signed out")
	b.want("GET", "/", "", 200, "/login", "Send me a link")
}

func bodyOf(b *browser) string {
	_, _, body := b.send("GET", "/", "")
	return body
}

// Of many requests with one link at the same time, one signs in.
func TestOneSessionUnderConcurrency(t *testing.T) {
	s := newSite(t)
	b := s.browser(t)
	_, form := b.request(email)
	base, _ := url.Parse(s.url)
	cookies := b.client.Jar.Cookies(base)
	statuses := make([]int, 50)
	var wg sync.WaitGroup
	for i := range statuses {
		wg.Go(func() {
			twin := s.browser(t)
			twin.client.Jar = nil
			twin.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			statuses[i], _, _ = twin.send("POST", "/link", form, "Cookie: "+cookies[0].Name+"="+cookies[0].Value)
		})
	}
	wg.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	if count[http.StatusSeeOther] != 1 || count[http.StatusGone] != len(statuses)-1 {
		t.Errorf("statuses: %v, want one 303 and %d times 410", count, len(statuses)-1)
	}
}

// A thief cannot use a link, and does not use it up.
func TestLinkOfAnotherBrowser(t *testing.T) {
	s := newSite(t)
	b := s.browser(t)
	link, form := b.request(email)
	thief := s.browser(t)
	const refused = "only in the browser in which it was requested"
	thief.want("GET", link, "", 403, "/link", refused)
	thief.want("POST", "/link", form, 403, "/link", refused)
	thief.request("eve@example.com") // now the thief has a cookie, too
	thief.want("POST", "/link", form, 403, "/link", refused)
	thief.want("GET", "/", "", 200, "/login", "Send me a link")
	b.want("POST", "/link", form, 200, "/", email)
}

// A second link of one browser does not invalidate the first.
func TestTwoLinks(t *testing.T) {
	s := newSite(t)
	b := s.browser(t)
	_, first := b.request(email)
	_, second := b.request(email)
	b.want("POST", "/link", first, 200, "/", email)
	b.want("POST", "/link", second, 403, "/link", "browser in which it was requested") // the cookie went with the sign-in
}

func TestRefusals(t *testing.T) {
	s := newSite(t)
	b := s.browser(t)
	b.want("POST", "/login", "email=ann", 400, "/login", "Please enter an e-mail address")
	b.want("POST", "/login", "email="+strings.Repeat("x", 5000), 400, "/login", "Please enter an e-mail address")
	b.want("POST", "/login", "email="+email, 403, "/login", "came from another site", "Origin: https://evil.example")
	if len(s.mail) != 0 {
		t.Errorf("mail to %q", s.mail)
	}
	_, form := b.request(email)
	b.want("POST", "/link", form, 403, "/link", "came from another site", "Origin: https://evil.example")
	b.want("POST", "/link", form, 403, "/link", "came from another site", "Sec-Fetch-Site: cross-site")
	b.want("POST", "/link?"+form, "", 410, "/link", "was used") // a secret in the URL does not count
	b.want("POST", "/link", form, 200, "/", email)
	for range maxLinksPerClient {
		s.browser(t).send("POST", "/login", "email=someone@example.com")
	}
	b.want("POST", "/login", "email="+email, 429, "/login", "Too many links")
	other := newSite(t)
	other.down = true
	other.browser(t).want("POST", "/login", "email="+email, 500, "/login", "Something went wrong")
}

func TestDeleteAccount(t *testing.T) {
	s := newSite(t)
	b, elsewhere := s.browser(t), s.browser(t)
	_, form := b.request(email)
	b.want("POST", "/link", form, 200, "/", email)
	_, form = elsewhere.request(email)
	elsewhere.want("POST", "/link", form, 200, "/", email)
	subject := subjectOf(t, b)

	b.want("POST", "/account/delete", "", 403, "/account/delete", "came from another site", "Origin: https://evil.example")
	b.want("POST", "/account/delete", "", 200, "/login", "Your account is deleted")
	base, _ := url.Parse(s.url)
	for _, cookie := range b.client.Jar.Cookies(base) {
		if cookie.Name != "__Host-magic-link-device" { // of no session
			t.Errorf("the browser keeps the cookie %s", cookie.Name)
		}
	}
	elsewhere.want("GET", "/", "", 200, "/login", "session has ended")
	elsewhere.want("POST", "/account/delete", "", 200, "/login", "Sign in")

	_, form = b.request(email)
	b.want("POST", "/link", form, 200, "/", email)
	if again := subjectOf(t, b); again == subject {
		t.Error("a new account has the subject of the deleted one")
	}
}

func subjectOf(t *testing.T, b *browser) string {
	t.Helper()
	_, _, body := b.send("GET", "/api/me", "")
	var me view
	if err := json.Unmarshal([]byte(body), &me); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return me.Subject
}

// After ten mails to an address, a new browser has to wait before it can request
// another one. A browser that has used a link does not.
func TestMailsToOneAddress(t *testing.T) {
	s := newSite(t)
	owner := s.browser(t)
	_, form := owner.request(email)
	owner.want("POST", "/link", form, 200, "/", email)
	for range 9 {
		if s.logged("account_paused") {
			t.Error("an alarm before the limit")
		}
		b := s.browser(t)
		_, form := b.request(email)
		b.want("POST", "/link", form, 200, "/", email)
	}
	if !s.logged("account_paused") {
		t.Error("no alarm at the limit")
	}
	stranger := s.browser(t)
	stranger.want("POST", "/login", "email="+strings.ToUpper(email), 429, "/login", "Too many links were sent to this address")
	_, form = owner.request(email)
	owner.want("POST", "/link", form, 200, "/", email)
}
