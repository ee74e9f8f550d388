package withconnect

import (
	"context"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-0a072700/jwtauth"
)

// Routes returns a public procedure, one that needs a token, and one that needs
// a token with a scope.
func Routes(v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) http.Handler {
	me := func(ctx context.Context) string {
		claims, _ := jwtauth.FromContext(ctx) // always set behind Protect
		return greet(claims)
	}
	protect := Protect(v)
	mux := http.NewServeMux()
	mux.Handle("/example.Greeter/Hello", procedure("Hello", func(context.Context) string { return "hello" }))
	mux.Handle("/example.Greeter/Me", protect(procedure("Me", me)))
	mux.Handle("/example.Greeter/Reports", protect(jwtauth.RequireScope("reports")(procedure("Reports", me))))
	return mux
}

// procedure makes a handler as the code that protoc generates does.
func procedure(name string, respond func(context.Context) string) http.Handler {
	return connect.NewUnaryHandler("/example.Greeter/"+name, func(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.StringValue], error) {
		return connect.NewResponse(wrapperspb.String(respond(ctx))), nil
	})
}
