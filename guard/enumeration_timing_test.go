package guard_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/fairqueue"
	"github.com/seed-0a072700/jwtauth/internal/passwords"
)

var timing = flag.Int("timing", 20, "attempts on accounts of each kind that TestEnumerationTiming measures; it compares the times of 1,000 or more")

// The time of a response does not distinguish existing accounts from others.
// The test uses the clock and real bcrypt, so the times are compared only by
// hand, on a machine without other load. 10,000 attempts take a minute:
//
//	go test ./guard -run EnumerationTiming -v -timing 10000
//
// It compares the two groups with the Mann-Whitney U test and with the
// Kolmogorov-Smirnov test. The order of the two attempts of a pair is random,
// so a machine that gets slower does so for both groups.
func TestEnumerationTiming(t *testing.T) {
	for _, mode := range clientModes(t) {
		login := timedLogin(t, mode, (*timing+9)/10)
		attempts := func(account, n int, status string) (took [2][]float64) {
			for range n {
				first := rand.IntN(2)
				for _, kind := range []int{first, 1 - first} {
					response, d := mode.post(t, login, fmt.Sprintf(timedNames[kind], account))
					if !strings.HasPrefix(response, status) {
						t.Fatalf("%s, account %d of kind %d: %s, want status %s", mode.name, account, kind, response, status)
					}
					took[kind] = append(took[kind], d.Seconds()*1e6)
				}
			}
			return took
		}
		attempts(0, 10, "401") // warms up
		var open, paused [2][]float64
		for account := 1; len(open[0]) < *timing; account++ {
			a, b := attempts(account, 10, "401"), attempts(account, 10, "429")
			for kind := range open {
				open[kind] = append(open[kind], a[kind]...)
				paused[kind] = append(paused[kind], b[kind]...)
			}
		}
		if *timing >= 1000 {
			compareTimes(t, mode.name+", open accounts", open[0], open[1])
			compareTimes(t, mode.name+", paused accounts", paused[0], paused[1])
		}
	}
}

// timedNames are the existing and the unknown user names, of the same length.
var timedNames = [2]string{"user-%06d", "none-%06d"}

// timedLogin returns a login with existing users. Its passwords are checked
// like those of jwtauth.Hasher, except that the cost is 4: the constant time of
// bcrypt must not hide a difference in the rest.
func timedLogin(t *testing.T, mode clientMode, users int) http.Handler {
	t.Helper()
	hasher := passwords.New(passwords.Bcrypt{Generate: bcrypt.GenerateFromPassword, Compare: bcrypt.CompareHashAndPassword}, passwords.MinCost)
	hash, err := hasher.Hash(right)
	if err != nil {
		t.Fatal(err)
	}
	hashes := make(map[string]string)
	for i := range users + 1 {
		hashes[fmt.Sprintf(timedNames[0], i)] = hash
	}
	queue := fairqueue.New(1, 64, time.Second)
	handlers := newHandlers(t, newGuard(t, nil), mode.cookies, func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
		matches := false
		if err := queue.Do(ctx, fairqueue.Client{}, func() { matches = hasher.Matches(hashes[username], password) }); err != nil {
			return "", nil, err
		}
		switch err := passwords.Unusable(hashes[username], password); {
		case err != nil:
			return "", nil, fmt.Errorf("%w: %w", jwtauth.ErrWrongPassword, err)
		case !matches:
			return "", nil, jwtauth.ErrWrongPassword
		}
		return username, nil, nil
	})
	return http.HandlerFunc(handlers.Login)
}

// compareTimes compares times in microseconds and logs the result. The limit of
// p is low, because four comparisons with two tests each have a small p by
// chance now and then.
func compareTimes(t *testing.T, name string, existing, unknown []float64) {
	t.Helper()
	u, pu := mannWhitney(existing, unknown)
	d, pd := kolmogorovSmirnov(existing, unknown)
	shift := 0.0
	for p := 1.0; p > 0.01; {
		shift += 0.05
		_, p = mannWhitney(existing, shifted(existing, shift))
	}
	t.Logf("%s: n = %d each; medians %.2f µs (existing), %.2f µs (unknown); "+
		"Mann-Whitney U = %.0f, p = %.3f; Kolmogorov-Smirnov D = %.4f, p = %.3f; %.2f µs more would give p < 0.01",
		name, len(existing), median(existing), median(unknown), u, pu, d, pd, shift)
	if min(pu, pd) < 0.001 {
		t.Errorf("%s: the times of existing and unknown accounts differ", name)
	}
}
