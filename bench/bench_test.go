package main

import (
	"errors"
	"os"
	"testing"

	"github.com/seed-0a072700/jwtauth/bench/internal/node"
)

// Benchmark runs the measurements of the program under the same names:
//
//	go test -run '^$' -bench '/op=verify/impl=ours/alg=RS256' -count 10
func Benchmark(b *testing.B) {
	for _, g := range plan() {
		for _, m := range g.members {
			b.Run(m.name, func(b *testing.B) {
				w, err := m.setUp()
				if errors.Is(err, node.ErrMissing) && os.Getenv("JWTAUTH_TEST_REQUIRE") != "1" && os.Getenv("CI") != "true" {
					b.Skip(err)
				}
				if err != nil {
					b.Fatal(err)
				}
				defer w.close()
				b.ReportAllocs()
				b.StopTimer()
				b.ResetTimer()
				if err := w.run(b.N, b); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}
