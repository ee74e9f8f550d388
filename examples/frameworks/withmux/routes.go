// Package withmux protects the routes of a gorilla/mux router.
package withmux

import (
	"io"
	"net/http"

	"github.com/gorilla/mux"

	"github.com/seed-0a072700/jwtauth"
)

// Routes returns a public route, a route that needs a token, and one that needs
// a token with a scope. The subrouter has the Verify. The public route comes
// first, because a subrouter without a prefix matches every path.
func Routes(v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) http.Handler {
	r := mux.NewRouter()
	r.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	me := func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context()) // always set behind Verify
		io.WriteString(w, greet(claims))
	}
	protected := r.NewRoute().Subrouter()
	protected.Use(jwtauth.Verify(v))
	protected.HandleFunc("/me", me)
	protected.Handle("/reports", jwtauth.RequireScope("reports")(http.HandlerFunc(me)))
	return r
}
