package main

import (
	"fmt"
	"go/version"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
)

// figures are all results. A part that was not measured is nil or empty.
type figures struct {
	results results
	cache   *cacheReport

	cacheRSA *cacheReport
	hits     []hitRate
	floods   *floods
	networks []*flood.NetworkReport // in the order of flood.Origins
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

// publicKey lists the algorithms with a public key.
var publicKey = []string{"RS256", "ES256", "EdDSA"}

// bars returns all bars.
func bars() []bar {
	first := func(impl, alg string) string { return verifyName(impl, alg, "first", fixture.Small) }
	repeat := func(impl, alg string) string { return verifyName(impl, alg, "repeat", fixture.Small) }

	without := verifyName("ours-nocache", "HS256", "first", fixture.Small)
	list := []bar{
		{"HS256, first use of every token: golang-jwt by hand / ours", atLeast, firstUse(runtime.Version()), quotient(first("golang-jwt", "HS256"), first("ours", "HS256"))},
		{"the same: chi/jwtauth / ours", atLeast, 20, quotient(first("chi-jwtauth", "HS256"), first("ours", "HS256"))},
		{"the same without a cache: ours / (HMAC + context, in one loop)", atMost, 2.5, quotient(without, verifyName("crypto+context", "HS256", "first", fixture.Small))},
		{"the same: with the cache / without", atMost, 1.1, quotient(first("ours", "HS256"), without)},
		{"RS256, first use: with the cache / without", atMost, 1.02, quotient(first("ours", "RS256"), verifyName("ours-nocache", "RS256", "first", fixture.Small))},
		{"HS256, first use: allocations", atMost, 6, allocations(first("ours", "HS256"))},
	}
	for i, alg := range publicKey {
		list = append(list, bar{alg + ", first use: ours / cryptography only", atMost, []float64{1.06, 1.05, 1.05}[i], quotient(first("ours", alg), first("crypto", alg))})
	}
	for i, alg := range fixture.Algorithms {
		list = append(list, bar{alg + ", repeated token: golang-jwt by hand / ours", atLeast, []float64{12, 50, 100, 60}[i], quotient(repeat("golang-jwt", alg), repeat("ours", alg))})
	}
	for _, alg := range fixture.Algorithms {
		list = append(list,
			bar{alg + ", repeated token: allocations", atMost, 3, allocations(repeat("ours", alg))},
			bar{alg + ", repeated token, decoded: allocations", atMost, 4, allocations(repeat("ours-decoded", alg))})
	}
	for _, alg := range fixture.Algorithms {
		list = append(list, bar{alg + ", repeated token, 2 goroutines, GOGC=400: gain in throughput / gain of the cryptography", atLeast, 0.9,
			scaling(goroutinesName("ours", alg, 1), parallelName("ours", alg), goroutinesName("crypto", alg, 1), parallelName("crypto", alg))})
	}
	list = append(list,
		bar{"HS256, repeated token, decoded: golang-jwt by hand / ours", atLeast, 9, quotient(repeat("golang-jwt", "HS256"), repeat("ours-decoded", "HS256"))},
		bar{"repeated token: four private claims decoded / undecoded", atMost, 1.2, quotient(decodeName("account/decoded"), decodeName("account/undecoded"))},
		bar{"the same with one []string", atMost, 1.5, quotient(decodeName("membership/decoded"), decodeName("membership/undecoded"))},
		bar{"Claims.Get of one string / ClaimsAs of all ten claims", atMost, 0.1, quotient(decodeName("get/string"), decodeName("get/all"))},
		bar{"Claims.Get of one number / the same", atMost, 0.2, quotient(decodeName("get/number"), decodeName("get/all"))},
		bar{"Claims.Get of one []string / the same", atMost, 0.25, quotient(decodeName("get/strings"), decodeName("get/all"))},
		bar{"1,000 tokens that keep coming back among 1,000,000 used once: hit rate at 100 uses each", atLeast, 0.96, hits(0)},
		bar{"the same at 1,000 uses each", atLeast, 0.99, hits(1)},
		bar{"the same, both: growth of the heap, MiB", atMost, 4, growth},
	)
	for _, alg := range fixture.Algorithms {
		list = append(list, bar{"verification alone, " + alg + ", repeated token: fast-jwt with its cache / ours", atLeast, 5, quotient(aloneName("fast-jwt, cache", alg), aloneName("ours", alg))})
	}
	list = append(list,
		bar{"whole server, CPU time per request, decoded claims: ours / no authentication", atMost, 1.1, quotient(serverCPU("ours"), serverCPU("none"))},
		bar{"the same: golang-jwt by hand / ours", atLeast, 1.3, quotient(serverCPU("golang-jwt"), serverCPU("ours"))},
		bar{"the same: Fastify with @fastify/jwt and its cache / ours", atLeast, 1.4, quotient(serverCPU("fastify"), serverCPU("ours"))},
		bar{"the same: the Express tutorial / ours", atLeast, 12, quotient(serverCPU("express"), serverCPU("ours"))},
	)
	list = append(list, liveBars()...)
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
		bar{"1,000,000 different tokens: growth of the heap after the first 20,000, MiB", atMost, 4, func(f figures) (float64, bool) {
			if f.cache == nil {
				return 0, false
			}
			return float64(int64(f.cache.after)-int64(f.cache.filled)) / (1 << 20), true
		}},
		bar{"token with a bad signature, HS256: ours / first use of an accepted token", atMost, 1, quotient(refuseName("ours", "HS256", "bad-signature"), first("ours", "HS256"))},
		bar{"signing HS256, three private claims: golang-jwt / ours", atLeast, 2, quotient(signName("golang-jwt", "HS256"), signName("ours", "HS256"))},
		bar{"protected route over loopback: requests/s with Verify / without", atLeast, bySHA(0.95, 0.93), quotient(serveName("none"), serveName("ours"))},
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
		bar{"honest logins that succeed while one IPv6 /56 sends 1,000 logins per second", atLeast, 0.98, served(0)},
		bar{"the same: one IPv6 /48", atLeast, 0.98, served(1)},
		bar{"the same: 500 IPv4 addresses, honest users with device cookies", atLeast, 0.98, served(2)},
		bar{"protected route, p99: during the flood / before it, the largest of these floods", atMost, 5, slowest},
	)
}

// firstUse returns the limit for the first use of HS256 tokens. encoding/json
// of Go 1.27 is faster, and golang-jwt uses it.
func firstUse(release string) float64 {
	if version.Compare(version.Lang(release), "go1.27") >= 0 {
		return bySHA(4.8, 4.2)
	}
	return bySHA(5.3, 4.2)
}

// bySHA returns the limit for a CPU with SHA extensions, or that for one
// without them. There the HMAC, which all implementations compute, takes four
// times as long.
func bySHA(with, without float64) float64 {
	if hasSHA() {
		return with
	}
	return without
}

var hasSHA = sync.OnceValue(func() bool {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil || runtime.GOARCH == "arm64" {
		return true // nearly all others have them
	}
	return strings.Contains(string(text), " sha_ni ")
})

func hits(i int) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		if i >= len(f.hits) {
			return 0, false
		}
		return f.hits[i].Rate, true
	}
}

// growth returns the larger growth of the heap, in MiB.
func growth(f figures) (mib float64, measured bool) {
	for _, h := range f.hits {
		mib = max(mib, float64(h.Growth)/(1<<20))
	}
	return mib, len(f.hits) > 0
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

func allocations(name string) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		s := f.results[name]
		if s == nil {
			return 0, false
		}
		// Those of the runtime itself are shared by thousands of operations.
		return math.Round(100*median(s.allocs)) / 100, true
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
		return ratio(o1, o2) / ratio(c1, c2), runtime.GOMAXPROCS(0) > 1
	}
}

// served returns the share of the honest logins that succeed during the flood
// from an element of flood.Origins.
func served(origin int) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		if origin >= len(f.networks) {
			return 0, false
		}
		n := f.networks[origin]
		return float64(n.Served) / float64(n.Honest), true
	}
}

func slowest(f figures) (ratio float64, measured bool) {
	for _, n := range f.networks {
		ratio = max(ratio, float64(n.During.P(0.99))/float64(n.Before.P(0.99)))
	}
	return ratio, len(f.networks) > 0
}

func ofFloods(value func(*floods) float64) func(figures) (float64, bool) {
	return func(f figures) (float64, bool) {
		if f.floods == nil {
			return 0, false
		}
		return value(f.floods), true
	}
}
