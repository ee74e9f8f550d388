package dpop_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// A bound token comes with a good proof, but not in the header of the scheme
// DPoP: it is refused, whichever sources the service reads.
func TestBoundTokenElsewhere(t *testing.T) {
	for _, allow := range []bool{false, true} {
		s := newService(t, dpop.Options{AllowBearer: allow})
		c, thief := newClient(t, jose.ES256), newClient(t, jose.ES256)
		bound, plain, ofThief := s.token(t, c), s.token(t, nil), s.token(t, thief)
		verify := jwtauth.VerifyRequest(s.issuer, append(s.proofs.VerifyOptions(), jwtauth.From(
			jwtauth.Cookie("token"), jwtauth.Query("access_token"), jwtauth.Header("X-Token"), jwtauth.Bearer(),
			jwtauth.HeaderScheme("Authorization", "DPoP")))...)
		for name, test := range map[string]struct {
			by     *client
			change func(r *http.Request)
		}{
			"Bearer":                    {c, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+bound) }},
			"cookie":                    {c, func(r *http.Request) { r.Header.Set("Cookie", "token="+bound) }},
			"query":                     {c, func(r *http.Request) { r.URL.RawQuery = "access_token=" + bound }},
			"header":                    {c, func(r *http.Request) { r.Header.Set("X-Token", bound) }},
			"header without the scheme": {c, func(r *http.Request) { r.Header.Set("Authorization", bound) }},
			"cookie beside a bound token": {thief, func(r *http.Request) {
				r.Header.Set("Cookie", "token="+bound)
				r.Header.Set("Authorization", "DPoP "+ofThief)
			}},
			"cookie beside a plain token": {thief, func(r *http.Request) {
				r.Header.Set("Cookie", "token="+bound)
				r.Header.Set("Authorization", "DPoP "+plain)
			}},
			"plain cookie beside the token": {thief, func(r *http.Request) {
				r.Header.Set("Cookie", "token="+plain)
				r.Header.Set("Authorization", "DPoP "+bound)
			}},
			"both schemes": {c, func(r *http.Request) { r.Header["Authorization"] = []string{"DPoP " + bound, "Bearer " + bound} }},
			"twice":        {c, func(r *http.Request) { r.Header["Authorization"] = []string{"DPoP " + bound, "DPoP " + bound} }},
		} {
			r := httptest.NewRequest(http.MethodGet, "/me", nil)
			r.Header.Set("DPoP", test.by.proof(http.MethodGet, target, bound))
			test.change(r)
			if _, err := verify(r); err == nil || jwtauth.ProblemOf(err).Status/100 != 4 {
				t.Errorf("allow %v: %s: %v", allow, name, err)
			}
		}
		r := httptest.NewRequest(http.MethodGet, "/me", nil)
		r.Header.Set("DPoP", c.proof(http.MethodGet, target, bound))
		r.Header.Set("Authorization", "DPoP "+bound)
		if _, err := verify(r); err != nil {
			t.Errorf("allow %v: %v", allow, err)
		}
		// A Verify that knows nothing of proofs refuses the token, too.
		for _, scheme := range []string{"Bearer", "DPoP"} {
			r.Header.Set("Authorization", scheme+" "+bound)
			_, err := jwtauth.VerifyRequest(s.issuer, jwtauth.From(jwtauth.HeaderScheme("Authorization", scheme)))(r)
			if !errors.Is(err, jwtauth.ErrTokenInvalid) {
				t.Errorf("%s without ProofOfPossession: %v", scheme, err)
			}
		}
	}
}
