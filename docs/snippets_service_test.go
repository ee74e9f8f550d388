package docs_test

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/seed-0a072700/jwtauth"
)

// newService protects the routes of a service with one of the verifiers below.
func newService(verifier jwtauth.TokenVerifier) http.Handler {
	protect := jwtauth.Verify(verifier, jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
		slog.Info("refused", "route", r.Pattern, "err", err) // the response does not say why
		jwtauth.WriteError(w, r, err)
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /orders", protect(jwtauth.RequireScope("read:orders")(http.HandlerFunc(listOrders))))
	return mux
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	claims, _ := jwtauth.FromContext(r.Context()) // always set behind Verify
	fmt.Fprintf(w, "orders of %s\n", claims.Subject)
}
