package jwtauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// renewing returns a page behind Renew and Verify. Its response contains the
// subject and the cookies of the request.
func (s *cookieSite) renewing() http.Handler {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		w.Header().Set("Subject", claims.Subject)
		w.Header().Set("Seen", strings.Join(r.Header["Cookie"], "\n"))
	})
	refuse := jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		w.Header().Set("Refused-By", "Verify")
		jwtauth.WriteError(w, r, err)
	})
	return s.handlers.Renew(jwtauth.Verify(s.live(), jwtauth.From(s.cookies.Access(), jwtauth.Bearer()), refuse)(page))
}

func TestRenew(t *testing.T) {
	for _, c := range []struct {
		name    string
		method  string
		fields  []string
		prepare func(s *cookieSite)
		status  int
		events  []jwtauth.EventKind
		repeats bool     // causes a refresh that repeats the tokens, instead of events
		cookies []string // set
	}{
		{name: "access token good", prepare: func(*cookieSite) {}, status: 200},
		{name: "expired", status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "missing", prepare: func(s *cookieSite) { delete(s.jar, accessCookie) }, status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "HEAD", method: "HEAD", status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "beside other cookies", fields: []string{"Cookie: a=b; c=d"}, status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "following a link", fields: []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "following a link, in a browser without Sec-Fetch-Dest", fields: []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "a frame of a page of ours", fields: []string{sameOrigin, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "same origin", fields: []string{sameOrigin, "Sec-Fetch-Mode: cors"}, status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "a second tab", prepare: func(s *cookieSite) {
			s.at(time.Hour)
			s.refreshes()
			s.told()
			delete(s.jar, accessCookie)
		}, status: 200, repeats: true, cookies: []string{accessCookie}},

		{name: "POST", method: "POST", fields: []string{sameOrigin}, status: 401},
		{name: "OPTIONS", method: "OPTIONS", status: 401},
		{name: "WebSocket", fields: []string{sameOrigin, "Upgrade: websocket", "Connection: Upgrade"}, status: 401},
		{name: "an image on another site", fields: []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, status: 401},
		{name: "script of a sibling origin", fields: []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"}, status: 401},
		{name: "a frame of a sibling origin", fields: []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, status: 401},
		{name: "an object on another site", fields: []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: object"}, status: 401},
		{name: "nonsense for an access cookie", prepare: func(s *cookieSite) { s.jar[accessCookie] = "nonsense" }, status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},
		{name: "Basic for a proxy", fields: []string{"Authorization: Basic YTpi"}, status: 200, events: []jwtauth.EventKind{jwtauth.EventRefresh}, cookies: []string{accessCookie, refreshCookie}},

		{name: "a token of its own", fields: []string{"Authorization: Bearer x"}, status: 401},
		{name: "two Authorization headers", fields: []string{"Authorization: Basic YTpi", "Authorization: Bearer x"}, status: 400},
		{name: "two access cookies", fields: []string{"Cookie: " + accessCookie + "=planted"}, status: 400},
		{name: "two refresh cookies", fields: []string{"Cookie: " + refreshCookie + "=planted"}, status: 401},
		{name: "no refresh cookie", prepare: func(s *cookieSite) { s.at(time.Hour); delete(s.jar, refreshCookie) }, status: 401},
		{name: "nonsense for a refresh cookie", prepare: func(s *cookieSite) { s.at(time.Hour); s.jar[refreshCookie] = "nonsense" }, status: 401},
		{name: "session over", prepare: func(s *cookieSite) {
			_ = s.LogoutAll(context.Background(), "user-1")
			s.told()
			s.at(time.Hour)
		}, status: 401},
		{name: "a refresh token that was exchanged long ago", prepare: func(s *cookieSite) {
			old := s.jar[refreshCookie]
			s.refreshes()
			s.told()
			s.at(time.Hour)
			s.jar[refreshCookie] = old
		}, status: 401, events: []jwtauth.EventKind{jwtauth.EventReuse}},
		{name: "store down", prepare: func(s *cookieSite) { s.at(time.Hour); s.fails("Load") }, status: 503},
		{name: "store down at the swap", prepare: func(s *cookieSite) { s.at(time.Hour); s.fails("Swap") }, status: 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newCookieSite(t)
			s.login(t)
			if c.prepare != nil {
				c.prepare(s)
			} else {
				s.at(time.Hour)
			}
			if c.method == "" {
				c.method = "GET"
			}
			before := map[string]string{accessCookie: s.jar[accessCookie], refreshCookie: s.jar[refreshCookie]}
			a := s.send(s.renewing(), c.method, "", c.fields...)
			if a.StatusCode != c.status {
				t.Errorf("answers %s, want %d", a.Status, c.status)
			}
			if byVerify := a.Header.Get("Refused-By") != ""; byVerify != (c.status == 400 || c.status == 401) {
				t.Errorf("refused by Verify: %v", byVerify)
			}
			if c.repeats {
				s.wantReasons(t, c.name, jwtauth.ReasonRepeated)
			} else {
				s.wantKinds(t, c.name, c.events...)
			}
			if got := cookieNames(a); strings.Join(got, " ") != strings.Join(c.cookies, " ") {
				t.Errorf("sets %q, want %q", got, c.cookies)
			}
			if c.status != 200 {
				return
			}
			if got := a.Header.Get("Subject"); got != "user-1" {
				t.Errorf("the page is shown to %q", got)
			}
			seen := a.Header.Get("Seen")
			for name, old := range before {
				if !strings.Contains(seen, name+"="+s.jar[name]) || strings.Count(seen, name) != 1 {
					t.Errorf("the page sees %q, where the browser now has %q (before: %q)", seen, s.jar[name], old)
				}
			}
			for _, pair := range []string{"a=b", "c=d"} {
				if len(c.fields) > 0 && strings.Contains(c.fields[0], pair) && !strings.Contains(seen, pair) {
					t.Errorf("the page does not see %s: %q", pair, seen)
				}
			}
			if len(c.cookies) > 0 && a.Header.Get("Cache-Control") != "no-store" {
				t.Error("a cache may keep the cookies")
			}
		})
	}
}

// Renew does not change the incoming request, which a log around it may still
// read.
func TestRenewLeavesRequest(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	s.at(time.Hour)
	r := httptest.NewRequest("GET", "/", nil)
	line := accessCookie + "=" + s.jar[accessCookie] + "; " + refreshCookie + "=" + s.jar[refreshCookie]
	r.Header.Set("Cookie", line)
	w := httptest.NewRecorder()
	s.renewing().ServeHTTP(w, r)
	if w.Code != 200 || r.Header.Get("Cookie") != line {
		t.Errorf("answers %d; the request's cookies are %q", w.Code, r.Header.Get("Cookie"))
	}
}

// A handler behind Renew reads other cookies as it would without Renew. No
// cookie that a sibling host planted turns into one of this host.
func TestRenewOtherCookies(t *testing.T) {
	for _, lines := range [][]string{
		{"a=b; c=d", "e=f"},
		{"\u2000__Host-csrf=planted; __Host-csrf\u00a0=planted"},
		{"\u0085__Host-csrf=planted"},
		{"=__Host-csrf=planted; __Host-csrf"},
		{`a="; __Host-csrf=mine; b="`, "a=b;; ;c=d;"},
		{"\t a \t=\tb ", "a b=c; d\x00=e"},
		{"\u2000" + accessCookie + "=planted; x" + refreshCookie + "=planted"},
	} {
		s := newCookieSite(t)
		s.login(t)
		s.at(time.Hour)
		look := func(h func(http.Handler) http.Handler) (seen []string) {
			var fields []string
			for _, line := range lines {
				fields = append(fields, "Cookie: "+line)
			}
			s.send(h(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				for _, c := range r.Cookies() {
					if c.Name != accessCookie && c.Name != refreshCookie {
						seen = append(seen, c.Name+"="+c.Value)
					}
				}
			})), "GET", "", fields...)
			return seen
		}
		before := look(func(next http.Handler) http.Handler { return next })
		after := look(s.handlers.Renew)
		s.wantKinds(t, "Renew", jwtauth.EventRefresh)
		if !slices.Equal(before, after) {
			t.Errorf("%q: before Renew %q, behind it %q", lines, before, after)
		}
	}
}

// Empty pairs are dropped. Otherwise half a megabyte of semicolons would become
// a megabyte.
func TestRenewLeavesOutEmptyPairs(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	s.at(time.Hour)
	length := 0
	s.send(s.handlers.Renew(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, line := range r.Header["Cookie"] {
			length += len(line)
		}
	})), "GET", "", "Cookie: "+strings.Repeat("; ", 1<<12))
	s.wantKinds(t, "Renew", jwtauth.EventRefresh)
	if length > 1<<12 {
		t.Errorf("the Cookie field has %d bytes", length)
	}
}

// The name of a cookie may be followed by a space.
func TestRenewReplacesWithSpace(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	s.at(time.Hour)
	old := s.jar[accessCookie]
	delete(s.jar, accessCookie)
	if a := s.send(s.renewing(), "GET", "", "Cookie: "+accessCookie+" ="+old); a.StatusCode != 200 {
		t.Errorf("answers %s", a.Status)
	}
}

// A page and the resources that it embeds are requested at the same time, with
// the same cookies.
func TestRenewConcurrently(t *testing.T) {
	s := newCookieSite(t)
	s.login(t)
	s.at(time.Hour)
	page := s.renewing()
	line := refreshCookie + "=" + s.jar[refreshCookie]
	refreshTokens := make(chan string, 16)
	var wg sync.WaitGroup
	for range cap(refreshTokens) {
		wg.Go(func() {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Cookie", line)
			w := httptest.NewRecorder()
			page.ServeHTTP(w, r)
			if w.Code != 200 {
				t.Errorf("answers %d %s", w.Code, w.Body)
			}
			for _, c := range w.Result().Cookies() {
				if c.Name == refreshCookie {
					refreshTokens <- c.Value
				}
			}
		})
	}
	wg.Wait()
	close(refreshTokens)
	tokens := map[string]bool{}
	for token := range refreshTokens {
		tokens[token] = true
		if row := s.row(token); row.Generation != 2 {
			t.Errorf("the session is at generation %d, want 2", row.Generation)
		}
	}
	if len(tokens) != 1 {
		t.Errorf("%d refresh tokens, want 1", len(tokens))
	}
}

func TestRenewPanics(t *testing.T) {
	next := http.NotFoundHandler()
	cookieless, err := jwtauth.NewHandlers(newService(t).Issuer, jwtauth.HandlerOptions{Authenticate: func(context.Context, string, string) (string, []jwtauth.LoginOption, error) { return "", nil, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]func(){
		"HandlerOptions.Cookies": func() { cookieless.Renew(next) },
		"next handler is nil":    func() { newCookieSite(t).handlers.Renew(nil) },
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "jwtauth: Renew: ") || !strings.Contains(text, want) {
					t.Errorf("panics with %q, want one about %s", text, want)
				}
			}()
			f()
		}()
	}
}
