package guard_test

import (
	"errors"
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
	if _, err := attempt(rotated, request(login(t, rotated, "ben", next)), "ann", nil); err != nil {
		t.Errorf("an entry of the old secret beside a new one: %v", err)
	}
	login(t, dropped, "ann", next)
	if _, err := attempt(dropped, request(cookie), "ann", nil); !isPaused(err) {
		t.Errorf("a cookie of a dropped secret: %v", err)
	}
}

// While a new secret is introduced, a device is known at instances that have it
// already and at those that only list it.
func TestNextSecret(t *testing.T) {
	next := []byte(strings.Repeat("n", 32))
	store := guard.NewMemory(0)
	behind := newGuard(t, func(o *guard.Options) { o.Store, o.OldSecrets = store, [][]byte{next} })
	ahead := newGuard(t, func(o *guard.Options) { o.Store, o.Secret, o.OldSecrets = store, next, [][]byte{secret} })
	cookie := login(t, behind, "ann", "")
	exhaust(t, behind, "ann", "")
	for range 3 {
		cookie = login(t, behind, "ann", login(t, ahead, "ann", cookie))
	}
}

// After a change of the secret, a login keeps the entries of other accounts,
// and has one entry for its own.
func TestOldSecretOfOtherAccounts(t *testing.T) {
	store := guard.NewMemory(0)
	old := newGuard(t, func(o *guard.Options) { o.Store = store })
	both := login(t, old, "ben", login(t, old, "ann", ""))
	rotated := newGuard(t, func(o *guard.Options) {
		o.Store, o.Secret, o.OldSecrets = store, []byte(strings.Repeat("n", 32)), [][]byte{secret}
	})
	next := login(t, rotated, "ann", both)
	if len(next) != len(both) {
		t.Errorf("the cookie has grown from %d to %d bytes", len(both), len(next))
	}
	exhaust(t, rotated, "ben", "")
	login(t, rotated, "ben", next)
}

// Guards with different names do not accept each other's cookies, even with the
// same secret: a right password would buy guesses at a code.
func TestCookieOfAnotherGuard(t *testing.T) {
	passwords := newGuard(t, nil)
	codes := newGuard(t, func(o *guard.Options) { o.CookieName = "codes" })
	guesses := 0
	for range 3 {
		r := request("")
		r.AddCookie(&http.Cookie{Name: "__Host-codes", Value: login(t, passwords, "ann", "")})
		for {
			if _, err := attempt(codes, r, "ann", jwtauth.ErrWrongPassword); isPaused(err) {
				break
			}
			guesses++
		}
	}
	if guesses != 10 {
		t.Errorf("%d guesses, want 10", guesses)
	}
}

// Two users may have names of one account, if the lookup folds less than
// Options.Account. The success of one buys no guesses at the other.
func TestCookieOfSimilarName(t *testing.T) {
	g := newGuard(t, nil)
	owner := login(t, g, "ann", "")
	guesses := 0
	for range 3 {
		guesses += exhaust(t, g, "ann", login(t, g, "mallory", ""))
		for _, own := range []string{"Ann", "änn", "ann ", "a nn"} {
			r := request("")
			w := httptest.NewRecorder()
			if err := g.Trust(w, r, own); err != nil {
				t.Fatal(err)
			}
			guesses += exhaust(t, g, "ann", w.Result().Cookies()[0].Value)
		}
	}
	if guesses != 10 {
		t.Errorf("%d guesses, want 10", guesses)
	}
	login(t, g, "ann", owner)
}

// A page of another site cannot replace the cookie, which the browser does not
// send with its forms.
func TestCookieOfCrossSiteForm(t *testing.T) {
	g := newGuard(t, nil)
	for _, c := range []struct {
		method, site string
		minted       bool
	}{
		{"POST", "cross-site", false},
		{"PUT", "cross-site", false},
		{"GET", "cross-site", true}, // a link in a mail: the cookie is sent
		{"HEAD", "cross-site", true},
		{"POST", "same-site", true},
		{"POST", "same-origin", true},
		{"POST", "none", true},
		{"POST", "", true},
	} {
		r := httptest.NewRequest(c.method, "/login", nil)
		r.Header.Set("Sec-Fetch-Site", c.site)
		cookie, err := attempt(g, r, "mallory", nil)
		if minted := cookie != ""; minted != c.minted || err != nil {
			t.Errorf("%s from %q: cookie %v, %v", c.method, c.site, minted, err)
		}
		w := httptest.NewRecorder()
		err = g.Trust(w, r, "mallory")
		if minted := len(w.Result().Cookies()) > 0; minted != c.minted || errors.Is(err, jwtauth.ErrCrossSite) == c.minted {
			t.Errorf("Trust, %s from %q: cookie %v, %v", c.method, c.site, minted, err)
		}
	}
	withHeader := newGuard(t, func(o *guard.Options) { o.Header = "Device-Token" })
	r, w := request(""), httptest.NewRecorder()
	r.Header["Sec-Fetch-Site"], r.Header["Device-Token"] = []string{"cross-site"}, []string{""}
	ctx, err := withHeader.Allow(r, "ann")
	if err != nil {
		t.Fatal(err)
	}
	withHeader.Report(w, r.WithContext(ctx), "ann", nil)
	if w.Header().Get("Device-Token") == "" {
		t.Error("a client that uses the header is not known")
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
