package dpop_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// BenchmarkCheck compares a request with a proof with the signature check of
// the proof, and with the same request without a proof.
func BenchmarkCheck(b *testing.B) {
	for _, alg := range []jose.Algorithm{jose.ES256, jose.EdDSA} {
		s := newService(b, dpop.Options{AllowBearer: true, Replay: &replayStore{}})
		c := newClient(b, alg)
		bound, plain := s.token(b, c), s.token(b, nil)
		proof := c.proof("GET", target, bound)
		dot := len(proof)
		for proof[dot-1] != '.' {
			dot--
		}
		request := func(authorization string) *http.Request {
			r := httptest.NewRequest("GET", "/me", nil)
			r.Header.Set("Authorization", authorization)
			r.Header.Set("DPoP", proof)
			return r
		}
		for name, r := range map[string]*http.Request{"proof": request("DPoP " + bound), "bearer": request("Bearer " + plain)} {
			b.Run("alg="+string(alg)+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					w := httptest.NewRecorder()
					s.handler.ServeHTTP(w, r)
					if w.Code != http.StatusNoContent {
						b.Fatal(s.refusal)
					}
				}
			})
		}
		b.Run("alg="+string(alg)+"/signature", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !c.key.Verify(proof, dot-1) {
					b.Fatal("signature invalid")
				}
			}
		})
	}
}
