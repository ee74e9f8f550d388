package guard

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxValues is how many cookies of the same name are read. A browser sends
// several only if another host of the site has planted one, which the prefix
// "__Host-" prevents.
const maxValues = 4

// sent reports whether the client uses the header instead of cookies.
func (g *Guard) sent(r *http.Request) bool {
	return g.opts.Header != "" && len(r.Header.Values(g.opts.Header)) > 0
}

// hidesCookie reports whether the browser keeps back its device cookie because
// a page of another site has made it send r (SameSite=Lax). A response with a
// new cookie would replace that one, and its devices would be unknown: such a
// page could log the browser in to an account of the attacker.
func (g *Guard) hidesCookie(r *http.Request) bool {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	return !g.sent(r) && !safe && r.Header.Get("Sec-Fetch-Site") == "cross-site"
}

// values returns the values that may be a device cookie.
func (g *Guard) values(r *http.Request) (values []string) {
	if g.sent(r) {
		values = r.Header.Values(g.opts.Header)
	} else {
		for _, c := range r.CookiesNamed(g.opts.CookieName) {
			values = append(values, c.Value)
		}
	}
	return values[:min(len(values), maxValues)]
}

// mint adds a device cookie with a new device to the response. It keeps the
// entries of other user names.
func (g *Guard) mint(w http.ResponseWriter, r *http.Request, username string, epoch int64) {
	now := time.Now()
	_, others := g.devices.find(g.values(r), username, now)
	value := g.devices.add(others, username, epoch, now)
	if g.sent(r) {
		w.Header().Set(g.opts.Header, value)
		return
	}
	// A second cookie of the same name would leave the choice to the browser
	// (RFC 6265, section 4.1.1).
	set := w.Header()["Set-Cookie"]
	w.Header()["Set-Cookie"] = slices.DeleteFunc(set, func(line string) bool {
		return strings.HasPrefix(line, g.opts.CookieName+"=")
	})
	http.SetCookie(w, &http.Cookie{
		Name: g.opts.CookieName, Value: value, Path: "/", MaxAge: int(g.opts.DeviceTTL / time.Second),
		Secure: !g.opts.InsecureHTTP, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
