package flood

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

var shortNetworks = NetworkPlan{
	Every: 10 * time.Millisecond, Honest: 50 * time.Millisecond, Users: 3, Rate: 10 * time.Millisecond,
	Before: 100 * time.Millisecond, Settle: 50 * time.Millisecond, During: 150 * time.Millisecond,
}

// All requests of the plan are sent and counted, however slow the server is:
// 6 logins of honest users, 4 of them during the flood of 20.
func TestLoadNetworks(t *testing.T) {
	for _, origin := range Origins {
		t.Run(origin.Name, func(t *testing.T) {
			issuer, token := newLogin(t)
			handlers, err := networkHandlers(issuer)
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			addresses := make(map[string]int)
			known := 0
			mux := http.NewServeMux()
			mux.Handle("GET /me", protected(issuer))
			mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				addresses[r.Header.Get(addressHeader)]++
				if strings.HasPrefix(r.Header.Get("Cookie"), "__Host-jwtauth-device=") {
					known++
				}
				mu.Unlock()
				handlers.Login(w, r)
			})
			server := httptest.NewServer(mux)
			defer server.Close()

			r, err := LoadNetworks(t.Context(), Hello{URL: server.URL, Token: token}, origin, shortNetworks)
			if err != nil {
				t.Fatal(err)
			}
			if r.Honest != 4 || r.Served > r.Honest || r.Checked+r.Refused != 20 {
				t.Errorf("%d honest logins, %d of them served; %d and %d of the flood", r.Honest, r.Served, r.Checked, r.Refused)
			}
			if len(r.Before) != 10 || len(r.During) != 15 {
				t.Errorf("%d requests to the protected route before the flood, %d during it", len(r.Before), len(r.During))
			}
			first := 0 // logins before the measurement
			if origin.Known {
				first = shortNetworks.Users
			}
			if want := first / shortNetworks.Users * 6; known != want {
				t.Errorf("%d logins with a device cookie, want %d", known, want)
			}
			for i := range 20 {
				if addresses[origin.Attacker(i)] != 1 {
					t.Errorf("%d logins from %s", addresses[origin.Attacker(i)], origin.Attacker(i))
				}
			}
			for n := range shortNetworks.Users {
				if got := addresses[origin.Honest(n)]; got != 2+first/shortNetworks.Users {
					t.Errorf("%d logins from %s", got, origin.Honest(n))
				}
			}
		})
	}
}

func TestServeNetworks(t *testing.T) {
	in, parent := io.Pipe()
	child, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- ServeNetworks(in, out) }()
	line, err := bufio.NewReader(child).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	n := networkLoad{origin: Origins[2], client: newClient("127.0.0.1", 1), cookies: make([]string, 1)}
	if err := json.Unmarshal(line, &n.hello); err != nil {
		t.Fatal(err)
	}
	for _, wantCookie := range []bool{false, true} {
		if (n.cookies[0] != "") != wantCookie {
			t.Errorf("cookie %q", n.cookies[0])
		}
		if status, err := n.loginHonest(t.Context(), 0); status != http.StatusOK {
			t.Errorf("login of a user: %d, %v", status, err)
		}
	}
	if status, err := n.loginFlood(t.Context(), 0); status != http.StatusUnauthorized {
		t.Errorf("login of the flood: %d, %v", status, err)
	}
	if status, _, err := send(t.Context(), n.client, http.MethodGet, n.hello.URL+"/me", n.hello.Token, ""); status != http.StatusOK {
		t.Errorf("protected route: %d, %v", status, err)
	}
	n.client.CloseIdleConnections()
	_ = parent.Close()
	if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
