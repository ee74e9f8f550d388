package jwtauth_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// bare is an error with a response that has no code.
type bare struct{}

func (bare) Error() string                { return "bare" }
func (bare) HTTPProblem() jwtauth.Problem { return jwtauth.Problem{Status: 401} }

func TestOnVerify(t *testing.T) {
	f := forgeES256(t)
	var seen []jwtauth.Verification
	var refuse error
	v := f.verifier(t, func(o *jwtauth.VerifierOptions) {
		o.OnVerify = func(ctx context.Context, seenNow jwtauth.Verification) {
			if ctx.Value(proofOf{}) != "ctx" {
				t.Error("OnVerify has another context")
			}
			seen = append(seen, seenNow)
		}
		o.Check = func(context.Context, *jwtauth.Claims) error { return refuse }
	})
	good := f.claims(goodClaims)
	for _, c := range []struct {
		name, token string
		refuse      error
		want        jwtauth.Verification
	}{
		{"first use", good, nil, jwtauth.Verification{Algorithm: jwtauth.ES256}},
		{"second use", good, nil, jwtauth.Verification{Algorithm: jwtauth.ES256}},
		{"remembered", good, nil, jwtauth.Verification{Algorithm: jwtauth.ES256, Cached: true}},
		{"remembered, but refused by Check", good, errors.New("no"), jwtauth.Verification{Code: "token_invalid", Algorithm: jwtauth.ES256, Cached: true}},
		{"refused by Check with a response of its own", good, jwtauth.ErrForbidden, jwtauth.Verification{Code: "forbidden", Algorithm: jwtauth.ES256, Cached: true}},
		{"an outage in Check", good, fmt.Errorf("%w: database", jwtauth.ErrUnavailable), jwtauth.Verification{Code: "unavailable", Algorithm: jwtauth.ES256, Cached: true}},
		{"a response without a code", good, bare{}, jwtauth.Verification{Code: "internal_error", Algorithm: jwtauth.ES256, Cached: true}},
		{"expired", f.claims(withClaims(`"exp":1799999999`)), nil, jwtauth.Verification{Code: "token_expired", Algorithm: jwtauth.ES256}},
		{"without claims", f.claims(`{}`), nil, jwtauth.Verification{Code: "token_invalid", Algorithm: jwtauth.ES256}},
		{"bound to a key", f.claims(withClaims(`"cnf":{}`)), nil, jwtauth.Verification{Code: "token_invalid", Algorithm: jwtauth.ES256}},
		{"changed", good[:len(good)-8] + "AAAAAAAA", nil, jwtauth.Verification{Code: "token_invalid", Algorithm: jwtauth.ES256}},
		{"of another algorithm", f.token(`{"alg":"RS256"}`, goodClaims), nil, jwtauth.Verification{Code: "token_invalid", Algorithm: jwtauth.RS256}},
		{"of an unknown algorithm", f.token(`{"alg":"secret"}`, goodClaims), nil, jwtauth.Verification{Code: "token_invalid"}},
		{"alg none", f.token(`{"alg":"none"}`, goodClaims), nil, jwtauth.Verification{Code: "token_invalid"}},
		{"not a token", "secret", nil, jwtauth.Verification{Code: "token_invalid"}},
	} {
		seen, refuse = nil, c.refuse
		claims, err := v.VerifyToken(context.WithValue(t.Context(), proofOf{}, "ctx"), c.token)
		if len(seen) != 1 {
			t.Errorf("%s: %d calls of OnVerify, want 1", c.name, len(seen))
			continue
		}
		if seen[0].Duration < 0 {
			t.Errorf("%s: took %v", c.name, seen[0].Duration)
		}
		seen[0].Duration = 0
		if seen[0] != c.want || (err == nil) != (c.want.Code == "") || (claims == nil) != (err != nil) {
			t.Errorf("%s: %+v, error %v, want %+v", c.name, seen[0], err, c.want)
		}
		if err != nil && c.refuse != (bare{}) && jwtauth.ProblemOf(err).Code != c.want.Code {
			t.Errorf("%s: ProblemOf has the code %s", c.name, jwtauth.ProblemOf(err).Code)
		}
	}
}

type proofOf struct{}

// The duration includes the time in which the keys were looked up. It does not
// come from Now.
func TestOnVerifyDuration(t *testing.T) {
	f := forgeES256(t)
	synctest.Test(t, func(t *testing.T) {
		source := keySourceFunc(func(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
			time.Sleep(time.Second) // in the time of the bubble
			return []jwtauth.Key{f.key}, nil
		})
		var got time.Duration
		opts := options()
		opts.OnVerify = func(_ context.Context, v jwtauth.Verification) { got = v.Duration }
		if _, err := newVerifier(t, source, opts).VerifyToken(t.Context(), f.claims(goodClaims)); err != nil || got != time.Second {
			t.Errorf("took %v, error %v", got, err)
		}
	})
}

// Without Now, the duration includes the time that Check takes.
func TestOnVerifyDurationWithoutNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key, err := jwtauth.GenerateKey(jwtauth.ES256)
		if err != nil {
			t.Fatal(err)
		}
		var got time.Duration
		issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
			Check:    func(context.Context, *jwtauth.Claims) error { time.Sleep(time.Second); return nil },
			OnVerify: func(_ context.Context, v jwtauth.Verification) { got = v.Duration },
		})
		if err != nil {
			t.Fatal(err)
		}
		token, err := issuer.Sign("user-1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := issuer.VerifyToken(t.Context(), token); err != nil || got != time.Second {
			t.Errorf("took %v, error %v", got, err)
		}
	})
}

// An Issuer reports access tokens, and no refresh tokens.
func TestOnVerifyOfIssuer(t *testing.T) {
	var codes []string
	s := newService(t, func(o *jwtauth.IssuerOptions) {
		o.OnVerify = func(_ context.Context, v jwtauth.Verification) { codes = append(codes, v.Code) }
	})
	tokens, err := s.Login(t.Context(), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Refresh(t.Context(), tokens.RefreshToken); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{tokens.AccessToken, tokens.RefreshToken} {
		_, _ = s.VerifyToken(t.Context(), token)
	}
	if want := []string{"", "token_invalid"}; !slices.Equal(codes, want) {
		t.Errorf("codes %q, want %q", codes, want)
	}
}

func ExampleVerification() {
	requests := map[string]int{} // guard it with a mutex, or use a metrics package
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{
		OnVerify: func(_ context.Context, v jwtauth.Verification) {
			requests[v.Code]++
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		log.Fatal(err)
	}
	_, _ = issuer.VerifyToken(context.Background(), token)
	_, _ = issuer.VerifyToken(context.Background(), token)
	_, _ = issuer.VerifyToken(context.Background(), "opaque")
	fmt.Println(requests[""], requests["token_invalid"])
	// Output: 2 1
}
