package stores_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/e2e/internal/servers"
)

// 300 clients refresh at once over HTTP. With the pool of the README, all of them
// succeed. The server allows few connections, so that a pool without limits
// exceeds them even on a fast machine.
func TestPoolOfReadme(t *testing.T) {
	const clients = 300
	server := servers.Start(t, servers.PostgreSQL, "-c", "max_connections=30")
	db := server.Open(t, server.NewDatabase(t))
	open, idle := poolOf(t)
	db.SetMaxOpenConns(open)
	db.SetMaxIdleConns(idle)
	issuer := newIssuer(t, postgres.on(t, db), jwtauth.IssuerOptions{})
	var tokens [clients]string
	for i := range tokens {
		login, err := issuer.Login(t.Context(), fmt.Sprint("user ", i))
		if err != nil {
			t.Fatal(err)
		}
		tokens[i] = login.RefreshToken
	}

	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(context.Context, string, string) (string, []jwtauth.LoginOption, error) {
			return "", nil, jwtauth.ErrWrongPassword
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	refresh := httptest.NewServer(http.HandlerFunc(handlers.Refresh))
	defer refresh.Close()
	var statuses [clients]int
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, token := range tokens {
		wg.Go(func() {
			<-start
			body := strings.NewReader(`{"refresh_token":"` + token + `"}`)
			response, err := http.Post(refresh.URL, "application/json", body)
			if err != nil {
				t.Error(err)
				return
			}
			statuses[i] = response.StatusCode
			response.Body.Close()
		})
	}
	close(start)
	wg.Wait()
	counts := make(map[int]int)
	for _, status := range statuses {
		counts[status]++
	}
	t.Logf("statuses of %d refreshes: %v", clients, counts)
	if counts[http.StatusOK] != clients {
		t.Errorf("statuses of %d refreshes: %v; want 200 for all", clients, counts)
	}
}

func newIssuer(t testing.TB, store jwtauth.SessionStore, opts jwtauth.IssuerOptions) *jwtauth.Issuer {
	t.Helper()
	key, err := jwtauth.GenerateKey("HS256")
	if err != nil {
		t.Fatal(err)
	}
	opts.Sessions = store
	issuer, err := jwtauth.NewIssuer(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}
