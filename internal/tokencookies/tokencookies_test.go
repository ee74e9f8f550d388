package tokencookies_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/tokencookies"
)

func TestCheckName(t *testing.T) {
	const notName, hasPrefix = "jwtauth: N: is not a cookie name (RFC 6265, section 4.1.1)", "jwtauth: N: has a prefix; NewCookies adds the right one"
	for name, want := range map[string]string{
		"jwtauth":                "",
		strings.Repeat("x", 128): "",
		strings.Repeat("x", 129): "jwtauth: N: is 129 bytes long; the maximum is 128",
		"":                       notName,
		"a;b":                    notName,
		"a b":                    notName,
		"__Host-a":               hasPrefix,
		"__sEcure-a":             hasPrefix,
		"__Host-":                hasPrefix,
		"x__Host-a":              "",
		"__secure-;":             notName + "\n" + hasPrefix,
	} {
		var f faults.Collector
		tokencookies.CheckName(&f, "N", name)
		got := ""
		if err := f.Err(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Both tokens must fit. Subjects and key IDs with bytes that JSON escapes make
// long refresh tokens.
func TestFit(t *testing.T) {
	pair := tokencookies.New("a", false, http.SameSiteLaxMode)
	const access, refresh = len("__Host-a-access"), len("__Host-a-refresh")
	for _, c := range []struct {
		access, refresh int // lengths
		fits            bool
	}{
		{4096 - access, 4096 - refresh, true},
		{4096 - access + 1, 1, false},
		{1, 4096 - refresh + 1, false},
	} {
		if got := pair.Fit(strings.Repeat("a", c.access), strings.Repeat("r", c.refresh)); got != c.fits {
			t.Errorf("tokens of %d and %d bytes: %v", c.access, c.refresh, got)
		}
	}
}

func TestSet(t *testing.T) {
	const attributes = "; Path=/; HttpOnly; Secure; SameSite=Lax"
	lax := tokencookies.New("n", false, http.SameSiteLaxMode)
	all := tokencookies.Values{Access: "a.b.c", Refresh: "d.e.f", AccessLifetime: 15 * time.Minute, RefreshLifetime: 2*time.Hour + 999*time.Millisecond}
	change := func(f func(*tokencookies.Values)) tokencookies.Values {
		v := all
		f(&v)
		return v
	}
	for _, c := range []struct {
		name   string
		pair   *tokencookies.Pair
		values tokencookies.Values
		want   []string
	}{
		{"both", lax, all, []string{
			"__Host-n-access=a.b.c; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax",
			"__Host-n-refresh=d.e.f; Path=/; Max-Age=7200; HttpOnly; Secure; SameSite=Lax"}},
		{"plain HTTP", tokencookies.New("n", true, http.SameSiteLaxMode), all, []string{
			"n-access=a.b.c; Path=/; Max-Age=900; HttpOnly; SameSite=Lax",
			"n-refresh=d.e.f; Path=/; Max-Age=7200; HttpOnly; SameSite=Lax"}},
		{"other sites", tokencookies.New("n", false, http.SameSiteNoneMode), all, []string{
			"__Host-n-access=a.b.c; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=None",
			"__Host-n-refresh=d.e.f; Path=/; Max-Age=7200; HttpOnly; Secure; SameSite=None"}},
		{"browser session", lax, change(func(v *tokencookies.Values) { v.BrowserSession = true }), []string{
			"__Host-n-access=a.b.c" + attributes,
			"__Host-n-refresh=d.e.f" + attributes}},
		{"access alone", lax, change(func(v *tokencookies.Values) { v.RefreshLifetime = 0 }), []string{
			"__Host-n-access=a.b.c; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax"}},
		{"less than a second", lax, change(func(v *tokencookies.Values) { v.AccessLifetime, v.RefreshLifetime = 1, 1 }), []string{
			"__Host-n-access=a.b.c; Path=/; Max-Age=1; HttpOnly; Secure; SameSite=Lax",
			"__Host-n-refresh=d.e.f; Path=/; Max-Age=1; HttpOnly; Secure; SameSite=Lax"}},
	} {
		w := httptest.NewRecorder()
		c.pair.Set(w, c.values)
		if got := w.Header()["Set-Cookie"]; !slices.Equal(got, c.want) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestClear(t *testing.T) {
	w := httptest.NewRecorder()
	tokencookies.New("n", false, http.SameSiteLaxMode).Clear(w)
	want := []string{
		"__Host-n-access=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
		"__Host-n-refresh=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
	}
	if got := w.Header()["Set-Cookie"]; !slices.Equal(got, want) || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestReplace(t *testing.T) {
	pair := tokencookies.New("n", true, http.SameSiteLaxMode)
	if pair.AccessName() != "n-access" || pair.RefreshName() != "n-refresh" || pair.Secure() {
		t.Errorf("%s, %s, %v", pair.AccessName(), pair.RefreshName(), pair.Secure())
	}
	for _, c := range []struct{ before, want []string }{
		{nil, []string{"n-access=a; n-refresh=r"}},
		{[]string{"x=1"}, []string{"x=1; n-access=a; n-refresh=r"}},
		{[]string{"n-access=old; x=1; n-refresh=old", "n-access=second; y"}, []string{"x=1; y; n-access=a; n-refresh=r"}},
		{[]string{"n-accessory=1; N-access=2"}, []string{"n-accessory=1; N-access=2; n-access=a; n-refresh=r"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if c.before != nil {
			r.Header["Cookie"] = slices.Clone(c.before)
		}
		if got := pair.Replace(r, "a", "r").Header["Cookie"]; !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.before, got, c.want)
		}
		if !slices.Equal(r.Header["Cookie"], c.before) {
			t.Errorf("the request was changed: %q", r.Header["Cookie"])
		}
	}
}
