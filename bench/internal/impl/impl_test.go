package impl_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

// Every implementation accepts good tokens and refuses bad ones. Otherwise the
// comparison would be unfair.
func TestHandlersCheckTheSame(t *testing.T) {
	now := time.Now().Unix()
	claims := func(iss, aud string, exp int64) string {
		return fmt.Sprintf(`{"iss":%q,"sub":"u-1","aud":%q,"iat":%d,"exp":%d,"role":"admin","org":42,"plan":"pro"}`, iss, aud, now, exp)
	}
	for _, alg := range fixture.Algorithms {
		header := `{"alg":"` + alg + `","typ":"JWT"}`
		good := fixture.Mint(alg, fixture.Small, 0, 1)[0]
		tests := []struct {
			name, token string
			passes      bool
		}{
			{"small", good, true},
			{"large", fixture.Mint(alg, fixture.Large, 0, 1)[0], true},
			{"bad signature", fixture.BadSignature(good), false},
			{"expired", fixture.Expired(alg), false},
			{"malformed", fixture.Malformed, false},
			{"none", "", false},
			{"other issuer", fixture.Assemble(alg, header, claims("https://evil.example", fixture.Audience, now+60)), false},
			{"other audience", fixture.Assemble(alg, header, claims(fixture.Issuer, "other", now+60)), false},
			{"without exp", fixture.Assemble(alg, header, fmt.Sprintf(`{"iss":%q,"sub":"u-1","aud":%q,"iat":%d}`, fixture.Issuer, fixture.Audience, now)), false},
			{"other alg", fixture.Assemble(alg, `{"alg":"HS512","typ":"JWT"}`, claims(fixture.Issuer, fixture.Audience, now+60)), false},
		}
		for _, im := range impl.All {
			h, err := im.Handler(alg, fixture.KeyOf(alg))
			if err != nil {
				t.Fatalf("%s, %s: %v", im.Name, alg, err)
			}
			for _, test := range tests {
				if lenient[im.Name] == test.name {
					continue
				}
				got := status(h, test.token)
				if test.passes && got != http.StatusNoContent || !test.passes && (got < 400 || got > 499) {
					t.Errorf("%s, %s, %s: status %d", im.Name, alg, test.name, got)
				}
			}
		}
	}
}

// lenient lists the checks that a peer does not do and has no setting for. No
// measured token would fail them.
var lenient = map[string]string{
	"chi-jwtauth":          "other alg", // it ignores the header and uses its own
	"go-jwt-middleware-v2": "without exp",
	"go-jwt-middleware-v3": "without exp",
}

func TestSigners(t *testing.T) {
	for _, im := range impl.All {
		if im.Signer == nil {
			continue
		}
		for _, alg := range fixture.Algorithms {
			sign, err := im.Signer(alg, fixture.KeyOf(alg))
			if err != nil {
				t.Fatalf("%s, %s: %v", im.Name, alg, err)
			}
			if sign == nil {
				continue
			}
			token, err := sign("u-1")
			if err != nil {
				t.Fatalf("%s, %s: %v", im.Name, alg, err)
			}
			for _, verifier := range impl.All {
				if strings.HasPrefix(verifier.Name, "ours") { // ours-decoded reads a private claim
					h, err := verifier.Handler(alg, fixture.KeyOf(alg))
					if err != nil {
						t.Fatal(err)
					}
					if got := status(h, token); got != http.StatusNoContent {
						t.Errorf("%s, %s: %s responds %d to %s", im.Name, alg, verifier.Name, got, token)
					}
				}
			}
		}
	}
}

func TestSizes(t *testing.T) {
	for _, size := range []int{fixture.Small, fixture.Large} {
		if n := len(fixture.Mint("HS256", size, 0, 1)[0]); n < size*95/100 || n > size*105/100 {
			t.Errorf("a token of %d bytes has %d", size, n)
		}
	}
}

func status(h http.Handler, token string) int {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}
