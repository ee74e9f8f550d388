package withgrpc

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

const service = "/example.Greeter/"

func dial(t testing.TB, l net.Listener, server *grpc.Server, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient("passthrough:///"+l.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Stop(); <-served })
	return conn
}

// start serves on a socket.
func start(t testing.TB, v jwtauth.TokenVerifier, greet func(*jwtauth.Claims) string) *grpc.ClientConn {
	t.Helper()
	return serve(t, NewServer(v, greet))
}

func serve(t testing.TB, server *grpc.Server) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return dial(t, l, server)
}

// call calls a method, or sends one message to the stream Chat.
func call(ctx context.Context, conn *grpc.ClientConn, name string, trailer *metadata.MD) (string, error) {
	var reply wrapperspb.StringValue
	if name != "Chat" {
		err := conn.Invoke(ctx, service+name, &emptypb.Empty{}, &reply, grpc.Trailer(trailer))
		return reply.Value, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := chat(ctx, conn)
	if err != nil {
		return "", err
	}
	_ = s.SendMsg(&emptypb.Empty{}) // RecvMsg returns the error
	err = s.RecvMsg(&reply)
	if err != nil {
		*trailer = s.Trailer()
	}
	return reply.Value, err
}

func chat(ctx context.Context, conn *grpc.ClientConn) (grpc.ClientStream, error) {
	return conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, service+"Chat")
}

func subject(c *jwtauth.Claims) string {
	var plan string
	if err := c.Get("plan", &plan); err != nil {
		return err.Error()
	}
	return c.Subject + " " + plan
}

type outage struct{}

func (outage) VerifyToken(context.Context, string) (*jwtauth.Claims, error) {
	return nil, fmt.Errorf("%w: keys", jwtauth.ErrUnavailable)
}

func TestMethods(t *testing.T) {
	var calls atomic.Int64
	greet := func(c *jwtauth.Claims) string { calls.Add(1); return subject(c) }
	working, broken := start(t, jwtauthtest.Verifier(t), greet), start(t, outage{}, greet)
	good := "Bearer " + jwtauthtest.Token(t, "ann", map[string]string{"scope": "reports", "plan": "gold"})
	plain := "Bearer " + jwtauthtest.Token(t, "ann", nil)
	expired := "Bearer " + jwtauthtest.Token(t, "ann", nil, jwtauthtest.Expired())
	for _, test := range []struct {
		name, method string
		conn         *grpc.ClientConn
		metadata     []string // names and values
		code         codes.Code
		want         string // the reply, or the start of the message
	}{
		{"public", "Hello", working, nil, codes.OK, "hello"},
		{"unary", "Me", working, []string{"authorization", good}, codes.OK, "ann gold"},
		{"scope", "Reports", working, []string{"authorization", good}, codes.OK, "ann gold"},
		{"stream", "Chat", working, []string{"authorization", good}, codes.OK, "ann gold"},
		{"no token", "Me", working, nil, codes.Unauthenticated, "token_missing"},
		{"stream without a token", "Chat", working, nil, codes.Unauthenticated, "token_missing"},
		{"expired", "Me", working, []string{"authorization", expired}, codes.Unauthenticated, "token_expired"},
		{"stream, expired", "Chat", working, []string{"authorization", expired}, codes.Unauthenticated, "token_expired"},
		{"two tokens", "Me", working, []string{"authorization", good, "authorization", good}, codes.Unauthenticated, "invalid_request"},
		{"stream with two tokens", "Chat", working, []string{"authorization", plain, "authorization", good}, codes.Unauthenticated, "invalid_request"},
		{"another name", "Me", working, []string{"token", good, "grpc-authorization", good, "authorization-bin", good}, codes.Unauthenticated, "token_missing"},
		{"without the scope", "Reports", working, []string{"authorization", plain}, codes.PermissionDenied, "insufficient_scope"},
		{"outage", "Me", broken, []string{"authorization", good}, codes.Unavailable, "unavailable"},
		{"stream, outage", "Chat", broken, []string{"authorization", good}, codes.Unavailable, "unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := calls.Load()
			var trailer metadata.MD
			ctx := metadata.AppendToOutgoingContext(t.Context(), test.metadata...)
			got, err := call(ctx, test.conn, test.method, &trailer)
			if code := status.Code(err); code != test.code {
				t.Fatalf("%v, want %v", err, test.code)
			}
			if test.code == codes.OK {
				if got != test.want {
					t.Errorf("%q, want %q", got, test.want)
				}
				return
			}
			if message := status.Convert(err).Message(); !strings.HasPrefix(message, test.want+": ") {
				t.Errorf("%q, want %q", message, test.want)
			}
			challenge := strings.Join(trailer["www-authenticate"], "; ")
			if challenged := challenge != ""; challenged != (test.code != codes.Unavailable) {
				t.Errorf("trailer %v", trailer)
			}
			if retry := len(trailer["retry-after"]) == 1; retry != (test.code == codes.Unavailable) {
				t.Errorf("trailer %v", trailer)
			}
			if named := strings.HasSuffix(challenge, `, scope="reports"`); named != (test.code == codes.PermissionDenied) {
				t.Errorf("challenge %q", challenge)
			}
			if calls.Load() != before {
				t.Error("the handler ran")
			}
		})
	}
}

// Before 1.79.3, gRPC routed calls whose path lacks the first slash, and passed
// that path to interceptors. Such a call needs the same scope.
func TestPathWithoutSlash(t *testing.T) {
	older := func(_ any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		info.FullMethod = strings.TrimPrefix(info.FullMethod, "/")
		return handler(nil, s)
	}
	var calls atomic.Int64
	interceptors := Interceptors(jwtauth.VerifyRequest(jwtauthtest.Verifier(t)), map[string]string{service + "Watch": "reports"})
	server := grpc.NewServer(append([]grpc.ServerOption{grpc.ChainStreamInterceptor(older)}, interceptors...)...)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "example.Greeter", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Watch", ServerStreams: true, ClientStreams: true,
		Handler: func(_ any, s grpc.ServerStream) error {
			calls.Add(1)
			return s.SendMsg(wrapperspb.String("secret"))
		},
	}}}, struct{}{})
	conn := serve(t, server)
	for scope, want := range map[string]codes.Code{"reports": codes.OK, "other": codes.PermissionDenied} {
		token := jwtauthtest.Token(t, "ann", map[string]string{"scope": scope})
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
		s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, service+"Watch")
		if err != nil {
			t.Fatal(err)
		}
		var reply wrapperspb.StringValue
		if err := s.RecvMsg(&reply); status.Code(err) != want {
			t.Errorf("scope %s: %v, want %v", scope, err, want)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("the handler ran %d times", n)
	}
}

// An interceptor after these recovers from a panic of a stream.
func TestPanic(t *testing.T) {
	recovery := func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = status.Error(codes.DataLoss, fmt.Sprint(p))
			}
		}()
		return handler(srv, s)
	}
	interceptors := Interceptors(jwtauth.VerifyRequest(jwtauthtest.Verifier(t)), nil)
	server := grpc.NewServer(append(interceptors, grpc.ChainStreamInterceptor(recovery))...)
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "example.Greeter", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Watch", ServerStreams: true, ClientStreams: true,
		Handler: func(any, grpc.ServerStream) error { panic("lost") },
	}}}, struct{}{})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+jwtauthtest.Token(t, "ann", nil))
	s, err := serve(t, server).NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, service+"Watch")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(new(wrapperspb.StringValue)); status.Code(err) != codes.DataLoss || status.Convert(err).Message() != "lost" {
		t.Errorf("%v", err)
	}
}

// Each change of Attack becomes the metadata of a call over a socket.
func TestAttack(t *testing.T) {
	for _, method := range []string{"Me", "Reports", "Chat"} {
		t.Run(method, func(t *testing.T) {
			protect := func(next http.Handler) http.Handler {
				conn := start(t, jwtauthtest.Verifier(t), func(*jwtauth.Claims) string {
					next.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
					return "called"
				})
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					md := metadata.MD{}
					for name, values := range r.Header {
						md.Append(name, values...)
					}
					var trailer metadata.MD
					_, err := call(metadata.NewOutgoingContext(context.Background(), md), conn, method, &trailer)
					w.Header()["Www-Authenticate"] = trailer["www-authenticate"]
					message := status.Convert(err).Message()
					switch status.Code(err) {
					case codes.OK:
					case codes.Unauthenticated:
						http.Error(w, message, http.StatusUnauthorized)
					case codes.Internal: // the client refuses to send such metadata
						http.Error(w, "not sent", http.StatusBadRequest)
					default:
						http.Error(w, message, http.StatusInternalServerError)
					}
				})
			}
			token := jwtauthtest.Token(t, "ann", map[string]string{"scope": "reports"})
			jwtauthtest.Attack(t, protect, func() *http.Request {
				r := httptest.NewRequest("POST", "/", nil)
				r.Header.Set("Authorization", "Bearer "+token)
				return r
			})
		})
	}
}

// A stream ends when its token expires and the leeway of 30 seconds is over,
// whatever its handler waits for.
func TestStreamEnds(t *testing.T) {
	for _, test := range []struct {
		name      string
		expires   time.Duration // from the beginning
		busy      bool          // the handler does not wait for a message
		wantAfter time.Duration
	}{
		{"waits for a message", time.Minute, false, 90 * time.Second},
		{"waits for something else", time.Minute, true, 90 * time.Second},
		{"accepted because of the leeway", -10 * time.Second, false, 20 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, free := bufconn.Listen(1<<16), make(chan struct{})
				defer close(free)
				greet := func(c *jwtauth.Claims) string {
					if test.busy {
						<-free
					}
					return subject(c)
				}
				conn := dial(t, l, NewServer(jwtauthtest.Verifier(t), greet), grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
				begin := time.Now()
				token := jwtauthtest.Token(t, "ann", map[string]string{"plan": "gold"}, jwtauthtest.Claim("exp", begin.Add(test.expires)))
				s, err := chat(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token), conn)
				if err != nil {
					t.Fatal(err)
				}
				var reply wrapperspb.StringValue
				if err := s.SendMsg(&emptypb.Empty{}); err != nil {
					t.Fatal(err)
				}
				if !test.busy {
					if err := s.RecvMsg(&reply); err != nil || reply.Value != "ann gold" {
						t.Fatalf("%q, %v", reply.Value, err)
					}
				}
				err = s.RecvMsg(&reply)
				if status.Code(err) != codes.Unauthenticated || !strings.HasPrefix(status.Convert(err).Message(), "token_expired: ") {
					t.Errorf("the stream ends with %v", err)
				}
				if after := time.Since(begin); after != test.wantAfter {
					t.Errorf("the stream ends after %v, want %v", after, test.wantAfter)
				}
			})
		})
	}
}
