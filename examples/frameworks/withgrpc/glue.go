// Package withgrpc protects the methods of a gRPC server.
package withgrpc

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/seed-0a072700/jwtauth"
)

// Public is the scope of a method that needs no token.
const Public = "-"

// Interceptors returns the interceptors for all methods of a server. They put
// the claims into the context, and end a stream when its token expires. verify
// comes from [jwtauth.VerifyRequest]. scopes maps the full name of a method to
// [Public] or to the scope that it needs. A method without one needs a token.
// Add interceptors that recover from panics after these, because the handler of
// a stream runs in a goroutine of its own.
func Interceptors(verify func(*http.Request) (*jwtauth.Claims, error), scopes map[string]string) []grpc.ServerOption {
	call := func(ctx context.Context, method string, handler func(context.Context, time.Duration) (any, error)) (any, error) {
		scope := scopes["/"+strings.TrimPrefix(method, "/")] // gRPC before 1.79.3 also routes calls without the slash
		if scope == Public {
			return handler(ctx, math.MaxInt64)
		}
		claims, err := verify((&http.Request{Header: http.Header{"Authorization": metadata.ValueFromIncomingContext(ctx, "authorization")}}).WithContext(ctx))
		if err == nil && (scope == "" || claims.HasScope(scope)) {
			return handler(jwtauth.NewContext(ctx, claims), claims.ValidFor())
		}
		return nil, refusal(ctx, jwtauth.ProblemOf(cmp.Or(err, jwtauth.ErrInsufficientScope)), scope)
	}
	unary := func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		return call(ctx, info.FullMethod, func(ctx context.Context, _ time.Duration) (any, error) { return handler(ctx, req) })
	}
	streaming := func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		_, err := call(s.Context(), info.FullMethod, func(ctx context.Context, lifetime time.Duration) (any, error) {
			done := make(chan error, 2)
			defer time.AfterFunc(lifetime, func() { done <- refusal(ctx, jwtauth.ProblemOf(jwtauth.ErrTokenExpired), "") }).Stop()
			go func() { done <- handler(srv, &stream{s, ctx}) }() // its context ends with the stream
			return nil, <-done
		})
		return err
	}
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(unary), grpc.ChainStreamInterceptor(streaming)}
}

// refusal returns the status for p, and puts its headers into the trailer.
func refusal(ctx context.Context, p jwtauth.Problem, scope string) error {
	if p.Code == "insufficient_scope" {
		p.Header.Set("WWW-Authenticate", p.Header.Get("WWW-Authenticate")+`, scope="`+scope+`"`)
	}
	// SetTrailer fails only without a call.
	_ = grpc.SetTrailer(ctx, metadata.MD{"www-authenticate": p.Header.Values("WWW-Authenticate"), "retry-after": p.Header.Values("Retry-After")})
	known := map[int]codes.Code{400: codes.Unauthenticated, 401: codes.Unauthenticated, 403: codes.PermissionDenied, 503: codes.Unavailable}
	return status.Error(cmp.Or(known[p.Status], codes.Internal), p.Code+": "+p.Detail)
}

// stream is a ServerStream whose context has the claims.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *stream) Context() context.Context { return s.ctx }
