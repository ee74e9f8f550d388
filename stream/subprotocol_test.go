package stream_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
	"github.com/seed-0a072700/jwtauth/stream"
)

const (
	header     = "Sec-WebSocket-Protocol"
	kubernetes = "base64url.bearer.authorization.k8s.io."
)

// handshake returns a WebSocket handshake that offers subprotocols, each in a
// header of its own.
func handshake(offers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/socket", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	for _, offer := range offers {
		r.Header.Add(header, offer)
	}
	return r
}

// read passes a request through Extract. It returns the result of the source,
// and the header that a handler sees.
func read(s *stream.Subprotocol, r *http.Request) (token string, others []string, err error) {
	s.Extract(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		token, err = s.Source()(r)
		others = r.Header.Values(header)
	})).ServeHTTP(httptest.NewRecorder(), r)
	return token, others, err
}

func base64url(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestSubprotocol(t *testing.T) {
	after, prefix, encoded := stream.TokenAfter("bearer"), stream.TokenWithPrefix("app.bearer."), stream.EncodedToken(kubernetes)
	for _, test := range []struct {
		name   string
		source *stream.Subprotocol
		offers []string
		token  string
		others string
	}{
		{"after a name", after, []string{"bearer, a.b.c"}, "a.b.c", "bearer"},
		{"behind another protocol", after, []string{"chat, bearer, a.b.c"}, "a.b.c", "chat, bearer"},
		{"before another protocol", after, []string{"bearer,a.b.c\t, \tchat,v2"}, "a.b.c", "bearer, chat, v2"},
		{"in another case", after, []string{"Bearer, a.b.c"}, "a.b.c", "Bearer"},
		{"in two headers", after, []string{"chat, bearer", "a.b.c"}, "a.b.c", "chat, bearer"},
		{"access_token", stream.TokenAfter("access_token"), []string{"access_token, a.b.c"}, "a.b.c", "access_token"},
		{"not a JWT", after, []string{"bearer, mF/9+B5=="}, "mF/9+B5==", "bearer"},
		{"another name", after, []string{"access_token, a.b.c"}, "", "access_token, a.b.c"},
		{"a longer name", after, []string{"bearer2, a.b.c"}, "", "bearer2, a.b.c"},
		{"no protocols", after, nil, "", ""},

		{"with a prefix", prefix, []string{"app.bearer.a.b.c"}, "a.b.c", ""},
		{"with a prefix and others", prefix, []string{"v1, app.bearer.a.b.c, v2"}, "a.b.c", "v1, v2"},
		{"with a prefix in another case", prefix, []string{"App.Bearer.a.b.C"}, "a.b.C", ""},
		{"a part of the prefix", prefix, []string{"app.bearer, app"}, "", "app.bearer, app"},

		{"encoded", encoded, []string{kubernetes + base64url("a.b.c") + ", v4.channel.k8s.io"}, "a.b.c", "v4.channel.k8s.io"},
		{"encoded, not a JWT", encoded, []string{"v4.channel.k8s.io, " + kubernetes + base64url("mF/9+B5==")}, "mF/9+B5==", "v4.channel.k8s.io"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := handshake(test.offers...)
			token, others, err := read(test.source, r)
			if token != test.token || err != nil {
				t.Errorf("%q, %v, want %q", token, err, test.token)
			}
			if strings.Join(others, ", ") != test.others {
				t.Errorf("the handler sees %q, want %q", others, test.others)
			}
			if !slices.Equal(r.Header.Values(header), test.offers) {
				t.Errorf("the request has changed: %q", r.Header.Values(header))
			}
		})
	}
}

// Malformed headers are refused. Handlers see no subprotocol of theirs.
func TestSubprotocolMalformed(t *testing.T) {
	after, prefix, encoded := stream.TokenAfter("bearer"), stream.TokenWithPrefix("app.bearer."), stream.EncodedToken(kubernetes)
	many := make([]string, 33)
	for i := range many {
		many[i] = fmt.Sprint("v", i)
	}
	for _, test := range []struct {
		name   string
		source *stream.Subprotocol
		offers []string
		want   string
	}{
		{"no token", after, []string{"chat, bearer"}, "has no token after bearer"},
		{"two tokens", after, []string{"bearer, a.b.c, Bearer, d.e.f"}, "offers two tokens"},
		{"two headers", after, []string{"bearer, a.b.c", "bearer, d.e.f"}, "offers a subprotocol twice (RFC 6455, section 4.1)"},
		{"the same token twice", after, []string{"bearer, a.b.c, a.b.c"}, "offers a subprotocol twice (RFC 6455, section 4.1)"},
		{"the name twice", after, []string{"bearer, Bearer"}, "offers two tokens"},
		{"empty", after, []string{""}, "has an element that is not a subprotocol name (RFC 6455, section 4.1)"},
		{"empty element", after, []string{"bearer,,a.b.c"}, "has an element that is not a subprotocol name (RFC 6455, section 4.1)"},
		{"comma at the end", after, []string{"bearer, a.b.c,"}, "has an element that is not a subprotocol name (RFC 6455, section 4.1)"},
		{"a space", after, []string{"bearer a.b.c"}, "has an element that is not a subprotocol name (RFC 6455, section 4.1)"},
		{"a slash", after, []string{"chat/1, bearer, a.b.c"}, "has an element that is not a subprotocol name (RFC 6455, section 4.1)"},
		{"quotes", after, []string{`bearer, "a.b.c"`}, "has a malformed token after bearer: the token is in quotes"},
		{"the scheme in the token", after, []string{"bearer, Bearer a.b.c"}, "has a malformed token after bearer: a scheme such as Bearer, or the name of a header, precedes the token: pass the token alone"},
		{"a character of no token", after, []string{"bearer, a!b"}, "has a malformed token after bearer: a character that no token contains (RFC 6750, section 2.1)"},
		{"too many", after, []string{strings.Join(many, ",")}, "offers more than 32 subprotocols"},

		{"prefix alone", prefix, []string{"app.bearer., chat"}, "has no token after app.bearer."},
		{"prefix twice", prefix, []string{"app.bearer.a, app.bearer.b"}, "offers two tokens"},
		{"prefix and a bad character", prefix, []string{"app.bearer.a|b"}, "has a malformed token after app.bearer.: a character that no token contains (RFC 6750, section 2.1)"},

		{"not base64url", encoded, []string{kubernetes + "a.b.c"}, "has a token that is not base64url without padding, after " + kubernetes},
		{"an unused bit", encoded, []string{kubernetes + "YR"}, "has a token that is not base64url without padding, after " + kubernetes},
		{"nothing encoded", encoded, []string{kubernetes}, "has no token after " + kubernetes},
		{"an encoded line break", encoded, []string{kubernetes + base64url("a.b.c\n")}, "has a malformed token after " + kubernetes + ": a space or a line break in the token or after it"},
		{"encoded bytes", encoded, []string{kubernetes + base64url("\xff\x00")}, "has a malformed token after " + kubernetes + ": a character outside of ASCII, such as a byte order mark or a long dash"},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, others, err := read(test.source, handshake(test.offers...))
			if token != "" || !errors.Is(err, jwtauth.ErrInvalidRequest) {
				t.Fatalf("%q, %v", token, err)
			}
			if want := "jwtauth: malformed credentials: the Sec-WebSocket-Protocol header " + test.want; err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			if len(others) > 0 {
				t.Errorf("the handler sees %q", others)
			}
		})
	}
}

// Only handshakes are read, over HTTP/1.1 and HTTP/2.
func TestSubprotocolHandshakes(t *testing.T) {
	for _, test := range []struct {
		name   string
		method string
		fields http.Header
		want   string
	}{
		{"HTTP/1.1", "GET", http.Header{"Upgrade": {"websocket"}}, "a.b.c"},
		{"HTTP/2", "CONNECT", http.Header{":protocol": {"websocket"}}, "a.b.c"},
		{"a plain GET", "GET", nil, ""},
		{"a POST", "POST", nil, ""},
		{"another upgrade", "GET", http.Header{"Upgrade": {"h2c"}}, ""},
		{"a tunnel", "CONNECT", nil, ""},
		{"another protocol", "CONNECT", http.Header{":protocol": {"connect-udp"}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "/socket", nil)
			for name, values := range test.fields {
				r.Header[name] = values
			}
			r.Header.Set(header, "bearer, a.b.c")
			token, _, err := read(stream.TokenAfter("bearer"), r)
			if token != test.want || err != nil {
				t.Errorf("%q, %v, want %q", token, err, test.want)
			}
		})
	}
}

// A Source without its Extract refuses every handshake, so the token cannot
// reach a handler.
func TestSubprotocolNotExtracted(t *testing.T) {
	source := stream.TokenAfter("bearer").Source()
	for _, r := range []*http.Request{handshake("bearer, a.b.c"), handshake()} {
		token, err := source(r)
		if token != "" || err == nil || errors.Is(err, jwtauth.ErrInvalidRequest) || jwtauth.ProblemOf(err).Status != 500 {
			t.Errorf("%q, %v", token, err)
		}
	}
	// Extract of another Subprotocol does not count.
	_, _, err := read(stream.TokenAfter("bearer"), handshake("bearer, a.b.c"))
	if err != nil {
		t.Fatal(err)
	}
	stream.TokenAfter("bearer").Extract(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err = source(r)
	})).ServeHTTP(httptest.NewRecorder(), handshake("bearer, a.b.c"))
	if err == nil {
		t.Error("the source accepts the result of another Extract")
	}
}

func TestSubprotocolPanics(t *testing.T) {
	for want, f := range map[string]func(){
		"jwtauth: stream: TokenAfter: name is not a subprotocol":        func() { stream.TokenAfter("") },
		"jwtauth: stream: TokenWithPrefix: prefix is not a subprotocol": func() { stream.TokenWithPrefix("a b") },
		"jwtauth: stream: EncodedToken: prefix is not a subprotocol":    func() { stream.EncodedToken("a,") },
		"jwtauth: stream: Extract: the next handler is nil":             func() { stream.TokenAfter("bearer").Extract(nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			f()
		}()
	}
}

// forms are the three forms, and the subprotocols that offer a token in each.
var forms = []struct {
	name   string
	source *stream.Subprotocol
	offer  func(token string) string
}{
	{"after", stream.TokenAfter("bearer"), func(token string) string { return "chat, bearer, " + token }},
	{"prefix", stream.TokenWithPrefix("app.bearer."), func(token string) string { return "chat, app.bearer." + token }},
	{"encoded", stream.EncodedToken(kubernetes), func(token string) string { return kubernetes + base64url(token) + ", chat" }},
}

// A handler that selects each subprotocol that it sees never sends the token
// back.
func TestTokenIsNotEchoed(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, value := range r.Header.Values(header) {
			for name := range strings.SplitSeq(value, ", ") {
				w.Header().Add(header, name)
			}
		}
	})
	token := jwtauthtest.Token(t, "ann", nil)
	for _, form := range forms {
		protected := form.source.Extract(jwtauth.Verify(jwtauthtest.Verifier(t), jwtauth.From(form.source.Source()))(echo))
		for _, offer := range []string{form.offer(token), form.offer("x." + token), form.offer(token) + "," + form.offer(token)} {
			w := httptest.NewRecorder()
			protected.ServeHTTP(w, handshake(offer))
			if text := fmt.Sprint(w.Header(), w.Body); strings.Contains(text, token) || strings.Contains(text, base64url(token)) {
				t.Errorf("%s: the response contains the token", form.name)
			}
			if offer == form.offer(token) && (w.Code != 200 || !slices.Contains(w.Header().Values(header), "chat")) {
				t.Errorf("%s: %d, %v", form.name, w.Code, w.Header())
			}
		}
	}
}
