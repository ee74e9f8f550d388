package main

import (
	"fmt"
	"runtime"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
)

// figures are all results. A part that was not measured is nil or empty.
type figures struct {
	results results
	cache   *cacheReport

	cacheRSA *cacheReport
	floods   *floods
}

// A bar is a promise about a figure.
type bar struct {
	figure  string
	atLeast bool // false means at most
	limit   float64
	value   func(figures) (value float64, measured bool)
}

// met reports whether the value keeps the promise.
func (b bar) met(value float64) bool {
	if b.atLeast {
		return value >= b.limit
	}
	return value <= b.limit
}

func (b bar) promise() string {
	if b.atLeast {
		return fmt.Sprintf("≥ %g", b.limit)
	}
	return fmt.Sprintf("≤ %g", b.limit)
}

const (
	atLeast = true
	atMost  = false
)

// publicKey lists the algorithms whose tokens the cache remembers.
var publicKey = []string{"RS256", "ES256", "EdDSA"}

// bars returns all bars.
func bars() []bar {
	first := func(impl, alg string) string { return verifyName(impl, alg, "first", fixture.Small) }
	repeat := func(impl, alg string) string { return verifyName(impl, alg, "repeat", fixture.Small) }

	list := []bar{
		{"HS256, first use of every token: golang-jwt by hand / ours", atLeast, 6, quotient(first("golang-jwt", "HS256"), first("ours", "HS256"))},
		{"the same: chi/jwtauth / ours", atLeast, 20, quotient(first("chi-jwtauth", "HS256"), first("ours", "HS256"))},
		{"the same: ours / (HMAC + context only)", atMost, 3, quotientOfSum(first("ours", "HS256"), first("crypto", "HS256"), first("context", "HS256"))},
		{"the same: allocations", atMost, 6, allocations(first("ours", "HS256"))},
	}
	for _, alg := range publicKey {
		list = append(list, bar{alg + ", first use: ours / cryptography only", atMost, 1.1, quotient(first("ours", alg), first("crypto", alg))})
	}
	for _, alg := range publicKey {
		list = append(list, bar{alg + ", repeated token: golang-jwt by hand / ours", atLeast, 40, quotient(repeat("golang-jwt", alg), repeat("ours", alg))})
	}
	for _, alg := range publicKey {
		list = append(list, bar{alg + ", repeated token: allocations", atMost, 4, allocations(repeat("ours", alg))})
	}
	for _, alg := range publicKey {
		list = append(list, bar{alg + ", repeated token, 2 goroutines: gain in throughput / gain of the cryptography", atLeast, 0.9,
			scaling(repeat("ours", alg), parallelName("ours", alg), repeat("crypto", alg), parallelName("crypto", alg))})
	}
	return append(list,
		bar{"1,000,000 different tokens through a cache of the default size: time per request / without a cache", atMost, 1.05, func(f figures) (float64, bool) {
			if f.cache == nil {
				return 0, false
			}
			return ratio(&f.cache.on, &f.cache.off), true
		}},
		bar{"the same with RS256, 16,384 different tokens", atMost, 1.05, func(f figures) (float64, bool) {
			if f.cacheRSA == nil {
				return 0, false
			}
			return ratio(&f.cacheRSA.on, &f.cacheRSA.off), true
		}},
		bar{"1,000,000 different tokens: growth of the heap after the cache was full, MiB", atMost, 4, func(f figures) (float64, bool) {
			if f.cache == nil {
				return 0, false
			}
			return float64(int64(f.cache.after)-int64(f.cache.filled)) / (1 << 20), true
		}},
		bar{"token with a bad signature, HS256: ours / accepted token", atMost, 1, quotient(refuseName("ours", "HS256", "bad-signature"), repeat("ours", "HS256"))},
		bar{"signing HS256, three private claims: golang-jwt / ours", atLeast, 2, quotient(signName("golang-jwt", "HS256"), signName("ours", "HS256"))},
		bar{"protected route over loopback: requests/s with Verify / without", atLeast, 0.93, quotient(serveName("none"), serveName("ours"))},
		bar{"protected route, p99: logins saturated / idle", atMost, 5, ofFloods(func(f *floods) float64 {
			return f.bounded.Median(func(r flood.Round) float64 { return float64(r.Saturated.P(0.99)) / float64(r.Idle.P(0.99)) })
		})},
		bar{"protected route, p99 while logins are saturated: unbounded bcrypt / ours", atLeast, 4, ofFloods(func(f *floods) float64 {
			return float64(f.unbounded.Saturated(0.99)) / float64(f.bounded.Saturated(0.99))
		})},
		bar{"logins/s while saturated / (MaxConcurrent ÷ time of one bcrypt)", atLeast, 0.9, ofFloods(func(f *floods) float64 {
			return f.bounded.LoginsPerSecond() * f.bounded.Bcrypt.Seconds() / float64(f.bounded.MaxConcurrent)
		})},
		bar{"honest logins that succeed while one other address floods", atLeast, 0.98, ofFloods(func(f *floods) float64 {
			return float64(f.bounded.Served) / float64(f.bounded.Honest)
		})},
	)
}

func quotient(a, b string) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		x, y := f.results[a], f.results[b]
		if x == nil || y == nil {
			return 0, false
		}
		return ratio(x, y), true
	}
}

func quotientOfSum(a, b, c string) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		x, y, z := f.results[a], f.results[b], f.results[c]
		if x == nil || y == nil || z == nil {
			return 0, false
		}
		sum := new(series)
		for i := range min(len(y.ns), len(z.ns)) {
			sum.ns = append(sum.ns, y.ns[i]+z.ns[i])
		}
		return ratio(x, sum), true
	}
}

func allocations(name string) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		s := f.results[name]
		if s == nil {
			return 0, false
		}
		return median(s.allocs), true
	}
}

// scaling divides our gain in throughput from a second goroutine by the gain
// of the cryptography.
func scaling(ours1, ours2, crypto1, crypto2 string) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		o1, o2, c1, c2 := f.results[ours1], f.results[ours2], f.results[crypto1], f.results[crypto2]
		if o1 == nil || o2 == nil || c1 == nil || c2 == nil {
			return 0, false
		}
		gain := new(series)
		for i := range min(len(o1.ns), len(o2.ns), len(c1.ns), len(c2.ns)) {
			gain.ns = append(gain.ns, (o1.ns[i]/o2.ns[i])/(c1.ns[i]/c2.ns[i]))
		}
		return median(gain.ns), runtime.GOMAXPROCS(0) > 1
	}
}

func ofFloods(value func(*floods) float64) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		if f.floods == nil {
			return 0, false
		}
		return value(f.floods), true
	}
}
