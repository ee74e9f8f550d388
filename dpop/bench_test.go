package dpop_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// discard is a response that is not read.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// BenchmarkCheck measures a request with a proof, the same request with a
// bearer token, and the signature check of the proof, in turns. The metric
// "ratio" is the first divided by the sum of the others, from the lower
// quartiles of all rounds.
func BenchmarkCheck(b *testing.B) {
	for _, alg := range []jose.Algorithm{jose.ES256, jose.EdDSA} {
		b.Run("alg="+string(alg), func(b *testing.B) {
			s := newService(b, dpop.Options{AllowBearer: true, Replay: &replayStore{}})
			c := newClient(b, alg)
			bound, plain := s.token(b, c), s.token(b, nil)
			proof := c.proof("GET", target, bound)
			dot := strings.LastIndexByte(proof, '.')
			serve := func(authorization string) func() {
				r, err := http.NewRequest("GET", target, nil)
				if err != nil {
					b.Fatal(err)
				}
				r.Header.Set("Authorization", authorization)
				r.Header.Set("DPoP", proof)
				return func() { s.handler.ServeHTTP(discard{http.Header{}}, r) }
			}
			work := []func(){serve("DPoP " + bound), serve("Bearer " + plain), func() { c.key.Verify(proof, dot) }}
			var times [3][]float64
			for b.Loop() {
				for i, f := range work {
					start, n := time.Now(), 0
					for time.Since(start) < 12*time.Millisecond {
						f()
						n++
					}
					times[i] = append(times[i], float64(time.Since(start))/float64(n))
				}
			}
			if s.refusal != nil {
				b.Fatal(s.refusal)
			}
			var quartile [3]float64
			for i, list := range times {
				slices.Sort(list)
				quartile[i] = list[len(list)/4]
			}
			b.ReportMetric(quartile[0]/(quartile[1]+quartile[2]), "ratio")
			b.ReportMetric(quartile[0], "proof-ns")
			b.ReportMetric(quartile[1], "bearer-ns")
			b.ReportMetric(quartile[2], "signature-ns")
		})
	}
}
