package guard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

func TestCookieAttributes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*guard.Options)
		want   http.Cookie
	}{
		{"default", nil, http.Cookie{Name: cookieName, Secure: true, MaxAge: 180 * 24 * 3600}},
		{"own", func(o *guard.Options) { o.CookieName, o.DeviceTTL = "shop", 30*24*time.Hour },
			http.Cookie{Name: "__Host-shop", Secure: true, MaxAge: 30 * 24 * 3600}},
		{"insecure", func(o *guard.Options) { o.InsecureHTTP = true }, http.Cookie{Name: "jwtauth-device", MaxAge: 180 * 24 * 3600}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGuard(t, c.change)
			w := httptest.NewRecorder()
			if err := g.Trust(w, request(""), "ann"); err != nil {
				t.Fatal(err)
			}
			got := w.Result().Cookies()[0]
			if got.Name != c.want.Name || got.Secure != c.want.Secure || got.MaxAge != c.want.MaxAge ||
				!got.HttpOnly || got.Path != "/" || got.Domain != "" || got.SameSite != http.SameSiteLaxMode || strings.Contains(got.Value, "ann") {
				t.Errorf("got %v, want %v", got, &c.want)
			}
		})
	}
}

// A response has one device cookie, and keeps the other ones.
func TestOneCookie(t *testing.T) {
	g := newGuard(t, nil)
	w := httptest.NewRecorder()
	w.Header().Add("Set-Cookie", "other=1")
	for range 2 {
		if err := g.Trust(w, request(""), "ann"); err != nil {
			t.Fatal(err)
		}
	}
	if set := w.Result().Cookies(); len(set) != 2 || set[0].Name != "other" || set[1].Name != cookieName {
		t.Errorf("cookies %v", set)
	}
}

// A client without cookies keeps the value of the header.
func TestHeader(t *testing.T) {
	const header = "Device-Token"
	g := newGuard(t, func(o *guard.Options) { o.Header = header })
	send := func(values []string, cookie string) (string, []*http.Cookie) {
		t.Helper()
		r := request(cookie)
		r.Header[header] = values
		ctx, err := g.Allow(r, "ann")
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		g.Report(w, r.WithContext(ctx), "ann", nil)
		return w.Header().Get(header), w.Result().Cookies()
	}
	token, cookies := send([]string{""}, "")
	if token == "" || len(cookies) > 0 {
		t.Fatalf("the first login: %q, %v", token, cookies)
	}
	exhaust(t, g, "ann", "")
	next, cookies := send([]string{token}, "")
	if next == "" || next == token || len(cookies) > 0 {
		t.Errorf("the next login: %q, %v", next, cookies)
	}
	// A client that sends no header gets a cookie, and never the header: no
	// script can read the value.
	token, cookies = send(nil, next)
	if token != "" || len(cookies) != 1 {
		t.Errorf("a browser: %q, %v", token, cookies)
	}
	r := request(next)
	r.Header[header] = []string{""}
	if _, err := attempt(g, r, "ann", nil); !isPaused(err) {
		t.Errorf("a script that sends an empty header: %v", err)
	}
}

// Without Options.Header no header counts.
func TestNoHeader(t *testing.T) {
	g := newGuard(t, nil)
	cookie := login(t, g, "ann", "")
	exhaust(t, g, "ann", "")
	for _, name := range []string{"", "Device-Token", cookieName} {
		r := request("")
		r.Header[name] = []string{cookie}
		if _, err := attempt(g, r, "ann", nil); !isPaused(err) {
			t.Errorf("the header %q: %v", name, err)
		}
	}
}

// Old secrets verify cookies, and the counters survive a new secret.
func TestOldSecrets(t *testing.T) {
	store := guard.NewMemory(0)
	old := newGuard(t, func(o *guard.Options) { o.Store = store })
	cookie := login(t, old, "ann", "")
	exhaust(t, old, "ann", "")
	change := func(o *guard.Options) { o.Store, o.Secret = store, []byte(strings.Repeat("n", 32)) }
	rotated := newGuard(t, func(o *guard.Options) { change(o); o.OldSecrets = [][]byte{secret} })
	next := login(t, rotated, "ann", cookie)
	dropped := newGuard(t, change)
	login(t, dropped, "ann", next)
	if _, err := attempt(dropped, request(cookie), "ann", nil); !isPaused(err) {
		t.Errorf("a cookie of a dropped secret: %v", err)
	}
}

// A replayed cookie counts for its device. Any number of copies, and of other
// cookies beside it, gain no more guesses.
func TestReplayedCookies(t *testing.T) {
	g := newGuard(t, nil)
	first := login(t, g, "ann", "")
	second := login(t, g, "ann", first)
	exhaust(t, g, "ann", "")
	if n := exhaust(t, g, "ann", first); n != 10 {
		t.Errorf("%d guesses with a copied cookie, want 10", n)
	}
	mixed := login(t, g, "mallory", first) // adds an entry of the thief
	for _, cookie := range []string{first, mixed, login(t, g, "mallory", mixed)} {
		if n := exhaust(t, g, "ann", cookie); n != 0 {
			t.Errorf("%d more guesses", n)
		}
	}
	r := request(first)
	for i := range 10 {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: fmt.Sprint(i)})
	}
	if _, err := attempt(g, r, "ann", jwtauth.ErrWrongPassword); !isPaused(err) {
		t.Errorf("with other cookies: %v", err)
	}
	r = request("")
	for i := range 5 { // the first four count
		r.AddCookie(&http.Cookie{Name: cookieName, Value: fmt.Sprint(i)})
	}
	r.AddCookie(&http.Cookie{Name: cookieName, Value: second})
	if _, err := attempt(g, r, "ann", nil); !isPaused(err) {
		t.Errorf("the sixth cookie counts: %v", err)
	}
	// The owner has logged in since the copy was made, and notices nothing.
	login(t, g, "ann", second)
}
