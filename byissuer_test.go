package jwtauth_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func TestByIssuer(t *testing.T) {
	a, b := forgeEdDSA(t), forgeES256(t)
	calls := 0
	verifier := func(f forger, issuer, audience string) *jwtauth.Verifier {
		opts := options()
		opts.Issuer, opts.Audience = issuer, []string{audience}
		return newVerifier(t, keySourceFunc(func(ctx context.Context, alg jwtauth.Algorithm, kid string) ([]jwtauth.Key, error) {
			calls++
			return staticKeys(t, f.key).VerificationKeys(ctx, alg, kid)
		}), opts)
	}
	v, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{
		"https://a.example": verifier(a, "https://a.example", "for-a"),
		"https://b.example": verifier(b, "https://b.example", "for-b"),
	})
	if err != nil {
		t.Fatal(err)
	}
	claims := func(issuer, audience string) string {
		return withClaims(`"iss":"`+issuer+`"`, `"aud":"`+audience+`"`)
	}
	cases := []struct {
		name  string
		token string
		want  error
		calls int
	}{
		{"first", a.claims(claims("https://a.example", "for-a")), nil, 1},
		{"second", b.claims(claims("https://b.example", "for-b")), nil, 1},
		{"keys of the other", a.claims(claims("https://b.example", "for-b")), jwtauth.ErrKeyUnknown, 1},
		{"audience of the other", a.claims(claims("https://a.example", "for-b")), jwtauth.ErrAudienceMismatch, 1},
		{"expired", a.claims(withClaims(`"iss":"https://a.example"`, `"aud":"for-a"`, `"exp":1799999999`)), jwtauth.ErrTokenExpired, 1},
		{"bad signature", strings.TrimRight(a.claims(claims("https://a.example", "for-a")), "-_"+letters) + strings.Repeat("A", 86), jwtauth.ErrSignatureInvalid, 1},
		{"unknown issuer", a.claims(claims("https://c.example", "for-a")), jwtauth.ErrIssuerMismatch, 0},
		{"issuer in another case", a.claims(claims("https://A.example", "for-a")), jwtauth.ErrIssuerMismatch, 0},
		{"slash more", a.claims(claims("https://a.example/", "for-a")), jwtauth.ErrIssuerMismatch, 0},
		{"empty issuer", a.claims(claims("", "for-a")), jwtauth.ErrIssuerMismatch, 0},
		{"no issuer", a.claims(withoutClaim("iss")), jwtauth.ErrIssuerMismatch, 0},
		{"issuer below the top", a.claims(strings.Replace(withoutClaim("iss"), "{", `{"x":{"iss":"https://a.example"},`, 1)), jwtauth.ErrIssuerMismatch, 0},
		{"name in another case", a.claims(strings.Replace(claims("https://a.example", "for-a"), "iss", "Iss", 1)), jwtauth.ErrIssuerMismatch, 0},
		{"escaped name", a.claims(strings.Replace(claims("https://a.example", "for-a"), "iss", `\u0069ss`, 1)), nil, 1},
		{"escaped issuer", a.claims(claims(`https:\/\/a.example`, "for-a")), nil, 1},
		{"issuer is a number", a.claims(withClaims(`"iss":1`)), jwtauth.ErrClaimsInvalid, 0},
		{"issuer is null", a.claims(withClaims(`"iss":null`)), jwtauth.ErrClaimsInvalid, 0},
		{"issuer is an array", a.claims(withClaims(`"iss":["https://a.example"]`)), jwtauth.ErrClaimsInvalid, 0},
		{"two issuers", a.claims(strings.Replace(claims("https://a.example", "for-a"), "{", `{"iss":"https://b.example",`, 1)), jwtauth.ErrKeyUnknown, 1},
		{"two issuers, that of the keys first", a.claims(strings.TrimSuffix(claims("https://a.example", "for-a"), "}") + `,"iss":"https://b.example"}`), jwtauth.ErrClaimsInvalid, 1},
		{"no JSON", a.claims("iss"), jwtauth.ErrClaimsInvalid, 0},
		{"broken JSON before it", a.claims(`{"a":,"iss":"https://a.example"}`), jwtauth.ErrClaimsInvalid, 0},
		{"broken JSON behind it", a.claims(`{"iss":"https://a.example","a":}`), jwtauth.ErrClaimsInvalid, 1},
		{"no UTF-8", a.claims("{\"a\":\"\xff\",\"iss\":\"https://a.example\"}"), jwtauth.ErrClaimsInvalid, 0},
		{"no base64url", a.segments(b64(`{"alg":"EdDSA"}`), "e+=="), jwtauth.ErrClaimsInvalid, 0},
		{"padded base64url", a.segments(b64(`{"alg":"EdDSA"}`), b64(`{"iss":"https://a.example"}`)+"="), jwtauth.ErrClaimsInvalid, 0},
		{"two segments", "a.b", jwtauth.ErrTokenMalformed, 0},
		{"four segments", a.claims(claims("https://a.example", "for-a")) + ".a", jwtauth.ErrTokenMalformed, 0},
		{"empty", "", jwtauth.ErrTokenMalformed, 0},
		{"too long", a.claims(withClaims(`"iss":"https://a.example"`, `"x":"`+strings.Repeat("x", 16<<10)+`"`)), jwtauth.ErrTokenMalformed, 0},
		{"header that is refused", a.token(`{"alg":"ALG","crit":["x"]}`, claims("https://a.example", "for-a")), jwtauth.ErrTokenMalformed, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			calls = 0
			got, err := v.VerifyToken(t.Context(), c.token)
			switch {
			case c.want != nil:
				checkRefusal(t, err, c.want, c.token)
			case err != nil || got.Subject != "user-1":
				t.Errorf("%v, %v", got, err)
			}
			if calls != c.calls {
				t.Errorf("%d calls of the key source, want %d", calls, c.calls)
			}
		})
	}
}

// A token may be as long as the most generous Verifier allows. After that, the
// limit of the selected one applies.
func TestByIssuerLength(t *testing.T) {
	f := forgeEdDSA(t)
	const small, large = 8 << 10, 64 << 10
	limit := func(issuer string, bytes int) *jwtauth.Verifier {
		return f.verifier(t, func(o *jwtauth.VerifierOptions) { o.Issuer, o.MaxTokenBytes = issuer, bytes })
	}
	v, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{
		"https://small.example": limit("https://small.example", small),
		"https://large.example": limit("https://large.example", large),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		issuer string
		length int
		want   error
	}{
		{"small", small, nil},
		{"small", small + 4, jwtauth.ErrTokenMalformed},
		{"small", large, jwtauth.ErrTokenMalformed},
		{"large", small + 4, nil},
		{"large", large, nil},
		{"large", large + 4, jwtauth.ErrTokenMalformed},
		// The length is checked before the issuer is read.
		{"unknown", large, jwtauth.ErrIssuerMismatch},
		{"unknown", large + 4, jwtauth.ErrTokenMalformed},
	} {
		token := f.ofLength(t, c.length, `"iss":"https://`+c.issuer+`.example"`)
		if _, err := v.VerifyToken(t.Context(), token); !errors.Is(err, c.want) {
			t.Errorf("%s with %d bytes: %v, want %v", c.issuer, c.length, err, c.want)
		}
		if c.want != jwtauth.ErrTokenMalformed {
			continue
		}
		// One byte more than allowed is enough.
		token = f.ofLength(t, c.length-4, `"iss":"https://`+c.issuer+`.example"`) + "A"
		if _, err := v.VerifyToken(t.Context(), token); !errors.Is(err, c.want) {
			t.Errorf("%s with %d bytes: %v, want %v", c.issuer, len(token), err, c.want)
		}
	}
}

// A token that is too long for every Verifier is not decoded.
func TestByIssuerMemory(t *testing.T) {
	f := forgeEdDSA(t)
	v, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://issuer.example": f.verifier(t)})
	if err != nil {
		t.Fatal(err)
	}
	token := f.claims(withClaims(`"x":"` + strings.Repeat("x", 4<<20) + `"`))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = v.VerifyToken(t.Context(), token)
	runtime.ReadMemStats(&after)
	checkRefusal(t, err, jwtauth.ErrTokenMalformed, token)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
		t.Errorf("%d bytes allocated for a token of %d", used, len(token))
	}
}

// accept is a Check that accepts every token.
func accept(context.Context, *jwtauth.Claims) error { return nil }

// constantVerifier returns the claims and the error.
type constantVerifier struct {
	claims *jwtauth.Claims
	err    error
}

func (f constantVerifier) VerifyToken(context.Context, string) (*jwtauth.Claims, error) {
	return f.claims, f.err
}

// The issuer is compared again after the verification, also for fakes.
func TestByIssuerComparesAgain(t *testing.T) {
	token := forgeEdDSA(t).claims(goodClaims)
	for _, c := range []struct {
		name string
		fake constantVerifier
		want error
	}{
		{"same issuer", constantVerifier{&jwtauth.Claims{Issuer: "https://issuer.example", Subject: "ada"}, nil}, nil},
		{"another issuer", constantVerifier{&jwtauth.Claims{Issuer: "https://other.example", Subject: "ada"}, nil}, jwtauth.ErrIssuerMismatch},
		{"no issuer", constantVerifier{&jwtauth.Claims{Subject: "ada"}, nil}, jwtauth.ErrIssuerMismatch},
		{"neither claims nor an error", constantVerifier{}, jwtauth.ErrUnavailable},
		{"an error", constantVerifier{nil, jwtauth.ErrTokenExpired}, jwtauth.ErrTokenExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://issuer.example": c.fake})
			if err != nil {
				t.Fatal(err)
			}
			wantVerify(t, v, token, c.want)
		})
	}
}

func TestByIssuerFunc(t *testing.T) {
	f := forgeEdDSA(t)
	good := f.verifier(t)
	for _, c := range []struct {
		name   string
		lookup func(context.Context, string) (jwtauth.TokenVerifier, error)
		want   error
	}{
		{"known", func(context.Context, string) (jwtauth.TokenVerifier, error) { return good, nil }, nil},
		{"unknown", func(context.Context, string) (jwtauth.TokenVerifier, error) { return nil, jwtauth.ErrIssuerMismatch }, jwtauth.ErrIssuerMismatch},
		{"unavailable", func(context.Context, string) (jwtauth.TokenVerifier, error) { return nil, errors.New("no connection") }, jwtauth.ErrUnavailable},
		{"nil", func(context.Context, string) (jwtauth.TokenVerifier, error) { return nil, nil }, jwtauth.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantVerify(t, jwtauth.ByIssuerFunc(c.lookup), f.claims(goodClaims), c.want)
		})
	}
}

// lookup sees only issuers that are texts of at most 1 KiB.
func TestByIssuerFuncBounds(t *testing.T) {
	f := forgeEdDSA(t)
	var seen []string
	v := jwtauth.ByIssuerFunc(func(_ context.Context, issuer string) (jwtauth.TokenVerifier, error) {
		seen = append(seen, issuer)
		return nil, jwtauth.ErrIssuerMismatch
	})
	longest := strings.Repeat("x", 1<<10)
	for _, issuer := range []string{"", longest, longest + "x", `a\u0000b`, `a\nb`} {
		wantVerify(t, v, f.claims(withClaims(`"iss":"`+issuer+`"`)), jwtauth.ErrIssuerMismatch)
	}
	if len(seen) != 1 || seen[0] != longest {
		t.Errorf("lookup was called for %d issuers, want the longest one only", len(seen))
	}
	defer func() {
		if recover() == nil {
			t.Error("ByIssuerFunc(nil) did not panic")
		}
	}()
	jwtauth.ByIssuerFunc(nil)
}

func TestByIssuerFaults(t *testing.T) {
	f := forgeEdDSA(t)
	good := f.verifier(t)
	other := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.Issuer = "https://other.example" })
	anyone := f.verifier(t, func(o *jwtauth.VerifierOptions) { o.Issuer, o.AnyIssuer, o.Check = "", true, accept })
	issuer, err := jwtauth.NewIssuer(generate(t, jwtauth.EdDSA), jwtauth.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	type verifiers = map[string]jwtauth.TokenVerifier
	for _, c := range []struct {
		name      string
		verifiers map[string]jwtauth.TokenVerifier
		want      []string
	}{
		{"none", nil, []string{"ByIssuer: verifiers: is empty"}},
		{"nil", verifiers{"https://issuer.example": nil}, []string{`verifiers["https://issuer.example"]: is nil`}},
		{"nil Verifier", verifiers{"https://issuer.example": (*jwtauth.Verifier)(nil)}, []string{`verifiers["https://issuer.example"]: is nil`}},
		{"not made by its constructor", verifiers{"https://issuer.example": new(jwtauth.Verifier)}, []string{"was not made by its constructor"}},
		{"no issuer", verifiers{"": good}, []string{`verifiers[""]: is empty`}},
		{"any issuer", verifiers{"https://issuer.example": anyone}, []string{"accepts tokens of any issuer; set its Issuer option"}},
		{"Issuer without an issuer", verifiers{"https://issuer.example": issuer}, []string{"accepts tokens of any issuer; set its Issuer option"}},
		{"another issuer", verifiers{"https://other.example/": other}, []string{`verifiers["https://other.example/"]: is configured for the issuer "https://other.example"`}},
		{"everything at once", verifiers{"a": nil, "b": anyone, "c": good, "": other}, []string{`verifiers["a"]: `, `verifiers["b"]: `, `verifiers["c"]: `, `verifiers[""]: `}},
		{"good", verifiers{"https://issuer.example": good, "https://other.example": other, "https://fake.example": constantVerifier{}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := jwtauth.ByIssuer(c.verifiers)
			if (err != nil) != (c.want != nil) || (v == nil) != (err != nil) {
				t.Fatalf("%v, %v", v, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
}

// If a provider is down, its tokens cannot be verified, and those of other
// issuers can. Tokens of unknown issuers cause no fetch.
func TestByIssuerOutage(t *testing.T) {
	f := forgeEdDSA(t)
	p := new(provider)
	p.replies(responds(500, ""))
	_, remote := p.remote(t, jwtauth.RemoteKeysOptions{})
	v, err := jwtauth.ByIssuer(map[string]jwtauth.TokenVerifier{"https://idp.example": remote, "https://issuer.example": f.verifier(t)})
	if err != nil {
		t.Fatal(err)
	}
	wantVerify(t, v, f.claims(withClaims(`"iss":"https://idp.example.evil.example"`)), jwtauth.ErrIssuerMismatch)
	wantVerify(t, v, f.claims(goodClaims), nil)
	if n := p.fetches(); n != 0 {
		t.Errorf("%d fetches for tokens of others", n)
	}
	wantVerify(t, v, signed(t, generate(t, jwtauth.ES256)), jwtauth.ErrUnavailable)
	wantVerify(t, v, f.claims(goodClaims), nil)
}
