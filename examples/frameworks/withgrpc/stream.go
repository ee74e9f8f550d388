package withgrpc

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/seed-0a072700/jwtauth"
)

// Interceptors returns the interceptors for all methods of a server.
func Interceptors(v jwtauth.TokenVerifier, rules Rules) []grpc.ServerOption {
	authorize := Authorize(v, rules)
	unary := func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, cancel, err := authorize(ctx, info.FullMethod)
		if err != nil {
			return nil, err
		}
		defer cancel()
		return handler(ctx, req)
	}
	streaming := func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, cancel, err := authorize(s.Context(), info.FullMethod)
		if err != nil {
			return err
		}
		defer cancel()
		err = handler(srv, &stream{s, ctx})
		if errors.Is(context.Cause(ctx), jwtauth.ErrTokenExpired) {
			return refusal(s.Context(), jwtauth.ErrTokenExpired)
		}
		return err
	}
	return []grpc.ServerOption{grpc.ChainUnaryInterceptor(unary), grpc.ChainStreamInterceptor(streaming)}
}

// stream is a ServerStream whose context has the claims. Its methods do not
// wait longer than the token is valid.
type stream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) RecvMsg(m any) error {
	return s.wait(func() error { return s.ServerStream.RecvMsg(m) })
}
func (s *stream) SendMsg(m any) error {
	return s.wait(func() error { return s.ServerStream.SendMsg(m) })
}

// wait runs f until the context ends. The call that f makes then ends with the
// stream, when the handler returns.
func (s *stream) wait(f func() error) error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}
