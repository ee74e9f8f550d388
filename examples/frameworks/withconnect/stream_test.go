package withconnect

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-0a072700/jwtauth"
)

// short accepts every token for a moment.
type short struct{}

func (short) VerifyToken(context.Context, string) (*jwtauth.Claims, error) {
	return &jwtauth.Claims{Subject: "ann", ExpiresAt: time.Now().Add(100 * time.Millisecond)}, nil
}

// A stream ends when its token expires, whether its handler waits for a message
// or for its context. It never starts without a token.
func TestStreamEnds(t *testing.T) {
	causes := make(chan error, 1)
	handlers := map[string]func(context.Context, *connect.BidiStream[emptypb.Empty, wrapperspb.StringValue]) error{
		"/example.Greeter/Receive": func(ctx context.Context, s *connect.BidiStream[emptypb.Empty, wrapperspb.StringValue]) error {
			for {
				if _, err := s.Receive(); err != nil {
					<-ctx.Done()
					causes <- context.Cause(ctx)
					return err
				}
			}
		},
		"/example.Greeter/Wait": func(ctx context.Context, _ *connect.BidiStream[emptypb.Empty, wrapperspb.StringValue]) error {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		},
	}
	mux := http.NewServeMux()
	for path, handle := range handlers {
		mux.Handle(path, Protect(short{})(connect.NewBidiStreamHandler(path, handle)))
	}
	server := httptest.NewUnstartedServer(mux)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	for path := range handlers {
		for name, opts := range map[string][]connect.ClientOption{"connect": nil, "gRPC": {connect.WithGRPC()}, "gRPC-Web": {connect.WithGRPCWeb()}} {
			t.Run(path+" "+name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				client := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](server.Client(), server.URL+path, opts...)
				begin := func(token string) error {
					s := client.CallBidiStream(ctx)
					if token != "" {
						s.RequestHeader().Set("Authorization", "Bearer "+token)
					}
					_ = s.Send(&emptypb.Empty{}) // Receive returns the error
					_, err := s.Receive()
					return errors.Join(err, s.CloseResponse())
				}
				if code := connect.CodeOf(begin("")); code != connect.CodeUnauthenticated {
					t.Errorf("without a token: %v", code)
				}
				if len(causes) > 0 {
					t.Fatal("the handler ran without a token")
				}
				if err := begin("a.b.c"); connect.CodeOf(err) != connect.CodeDeadlineExceeded || ctx.Err() != nil {
					t.Errorf("the stream ends with %v", err)
				}
				select {
				case cause := <-causes:
					if !errors.Is(cause, jwtauth.ErrTokenExpired) {
						t.Errorf("the context ends with %v", cause)
					}
				case <-ctx.Done():
					t.Error("the handler does not end")
				}
			})
		}
	}
}
