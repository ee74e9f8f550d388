package jwtauth

import (
	"fmt"
	"net/http"
	"strings"
)

// Cookie reads a cookie. Because browsers attach cookies to whatever any site makes them send, a
// token found there counts only in a request that this origin's own pages, or the
// user by typing the address, made: for methods other than GET, HEAD and OPTIONS, and for
// WebSocket handshakes, the request must pass [http.CrossOriginProtection] and have a
// Sec-Fetch-Site or Origin field, which every browser sends with these; else it is [ErrCrossSite]. A cookie
// given twice, as by a sibling host that plants one, is [ErrInvalidRequest].
//
// It panics where name is no cookie name (RFC 6265 §4.1.1).
func Cookie(name string) Source {
	if err := (&http.Cookie{Name: name, Value: "v"}).Valid(); err != nil {
		panic("jwtauth: Cookie: the name is not one of a cookie")
	}
	return cookieSource(name, http.NewCrossOriginProtection())
}

func cookieSource(name string, protection *http.CrossOriginProtection) Source {
	return func(r *http.Request) (string, error) {
		var values []string
		for _, cookie := range r.CookiesNamed(name) {
			values = append(values, cookie.Value)
		}
		token, err := one(values)
		if err != nil || token == "" {
			return "", err
		}
		if err := checkSite(protection, r); err != nil {
			return "", err
		}
		return token, nil
	}
}

var errNoOrigin = fmt.Errorf("%w: neither Sec-Fetch-Site nor Origin", ErrCrossSite)

// checkSite is protection.Check, but stricter where that is made for cookies that
// browsers guard by themselves: it passes over requests without either field, which no
// browser's are, and over WebSocket handshakes, which are GETs that script of any site may make.
func checkSite(protection *http.CrossOriginProtection, r *http.Request) error {
	if isWebSocket(r) {
		asPost := *r
		asPost.Method = http.MethodPost
		r = &asPost
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return errNoOrigin
	}
	if protection.Check(r) != nil {
		return ErrCrossSite
	}
	return nil
}

func isWebSocket(r *http.Request) bool {
	for _, field := range r.Header["Upgrade"] {
		for protocol := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.TrimSpace(protocol), "websocket") {
				return true
			}
		}
	}
	return false
}
