package withgrpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-0a072700/jwtauth"
)

// NewServer returns a server with a public method, two that need a token, one
// of them streaming, and one that needs a token with a scope.
func NewServer(v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) *grpc.Server {
	server := grpc.NewServer(Interceptors(jwtauth.VerifyRequest(v), map[string]string{
		"/example.Greeter/Hello":   Public,
		"/example.Greeter/Reports": "reports",
	})...)
	me := func(ctx context.Context) string {
		claims, _ := jwtauth.FromContext(ctx) // always set for these methods
		return greet(claims)
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "example.Greeter",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			method("Hello", func(context.Context) string { return "hello" }),
			method("Me", me),
			method("Reports", me),
		},
		// Chat responds to each message until the client or the token ends it.
		Streams: []grpc.StreamDesc{{
			StreamName: "Chat", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, s grpc.ServerStream) error {
				for {
					if err := s.RecvMsg(&emptypb.Empty{}); err != nil {
						return err
					}
					if err := s.SendMsg(wrapperspb.String(me(s.Context()))); err != nil {
						return err
					}
				}
			},
		}},
	}, struct{}{})
	return server
}

// method describes a method as the code that protoc generates does.
func method(name string, respond func(context.Context) string) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		req := &emptypb.Empty{}
		if err := decode(req); err != nil {
			return nil, err
		}
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/example.Greeter/" + name}
		return intercept(ctx, req, info, func(ctx context.Context, _ any) (any, error) {
			return wrapperspb.String(respond(ctx)), nil
		})
	}}
}
