package withconnect

import (
	"bytes"
	"context"
	"errors"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
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

// trailerLog counts the lines of a log about trailers. A caller without a token
// must not fill the log.
type trailerLog struct{ atomic.Int64 }

func (l *trailerLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("trailer")) {
		l.Add(1)
	}
	return len(line), nil
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
	trailers := new(trailerLog)
	server.Config.ErrorLog = log.New(trailers, "", 0)
	server.StartTLS()
	defer func() {
		server.Close()
		if n := trailers.Load(); n > 0 {
			t.Errorf("%d lines in the log about trailers", n)
		}
	}()

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
				refusal, ok := errors.AsType[*connect.Error](begin(""))
				if !ok || refusal.Code() != connect.CodeUnauthenticated || refusal.Meta().Get("WWW-Authenticate") == "" {
					t.Errorf("without a token: %v", refusal)
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

// Connect accepts a Content-Type with capitals, parameters and spaces. Calls
// that are not streams may outlast their token.
func TestStreamKinds(t *testing.T) {
	for kind, want := range map[string]bool{
		"application/connect+proto":                     true,
		"Application/Connect+JSON":                      true,
		" application/connect+proto":                    true,
		"application/connect+json ; charset=utf-8":      true,
		"application/grpc":                              true,
		"APPLICATION/GRPC+PROTO":                        true,
		"\tapplication/grpc-web+json;charset=\"utf-8\"": true,
		"application/proto":                             false,
		"application/json; charset=utf-8":               false,
	} {
		handler := Protect(short{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, ends := r.Context().Deadline(); ends != want {
				t.Errorf("%q: the context ends with the token: %t", kind, ends)
			}
		}))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/example.Greeter/Wait", http.NoBody)
		r.Header.Set("Authorization", "Bearer a.b.c")
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("%q: status %d", kind, w.Code)
		}
	}
}
