package jwtauthtest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

func TestTokenVerifies(t *testing.T) {
	token := jwtauthtest.Token(t, "alice", map[string]any{"username": "Alice", "scope": "read write"})
	for range 2 { // all verifiers of a process accept the token
		claims, err := jwtauthtest.Verifier(t).VerifyToken(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if claims.Subject != "alice" || claims.Issuer != jwtauthtest.Issuer || claims.ID == "" ||
			!reflect.DeepEqual(claims.Audience, []string{jwtauthtest.Audience}) {
			t.Errorf("claims are %+v", claims)
		}
		if life := claims.ExpiresAt.Sub(claims.IssuedAt); life != time.Hour {
			t.Errorf("the lifetime of the token is %v, want 1h", life)
		}
		var private struct{ Username string }
		if err := claims.Decode(&private); err != nil || private.Username != "Alice" || !claims.HasScope("write") {
			t.Errorf("private claims are %+v, scope %q: %v", private, claims.Scope, err)
		}
	}
}

func TestTokenOptions(t *testing.T) {
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, test := range []struct {
		name string
		opts []jwtauthtest.TokenOption
		want error
	}{
		{"expired", []jwtauthtest.TokenOption{jwtauthtest.Expired()}, jwtauth.ErrTokenExpired},
		{"exp in the past", []jwtauthtest.TokenOption{jwtauthtest.Claim("exp", past)}, jwtauth.ErrTokenExpired},
		{"exp as a text", []jwtauthtest.TokenOption{jwtauthtest.Claim("exp", "soon")}, jwtauth.ErrClaimsInvalid},
		{"no exp", []jwtauthtest.TokenOption{jwtauthtest.Claim("exp", nil)}, jwtauth.ErrClaimsInvalid},
		{"not yet valid", []jwtauthtest.TokenOption{jwtauthtest.Claim("nbf", future)}, jwtauth.ErrTokenNotYetValid},
		{"other issuer", []jwtauthtest.TokenOption{jwtauthtest.Claim("iss", "https://other.test")}, jwtauth.ErrIssuerMismatch},
		{"other audience", []jwtauthtest.TokenOption{jwtauthtest.Claim("aud", "https://other.test")}, jwtauth.ErrAudienceMismatch},
		{"no audience", []jwtauthtest.TokenOption{jwtauthtest.Claim("aud", nil)}, jwtauth.ErrAudienceMismatch},
		{"several audiences", []jwtauthtest.TokenOption{jwtauthtest.Claim("aud", []string{"https://other.test", jwtauthtest.Audience})}, nil},
		{"the last one wins", []jwtauthtest.TokenOption{jwtauthtest.Expired(), jwtauthtest.Claim("exp", future)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			token := jwtauthtest.Token(t, "alice", map[string]string{"username": "Alice"}, test.opts...)
			claims, err := jwtauthtest.Verifier(t).VerifyToken(t.Context(), token)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if err != nil {
				return
			}
			var private struct{ Username string }
			if err := claims.Decode(&private); err != nil || claims.Subject != "alice" || private.Username != "Alice" {
				t.Errorf("subject %q, private claims %+v, %v: other claims are missing", claims.Subject, private, err)
			}
		})
	}
}

// Claims that only a login sets can be set for RequireFresh and for handlers
// that read the session ID.
func TestClaimOfALogin(t *testing.T) {
	protected := jwtauth.Verify(jwtauthtest.Verifier(t))(jwtauth.RequireFresh(10 * time.Minute)(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, _ := jwtauth.FromContext(r.Context())
			fmt.Fprint(w, claims.SessionID)
		})))
	for age, want := range map[time.Duration]int{time.Minute: http.StatusOK, time.Hour: http.StatusUnauthorized} {
		token := jwtauthtest.Token(t, "alice", nil,
			jwtauthtest.Claim("auth_time", time.Now().Add(-age)), jwtauthtest.Claim("sid", "session-1"))
		w := httptest.NewRecorder()
		protected.ServeHTTP(w, bearer(token)())
		if w.Code != want || want == http.StatusOK && w.Body.String() != "session-1" {
			t.Errorf("login %v ago: status %d, %q; want %d", age, w.Code, w.Body, want)
		}
	}
}

func TestTokenRefuses(t *testing.T) {
	for _, test := range []struct {
		name    string
		subject string
		claims  any
		opts    []jwtauthtest.TokenOption
		want    string
	}{
		{"no subject", "", nil, nil, "subject: is empty"},
		{"registered claim", "alice", map[string]any{"exp": 1}, nil, `"exp" is a registered claim and cannot be set`},
		{"no object", "alice", "claims", nil, "is not encoded as a strict JSON object"},
		{"no JSON", "alice", nil, []jwtauthtest.TokenOption{jwtauthtest.Claim("x", func() {})}, "unsupported type: func()"},
		{"no JSON, then JSON", "alice", nil, []jwtauthtest.TokenOption{jwtauthtest.Claim("x", func() {}), jwtauthtest.Claim("x", 1)}, "unsupported type: func()"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := observe(t, func(t testing.TB) { jwtauthtest.Token(t, test.subject, test.claims, test.opts...) })
			if !o.ended || len(o.reports) != 1 || !strings.Contains(o.reports[0], test.want) {
				t.Errorf("ended %v, reports %q; want true and one report that contains %q", o.ended, o.reports, test.want)
			}
		})
	}
}

func TestVerifierRefusesOtherKeys(t *testing.T) {
	for _, alg := range []jwtauth.Algorithm{jwtauth.EdDSA, jwtauth.HS256} {
		key, err := jwtauth.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		stranger, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Issuer: jwtauthtest.Issuer, Audience: []string{jwtauthtest.Audience}})
		if err != nil {
			t.Fatal(err)
		}
		token, err := stranger.Sign("alice", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwtauthtest.Verifier(t).VerifyToken(t.Context(), token); !errors.Is(err, jwtauth.ErrTokenInvalid) {
			t.Errorf("%s: error %v, want ErrTokenInvalid", alg, err)
		}
	}
}

func TestTokenInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verifier := jwtauthtest.Verifier(t)
		token := jwtauthtest.Token(t, "alice", nil)
		expired := jwtauthtest.Token(t, "alice", nil, jwtauthtest.Expired())
		if _, err := verifier.VerifyToken(t.Context(), expired); !errors.Is(err, jwtauth.ErrTokenExpired) {
			t.Errorf("error %v, want ErrTokenExpired", err)
		}
		time.Sleep(time.Hour)
		if _, err := verifier.VerifyToken(t.Context(), token); err != nil {
			t.Errorf("within the leeway: %v", err)
		}
		time.Sleep(30 * time.Second)
		if _, err := verifier.VerifyToken(t.Context(), token); !errors.Is(err, jwtauth.ErrTokenExpired) {
			t.Errorf("error %v, want ErrTokenExpired", err)
		}
	})
}

func TestAttackInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		token := jwtauthtest.Token(t, "alice", nil)
		o := observe(t, func(t testing.TB) {
			jwtauthtest.Attack(t, jwtauth.Verify(jwtauthtest.Verifier(t)), bearer(token))
		})
		if len(o.reports) > 0 {
			t.Errorf("reports %q", o.reports)
		}
	})
}

func TestTokensAtTheSameTime(t *testing.T) {
	verifier := jwtauthtest.Verifier(t)
	var wait sync.WaitGroup
	for i := range 32 {
		wait.Go(func() {
			for n := range 10 {
				subject := fmt.Sprintf("subject-%d-%d", i, n)
				claims, err := verifier.VerifyToken(t.Context(), jwtauthtest.Token(t, subject, nil, jwtauthtest.Claim("n", n)))
				if err != nil || claims.Subject != subject {
					t.Errorf("claims %+v, error %v; want those of %s", claims, err, subject)
				}
			}
		})
	}
	wait.Wait()
}
