package jwtauth_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// input returns a file of shared/inputs, which lies beside the repository. It
// skips the test if the folder is missing.
func input(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "shared", "inputs", name))
	if err != nil {
		t.Skipf("without the inputs: %v", err)
	}
	return string(text)
}

// Claims that providers really issue: unusual values are accepted unless
// verification depends on them, and an error names the claim.
func TestVerifyInputs(t *testing.T) {
	f := forgeHS256(t)
	v := f.verifier(t, anyIssuer, anyAudience, func(o *jwtauth.VerifierOptions) {
		o.Now = func() time.Time { return time.Unix(1795717144+60, 0) }
	})
	for name, want := range map[string]string{
		"claims_auth_time_iso.json":    "",
		"claims_exp_float.json":        "",
		"claims_scope_null.json":       "",
		"claims_sid_number.json":       "",
		"claims_duplicate_aud.json":    `"aud" is given twice`,
		"claims_exp_milliseconds.json": "exp is out of range; it counts seconds since 1970, not milliseconds",
		"claims_exp_missing.json":      "exp is missing; a token must expire",
		"claims_exp_string.json":       "exp is not a number",
		"claims_sub_number.json":       "sub is not a string",
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := v.VerifyToken(t.Context(), f.claims(input(t, name)))
			if want != "" {
				if err == nil || err.Error() != "jwtauth: token claims invalid: "+want {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if claims.Subject != "u" || !claims.AuthTime.IsZero() || claims.SessionID != "" || claims.Scope != "" {
				t.Errorf("claims %+v", claims)
			}
		})
	}
}
