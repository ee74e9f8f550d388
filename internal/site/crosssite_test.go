package site_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/site"
)

// request returns a request to https://app.example with headers "Name: value".
func request(method string, headers ...string) *http.Request {
	r := &http.Request{Method: method, Host: "app.example", Header: make(http.Header)}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func TestProtection(t *testing.T) {
	const (
		sameOrigin = "Sec-Fetch-Site: same-origin"
		crossSite  = "Sec-Fetch-Site: cross-site"
		ours       = "Origin: https://app.example"
		theirs     = "Origin: https://evil.example"
		trusted    = "Origin: https://www.example"
		upgrade    = "Upgrade: websocket"
	)
	p := site.NewProtection()
	if err := p.Trust("HTTPS://www.example:443", false); err != nil {
		t.Fatal(err)
	}
	safe := []string{"GET", "HEAD", "OPTIONS"}
	unsafe := []string{"POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"}
	for _, c := range []struct {
		name    string
		methods []string
		headers []string
		want    error
	}{
		{"reading, no headers", safe, nil, nil},
		{"reading, another site", safe, []string{crossSite, theirs}, nil},
		{"reading, another protocol", safe, []string{crossSite, "Upgrade: h2c"}, nil},
		{"own page", unsafe, []string{sameOrigin, ours}, nil},
		{"own page without Origin", unsafe, []string{sameOrigin}, nil},
		{"typed by the user", unsafe, []string{"Sec-Fetch-Site: none"}, nil},
		{"old browser, own page", unsafe, []string{ours}, nil},
		{"trusted page", unsafe, []string{crossSite, trusted}, nil},
		{"old browser, trusted page", unsafe, []string{trusted}, nil},
		{"sibling", unsafe, []string{"Sec-Fetch-Site: same-site", "Origin: https://a.app.example"}, site.ErrCrossSite},
		{"another site", unsafe, []string{crossSite, theirs}, site.ErrCrossSite},
		{"another site, our origin", unsafe, []string{crossSite, ours}, site.ErrCrossSite},
		{"another site, no Origin", unsafe, []string{crossSite}, site.ErrCrossSite},
		{"old browser, another site", unsafe, []string{theirs}, site.ErrCrossSite},
		{"old browser, sandboxed page", unsafe, []string{"Origin: null"}, site.ErrCrossSite},
		{"old browser, another port", unsafe, []string{"Origin: https://app.example:8443"}, site.ErrCrossSite},
		{"unknown Sec-Fetch-Site", unsafe, []string{"Sec-Fetch-Site: friendly"}, site.ErrCrossSite},
		{"no headers", unsafe, nil, site.ErrNoOrigin},
		{"empty headers", unsafe, []string{"Sec-Fetch-Site: ", "Origin: "}, site.ErrNoOrigin},
		{"WebSocket, own page", []string{"GET"}, []string{upgrade, sameOrigin, ours}, nil},
		{"WebSocket, trusted page", []string{"GET"}, []string{upgrade, trusted}, nil},
		{"WebSocket, another site", []string{"GET"}, []string{upgrade, crossSite, theirs}, site.ErrCrossSite},
		{"WebSocket, no headers", []string{"GET"}, []string{upgrade}, site.ErrNoOrigin},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, method := range c.methods {
				r := request(method, c.headers...)
				if err := p.Check(r); !errors.Is(err, c.want) {
					t.Errorf("%s: %v, want %v", method, err, c.want)
				}
				if r.Method != method {
					t.Errorf("the request's method is now %s", r.Method)
				}
			}
		})
	}
	if err := p.Check(&http.Request{Method: "POST"}); !errors.Is(err, site.ErrNoOrigin) {
		t.Errorf("without a Header: %v", err)
	}
}

// The error names the headers, but not without limit.
func TestCrossSiteText(t *testing.T) {
	p := site.NewProtection()
	for _, c := range []struct {
		headers []string
		want    string
	}{
		{[]string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"},
			`sent by a page of another origin: Sec-Fetch-Site is "cross-site", and CookieOptions.TrustedOrigins does not list the Origin "https://evil.example"`},
		{[]string{"Origin: https://evil.example"},
			`sent by a page of another origin: the Origin "https://evil.example" does not match the Host "app.example", ` +
				`and CookieOptions.TrustedOrigins does not list it; a proxy must not change the Host header`},
	} {
		if err := p.Check(request("POST", c.headers...)); err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.headers, err, c.want)
		}
	}
	long := strings.Repeat("x", 10_000)
	r := request("POST", "Sec-Fetch-Site: "+long, "Origin: https://"+long)
	if err := p.Check(r); len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

func TestPlainHTTP(t *testing.T) {
	for _, c := range []struct {
		host, origin string
		want         bool
	}{
		{"app.example", "http://app.example", true},
		{"App.example", "http://app.example", true},
		{"192.168.0.7:8080", "http://192.168.0.7:8080", true},
		{"app.example", "https://app.example", false},
		{"app.example", "http://other.example", false},
		{"localhost:8080", "http://localhost:8080", false},
		{"127.0.0.1:8080", "http://127.0.0.1:8080", false},
		{"[::1]:8080", "http://[::1]:8080", false},
		{"app.example", "null", false},
		{"app.example", "", false},
		{"", "", false},
		{"app.example", "http://%", false},
	} {
		r := request("POST")
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := site.PlainHTTP(r); got != c.want {
			t.Errorf("Host %q, Origin %q: %v, want %v", c.host, c.origin, got, c.want)
		}
	}
}

func TestTrust(t *testing.T) {
	for _, c := range []struct {
		trusted, origin string
		plainHTTP, want bool
	}{
		{"https://app.example.com", "https://app.example.com", false, true},
		{"HTTPS://App.Example.COM", "https://app.example.com", false, true},
		{"https://app.example.com:443", "https://app.example.com", false, true},
		{"https://app.example.com:08443", "https://app.example.com:8443", false, true},
		{"https://[2001:DB8:0::1]:443", "https://[2001:db8::1]", false, true},
		{"https://[::ffff:192.0.2.1]", "https://[::ffff:c000:201]", false, true},
		{"https://192.0.2.1", "https://192.0.2.1", false, true},
		{"http://localhost:80", "http://localhost", false, true},
		{"http://[::1]:8081", "http://[::1]:8081", false, true},
		{"http://app.example.com", "http://app.example.com", true, true},
		{"https://app.example.com", "http://app.example.com", false, false},
		{"https://app.example.com", "https://app.example.com:8443", false, false},
		{"https://app.example.com:8443", "https://app.example.com", false, false},
		{"https://app.example.com", "https://www.app.example.com", false, false},
		{"https://app.example.com", "https://app.example.com.evil.example", false, false},
		{"https://app.example.com", "null", false, false},
		{"https://app.example.com", "", false, false},
	} {
		p := site.NewProtection()
		for _, origin := range []string{"https://other.example", c.trusted} {
			if err := p.Trust(origin, c.plainHTTP); err != nil {
				t.Fatal(err)
			}
		}
		err := p.Check(request("POST", "Sec-Fetch-Site: cross-site", "Origin: "+c.origin))
		if (err == nil) != c.want || err != nil && !errors.Is(err, site.ErrCrossSite) {
			t.Errorf("%s trusted, request from %q: %v", c.trusted, c.origin, err)
		}
	}
	if err := site.NewProtection().Trust("http://app.example.com", false); err == nil {
		t.Error("a plain http origin is trusted")
	}
}

func TestIsWebSocket(t *testing.T) {
	for _, c := range []struct {
		headers []string
		want    bool
	}{
		{nil, false},
		{[]string{"Upgrade: websocket"}, true},
		{[]string{"Upgrade: WebSocket"}, true},
		{[]string{"Upgrade: h2c, WEBSOCKET"}, true},
		{[]string{"Upgrade: h2c", "Upgrade: websocket"}, true},
		{[]string{"Upgrade: h2c"}, false},
		{[]string{"Upgrade: websocket2"}, false},
		{[]string{"Connection: websocket"}, false},
	} {
		if got := site.IsWebSocket(request("GET", c.headers...)); got != c.want {
			t.Errorf("%q: %v, want %v", c.headers, got, c.want)
		}
	}
}

func TestIsOwnOrNavigation(t *testing.T) {
	const navigate, document = "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"
	for _, c := range []struct {
		headers []string
		want    bool
	}{
		{nil, true},
		{[]string{"Sec-Fetch-Site: same-origin"}, true},
		{[]string{"Sec-Fetch-Site: none"}, true},
		{[]string{"Sec-Fetch-Site: cross-site", navigate, document}, true},
		{[]string{"Sec-Fetch-Site: cross-site", navigate}, true},
		{[]string{"Sec-Fetch-Site: cross-site", navigate, "Sec-Fetch-Dest: iframe"}, false},
		{[]string{"Sec-Fetch-Site: cross-site", navigate, "Sec-Fetch-Dest: object"}, false},
		{[]string{"Sec-Fetch-Site: cross-site", document}, false},
		{[]string{"Sec-Fetch-Site: cross-site"}, false},
		{[]string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"}, false},
		{[]string{"Sec-Fetch-Site: unknown"}, false},
	} {
		if got := site.IsOwnOrNavigation(request("GET", c.headers...)); got != c.want {
			t.Errorf("%q: %v, want %v", c.headers, got, c.want)
		}
	}
}
