package main

import (
	"net/http"
	"strings"
)

// cors lets the pages of other origins call this service with its cookies (https://fetch.spec.whatwg.org/#http-cors-protocol).
// It wraps Verify, because browsers send a preflight without credentials. Its
// headers alone open nothing: CookieOptions.TrustedOrigins decides which pages
// may use the cookies, and lists the same origins.
func cors(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	listed := make(map[string]bool)
	for _, origin := range origins {
		listed[asSent(origin)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin") // on every response, also for other origins
		origin := r.Header.Get("Origin")
		preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		allowed := listed[origin]
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin) // browsers refuse "*" with credentials
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", "Retry-After, WWW-Authenticate, DPoP-Nonce")
		}
		if preflight {
			if allowed {
				h.Set("Access-Control-Allow-Methods", "GET, POST")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, X-Script")
				h.Set("Access-Control-Max-Age", "600")
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// asSent returns an origin as browsers send it: in lower case and without a
// default port.
func asSent(origin string) string {
	origin = strings.ToLower(origin)
	if strings.HasPrefix(origin, "https:") {
		return strings.TrimSuffix(origin, ":443")
	}
	return strings.TrimSuffix(origin, ":80")
}
