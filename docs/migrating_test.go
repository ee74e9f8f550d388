package docs_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/jose"
)

// oldTokens verifies the access tokens of the old system until a date, and all
// others with the issuer.
type oldTokens struct {
	issuer *jwtauth.Issuer
	old    *jwtauth.Verifier // with the old secret
	until  time.Time         // the last old access token expires then
}

func (o oldTokens) VerifyToken(ctx context.Context, token string) (*jwtauth.Claims, error) {
	claims, err := o.issuer.VerifyToken(ctx, token)
	if err == nil || errors.Is(err, jwtauth.ErrUnavailable) || time.Now().After(o.until) {
		return claims, err
	}
	// The old secret also signed other tokens, so Check compares everything
	// that only access tokens have.
	if old, oldErr := o.old.VerifyToken(ctx, token); oldErr == nil {
		return old, nil
	}
	return nil, err
}

// newOldTokens is for an old system that wrote {"id", "role", "exp"} into access
// tokens, and a "purpose" into all others.
func newOldTokens(issuer *jwtauth.Issuer, oldSecret []byte, until time.Time) (jwtauth.TokenVerifier, error) {
	key, err := jwtauth.NewKey(jwtauth.HS256, oldSecret)
	if err != nil {
		return nil, err // a short secret: let the old code verify these tokens
	}
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		return nil, err
	}
	old, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		AnyIssuer: true, AnyAudience: true, AnySubject: true,
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				ID, Role, Purpose string
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			if t.ID == "" || t.Role == "" || t.Purpose != "" || c.Subject != "" {
				return errors.New("not an access token of the old system")
			}
			c.Subject = t.ID
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return oldTokens{issuer: issuer, old: old, until: until}, nil
}

// The code of the page is the code of this file.
func TestMigrationCode(t *testing.T) {
	file, err := os.ReadFile("migrating_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tested := declarations(t, "migrating_test.go", string(file))
	block := codeBlock.FindStringSubmatch(readPage(t, "migrating.md"))
	for _, d := range declarations(t, "page", "package p\n\n"+block[1]) {
		if !slices.Contains(tested, d) {
			t.Errorf("the page has code that is not tested:\n%s", d)
		}
	}
}

// TestMigration moves from an old system: first old and new access tokens are
// accepted, then only new ones. The other tokens of the old system never are.
func TestMigration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		oldSecret := []byte(strings.Repeat("the old secret of this test ", 2))
		signing, err := jose.New(jose.HS256, oldSecret)
		if err != nil {
			t.Fatal(err)
		}
		oldToken := func(claims string) string {
			token, err := jose.SignToken(signing, signing.Header("JWT"), []byte(claims))
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		key, err := jwtauth.GenerateKey(jwtauth.HS256)
		if err != nil {
			t.Fatal(err)
		}
		issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: "https://app.example", Audience: []string{"https://app.example"}})
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := newOldTokens(issuer, oldSecret, time.Now().Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		newToken := func() string {
			token, err := issuer.Sign("8", nil)
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		access := oldToken(`{"id":"7","role":"user","exp":9999999999}`)
		check := func(name, token, subject string) {
			t.Helper()
			claims, err := verifier.VerifyToken(t.Context(), token)
			switch {
			case subject == "" && !errors.Is(err, jwtauth.ErrTokenInvalid):
				t.Errorf("%s: %v, want a refusal", name, err)
			case subject != "" && (err != nil || claims.Subject != subject):
				t.Errorf("%s: %v", name, err)
			}
		}
		others := map[string]string{
			"refresh": oldToken(`{"id":"7","purpose":"refresh","exp":9999999999}`),
			"reset":   oldToken(`{"id":"7","role":"user","purpose":"reset","exp":9999999999}`),
			"mail":    oldToken(`{"sub":"7","exp":9999999999}`),
			"no role": oldToken(`{"id":"7","exp":9999999999}`),
			"no exp":  oldToken(`{"id":"7","role":"user"}`),
			"forged":  access[:len(access)-4] + "AAAA",
		}
		check("old access token", access, "7")
		check("new access token", newToken(), "8")
		for name, token := range others {
			check(name, token, "")
		}
		time.Sleep(25 * time.Hour) // of simulated time
		check("old access token afterwards", access, "")
		check("new access token afterwards", newToken(), "8")
		for name, token := range others {
			check(name+" afterwards", token, "")
		}
	})
}
