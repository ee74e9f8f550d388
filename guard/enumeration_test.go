package guard_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// post sends a login from a page of the service, and returns everything that
// the client sees.
func post(t testing.TB, handler http.Handler, username string) (response string, took time.Duration) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://service.example/login",
		strings.NewReader("username="+username+"&password=guess"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	start := time.Now()
	handler.ServeHTTP(w, r)
	took = time.Since(start)
	return fmt.Sprint(w.Code, w.Header(), w.Body), took
}

// An existing account and one that does not exist get the same bytes after the
// same time, while they are open and while they are paused.
func TestEnumeration(t *testing.T) {
	cookies, err := jwtauth.NewCookies(jwtauth.CookieOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, cookies := range map[string]*jwtauth.Cookies{"tokens": nil, "cookies": cookies} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, nil, cookies)
				responses := make(map[string]int)
				for i := range 1000 {
					existing, a := post(t, s.login, fmt.Sprint("user-", i/20))
					unknown, b := post(t, s.login, fmt.Sprint("nobody-", i/20))
					if i/20 < 25 { // the other way round for the rest
						unknown, b = post(t, s.login, fmt.Sprint("none-", i/20))
						existing, a = post(t, s.login, fmt.Sprint("user-", 100+i/20))
					}
					// The pauses began at different times in the simulation.
					if i%20 >= 10 {
						existing, unknown = withoutSeconds(existing), withoutSeconds(unknown)
					}
					if existing != unknown || a != b {
						t.Fatalf("attempt %d: %s after %v, and %s after %v", i, existing, a, unknown, b)
					}
					responses[existing]++
				}
				if len(responses) != 2 {
					t.Errorf("%d responses, want one of an open and one of a paused account: %v", len(responses), responses)
				}
			})
		})
	}
}

// withoutSeconds replaces the number of seconds in Retry-After, which differs
// by the time since the first attempt.
func withoutSeconds(response string) string {
	before, rest, _ := strings.Cut(response, "Retry-After:[")
	_, after, _ := strings.Cut(rest, "]")
	return before + after
}

// BenchmarkEnumerationTiming measures whether the time of a response tells
// existing accounts from others, with the Mann-Whitney U test. It reports the p
// values for open and for paused accounts: values near 0 mean that it does. It
// uses real bcrypt and the clock. The full size takes about an hour:
//
//	go test ./guard -run '^$' -bench EnumerationTiming -benchtime 10000x -timeout 3h
func BenchmarkEnumerationTiming(b *testing.B) {
	hasher, err := jwtauth.NewHasher(jwtauth.HasherOptions{Cost: 10})
	if err != nil {
		b.Fatal(err)
	}
	hash, err := hasher.HashPassword(b.Context(), right)
	if err != nil {
		b.Fatal(err)
	}
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		b.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		b.Fatal(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Guard: newGuard(b, nil),
		Authenticate: func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			users := map[bool]string{true: hash}
			return username, nil, hasher.CheckPassword(ctx, users[strings.HasPrefix(username, "user")], password)
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	login := http.HandlerFunc(handlers.Login)
	var open, paused [2][]float64
	kinds := []string{"user-%d", "none-%d"} // names of the same length
	for i := range b.N {
		for _, kind := range []int{i % 2, 1 - i%2} {
			_, took := post(b, login, fmt.Sprintf(kinds[kind], i/10))
			open[kind] = append(open[kind], took.Seconds())
		}
		if i%10 < 9 {
			continue // the accounts are still open
		}
		for range 10 {
			for _, kind := range []int{i / 10 % 2, 1 - i/10%2} {
				_, took := post(b, login, fmt.Sprintf(kinds[kind], i/10))
				paused[kind] = append(paused[kind], took.Seconds())
			}
		}
	}
	for name, samples := range map[string][2][]float64{"open": open, "paused": paused} {
		if len(samples[0]) > 20 {
			b.ReportMetric(mannWhitney(samples[0], samples[1]), name+"-p")
			b.ReportMetric(1000*median(samples[0]), name+"-existing-ms")
			b.ReportMetric(1000*median(samples[1]), name+"-unknown-ms")
		}
	}
}

func median(list []float64) float64 { return slices.Sorted(slices.Values(list))[len(list)/2] }

// mannWhitney returns the two-sided p value of the Mann-Whitney U test in the
// normal approximation, which is exact enough for more than 20 values each.
func mannWhitney(a, b []float64) float64 {
	type value struct {
		v     float64
		first bool
	}
	var all []value
	for _, v := range a {
		all = append(all, value{v, true})
	}
	for _, v := range b {
		all = append(all, value{v, false})
	}
	slices.SortFunc(all, func(x, y value) int {
		switch {
		case x.v < y.v:
			return -1
		case x.v > y.v:
			return 1
		}
		return 0
	})
	n, m := float64(len(a)), float64(len(b))
	ranks, ties := 0.0, 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		for _, v := range all[i:j] {
			if v.first {
				ranks += float64(i+j+1) / 2
			}
		}
		same := float64(j - i)
		ties += same*same*same - same
		i = j
	}
	u := ranks - n*(n+1)/2
	total := n + m
	sigma := math.Sqrt(n * m / 12 * (total + 1 - ties/(total*(total-1))))
	return math.Erfc(math.Abs(u-n*m/2) / sigma / math.Sqrt2)
}

// The test finds a difference of a tenth of the spread.
func TestMannWhitney(t *testing.T) {
	var a, b, shifted []float64
	for i := range 10_000 {
		v := float64(i*7919%10_007) / 10_007
		w := float64(i*6007%10_009) / 10_009
		a, b, shifted = append(a, v), append(b, w), append(shifted, w+0.05)
	}
	if same, differ := mannWhitney(a, b), mannWhitney(a, shifted); same < 0.1 || differ > 1e-6 {
		t.Errorf("p = %v of the same distribution, %v of another one", same, differ)
	}
}
