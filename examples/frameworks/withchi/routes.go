// Package withchi protects the routes of a chi router.
package withchi

import (
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/seed-0a072700/jwtauth"
)

// Routes returns a public route, a route that needs a token, and one that needs
// a token with a scope. Each group of routes has a Verify of its own.
func Routes(v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) http.Handler {
	r := chi.NewRouter()
	r.Get("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	me := func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context()) // always set behind Verify
		io.WriteString(w, greet(claims))
	}
	r.Group(func(r chi.Router) {
		r.Use(jwtauth.Verify(v))
		r.HandleFunc("/me", me)
		r.With(jwtauth.RequireScope("reports")).HandleFunc("/reports", me)
	})
	return r
}
