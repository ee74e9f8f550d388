package guard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// clientMode is a kind of client: one that receives tokens in the body, or a
// browser that receives cookies.
type clientMode struct {
	name        string
	cookies     *jwtauth.Cookies
	contentType string
	body        string // with a place for the user name
}

func clientModes(t testing.TB) []clientMode {
	t.Helper()
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return []clientMode{
		{"tokens", nil, "application/json", `{"username":%q,"password":"guess"}`},
		{"cookies", cookies, "application/x-www-form-urlencoded", "username=%s&password=guess"},
	}
}

// post sends a login with a wrong password from a page of the service, and
// returns everything that the client sees.
func (m clientMode) post(t testing.TB, handler http.Handler, username string) (response string, took time.Duration) {
	body := strings.NewReader(fmt.Sprintf(m.body, username))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://service.example/login", body)
	r.Header.Set("Content-Type", m.contentType)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	start := time.Now()
	handler.ServeHTTP(w, r)
	took = time.Since(start)
	return fmt.Sprint(w.Code, w.Header(), w.Body), took
}

// enumeratedAccounts is how many existing and how many unknown accounts get
// attempts. Each gets as many while it is open as while it is paused.
const enumeratedAccounts = 1000

// An existing account and one that does not exist get the same bytes after the
// same time, while they are open and while they are paused: 10,000 attempts of
// each kind. Both attempts of a pair are sent at the same moment of the
// simulation, so Retry-After is the same too.
func TestEnumeration(t *testing.T) {
	for _, mode := range clientModes(t) {
		t.Run(mode.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, nil, mode.cookies)
				responses := make(map[string]int)
				for i := range 20 * enumeratedAccounts {
					var got [2]string
					var took [2]time.Duration
					var wg sync.WaitGroup
					for kind, name := range []string{"user-", "none-"} {
						wg.Go(func() { got[kind], took[kind] = mode.post(t, s.login, fmt.Sprint(name, i/20)) })
					}
					wg.Wait()
					if got[0] != got[1] || took[0] != took[1] {
						t.Fatalf("attempt %d: %s after %v, and %s after %v", i, got[0], took[0], got[1], took[1])
					}
					responses[got[0]]++
				}
				if n := checkedPasswords(s); n != 20*enumeratedAccounts {
					t.Errorf("%d passwords checked, want 10 of each account", n)
				}
				for response, n := range responses {
					if n != 10*enumeratedAccounts {
						t.Errorf("%d responses, want %d: %s", n, 10*enumeratedAccounts, response)
					}
				}
				if len(responses) != 2 {
					t.Errorf("%d responses, want one of an open and one of a paused account", len(responses))
				}
			})
		})
	}
}

func checkedPasswords(s *service) (n int64) {
	s.checks.Range(func(name, _ any) bool {
		n += s.checked(name.(string))
		return true
	})
	return n
}
