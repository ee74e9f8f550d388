package jwtauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
)

// createOnly is a store for one login.
type createOnly struct{ SessionStore }

func (createOnly) Create(context.Context, Session) error { return nil }

func (createOnly) List(context.Context, string, time.Time) ([]Session, error) { return nil, nil }

// The context of Authenticate carries the result of Client.
func TestHandlersClient(t *testing.T) {
	key, err := GenerateKey(HS256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := NewIssuer(key, IssuerOptions{Sessions: createOnly{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		from func(*http.Request) string
		want string
	}{
		{"default", nil, "2001:db8:1:2::/64"}, // the peer's network; headers do not count
		{"own", func(r *http.Request) string { return r.Header.Get("X-Forwarded-For") }, "198.51.100.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := false
			handlers, err := NewHandlers(issuer, HandlerOptions{
				Client: c.from,
				Authenticate: func(ctx context.Context, _, _ string) (string, []LoginOption, error) {
					asked = true
					if got := ctx.Value(passwordClientKey{}).(fairqueue.Client).Name; got != c.want {
						t.Errorf("client %q, want %q", got, c.want)
					}
					return "user-1", nil, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader("username=ann&password=secret"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-For", "198.51.100.7")
			r.RemoteAddr = "[2001:db8:1:2:3::4]:5678"
			w := httptest.NewRecorder()
			handlers.Login(w, r)
			if !asked || w.Code != 200 {
				t.Errorf("answers %d %s", w.Code, w.Body)
			}
		})
	}
}
