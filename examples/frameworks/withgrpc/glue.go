// Package withgrpc protects the methods of a gRPC server.
package withgrpc

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/seed-0a072700/jwtauth"
)

// Public is the rule of a method that needs no token.
const Public = "-"

// Rules maps the full name of a method to [Public] or to the scope that it
// needs. A method without a rule needs a token.
type Rules map[string]string

// Authorize returns a function that checks a call. The context that it returns
// has the claims, and ends when the token expires.
func Authorize(v jwtauth.TokenVerifier, rules Rules) func(ctx context.Context, method string) (context.Context, context.CancelFunc, error) {
	verify := jwtauth.VerifyRequest(v)
	return func(ctx context.Context, method string) (context.Context, context.CancelFunc, error) {
		scope := rules[method]
		if scope == Public {
			return ctx, func() {}, nil
		}
		r := &http.Request{Header: http.Header{"Authorization": metadata.ValueFromIncomingContext(ctx, "authorization")}}
		claims, err := verify(r.WithContext(ctx))
		if err == nil && scope != "" && !claims.HasScope(scope) {
			err = fmt.Errorf("%w: %s", jwtauth.ErrInsufficientScope, scope)
		}
		if err != nil {
			return nil, nil, refusal(ctx, err)
		}
		ctx, cancel := context.WithDeadlineCause(jwtauth.NewContext(ctx, claims), claims.ExpiresAt, jwtauth.ErrTokenExpired)
		return ctx, cancel, nil
	}
}

// refusal returns the status for err, and puts the challenge into the trailer.
func refusal(ctx context.Context, err error) error {
	p := jwtauth.ProblemOf(err)
	trailer := metadata.MD{}
	for name, values := range p.Header {
		trailer.Append(strings.ToLower(name), values...)
	}
	_ = grpc.SetTrailer(ctx, trailer) // fails only without a call
	code, ok := map[int]codes.Code{400: codes.Unauthenticated, 401: codes.Unauthenticated, 403: codes.PermissionDenied, 503: codes.Unavailable}[p.Status]
	if !ok {
		code = codes.Internal
	}
	return status.Error(code, p.Code+": "+p.Detail)
}
