package jwtauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// checkFaults checks that err says all of want, each in a line of its own, and
// nothing else. None: no error.
func checkFaults(t *testing.T, err error, want []string) {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if err == nil {
		t.Fatalf("accepted, want %q", want)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("%d faults, want %d:\n%v", len(lines), len(want), err)
	}
	for _, text := range want {
		found := false
		for _, line := range lines {
			found = found || strings.HasPrefix(line, "jwtauth: "+text)
		}
		if !found {
			t.Errorf("no fault %q in\n%v", text, err)
		}
	}
}

func TestVerifierOptions(t *testing.T) {
	const bad = "\xff"
	long := strings.Repeat("x", 1<<10)
	type opts = jwtauth.VerifierOptions
	cases := []struct {
		name   string
		change func(*opts)
		want   []string
	}{
		{"ordinary", func(*opts) {}, nil},
		{"zero", func(o *opts) { *o = opts{} }, []string{"VerifierOptions.Issuer: is required", "VerifierOptions.Audience: is required"}},
		{"any", func(o *opts) { *o = opts{AnyIssuer: true, AnyAudience: true, AnySubject: true, Check: accept} }, nil},
		{"any without Check", func(o *opts) { *o = opts{AnyIssuer: true, AnyAudience: true, AnySubject: true} }, []string{
			"VerifierOptions.AnyIssuer: requires Check", "VerifierOptions.AnyAudience: requires Check", "VerifierOptions.AnySubject: requires Check",
		}},
		{"issuer and AnyIssuer", func(o *opts) { o.AnyIssuer, o.Check = true, accept }, []string{"VerifierOptions.Issuer: cannot be combined with AnyIssuer"}},
		{"audience and AnyAudience", func(o *opts) { o.AnyAudience, o.Check = true, accept }, []string{"VerifierOptions.Audience: cannot be combined with AnyAudience"}},
		{"issuer is not UTF-8", func(o *opts) { o.Issuer = bad }, []string{"VerifierOptions.Issuer: is not valid UTF-8"}},
		{"issuer with a control character", func(o *opts) { o.Issuer = "a\n" }, []string{"VerifierOptions.Issuer: contains a control character"}},
		{"longest issuer", func(o *opts) { o.Issuer = long }, nil},
		{"issuer too long", func(o *opts) { o.Issuer = long + "x" }, []string{"VerifierOptions.Issuer: is 1025 bytes long; the maximum is 1024"}},
		{"empty audience", func(o *opts) { o.Audience = []string{"api", ""} }, []string{"VerifierOptions.Audience[1]: is empty"}},
		{"audience too long", func(o *opts) { o.Audience = []string{long + "x"} }, []string{"VerifierOptions.Audience[0]: is 1025 bytes"}},
		{"empty type", func(o *opts) { o.Types = []string{""} }, []string{"VerifierOptions.Types[0]: is empty"}},
		{"empty scope claim", func(o *opts) { o.ScopeClaims = []string{"scp", ""} }, []string{"VerifierOptions.ScopeClaims[1]: is empty"}},
		{"registered scope claim", func(o *opts) { o.ScopeClaims = []string{"Sub"} }, []string{"VerifierOptions.ScopeClaims[0]: Sub is a registered claim"}},
		{"least MaxTokenBytes", func(o *opts) { o.MaxTokenBytes = 8 << 10 }, nil},
		{"MaxTokenBytes too small", func(o *opts) { o.MaxTokenBytes = 8<<10 - 1 }, []string{"VerifierOptions.MaxTokenBytes: 8191 is below the minimum of 8192"}},
		{"negative MaxTokenBytes", func(o *opts) { o.MaxTokenBytes = -1 }, []string{"VerifierOptions.MaxTokenBytes: -1 is below"}},
		{"greatest MaxTokenBytes", func(o *opts) { o.MaxTokenBytes = 1 << 20 }, nil},
		{"MaxTokenBytes too great", func(o *opts) { o.MaxTokenBytes = 1<<20 + 1 }, []string{"VerifierOptions.MaxTokenBytes: 1048577 exceeds the maximum of 1048576"}},
		{"no cache", func(o *opts) { o.CacheSize = -1 }, nil},
		{"smallest cache", func(o *opts) { o.CacheSize = 1 }, nil},
		{"greatest cache", func(o *opts) { o.CacheSize = 1 << 20 }, nil},
		{"cache too great", func(o *opts) { o.CacheSize = 1<<20 + 1 }, []string{"VerifierOptions.CacheSize: 1048577 exceeds the maximum of 1048576"}},
		{"greatest leeway", func(o *opts) { o.Leeway = 5 * time.Minute }, nil},
		{"leeway too great", func(o *opts) { o.Leeway = 5*time.Minute + 1 }, []string{"VerifierOptions.Leeway: 5m0.000000001s exceeds the maximum of 5m0s"}},
		{"negative MaxAge", func(o *opts) { o.MaxAge = -1 }, []string{"VerifierOptions.MaxAge: -1ns is negative"}},
		{"all at once", func(o *opts) {
			*o = opts{
				Audience: []string{""}, Types: []string{""}, ScopeClaims: []string{"exp"},
				MaxTokenBytes: 1, CacheSize: 1 << 30, Leeway: time.Hour, MaxAge: -time.Second,
			}
		}, []string{
			"VerifierOptions.Issuer: ", "VerifierOptions.Audience[0]: ", "VerifierOptions.Types[0]: ", "VerifierOptions.ScopeClaims[0]: ",
			"VerifierOptions.MaxTokenBytes: ", "VerifierOptions.CacheSize: ", "VerifierOptions.Leeway: ", "VerifierOptions.MaxAge: ",
		}},
	}
	source := staticKeys(t, generate(t, jwtauth.EdDSA))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := options()
			c.change(&o)
			v, err := jwtauth.NewVerifier(source, o)
			checkFaults(t, err, c.want)
			if (v == nil) != (err != nil) {
				t.Errorf("verifier %v beside error %v", v, err)
			}
		})
	}
	t.Run("no keys", func(t *testing.T) {
		_, err := jwtauth.NewVerifier(nil, jwtauth.VerifierOptions{})
		checkFaults(t, err, []string{"NewVerifier: keys: is nil", "VerifierOptions.Issuer: ", "VerifierOptions.Audience: "})
	})
}

// What options a constructor was given may be changed afterwards: it keeps its
// own.
func TestOptionsAreCopied(t *testing.T) {
	f := forgeHS256(t)
	o := options()
	o.Types, o.ScopeClaims = []string{"at+jwt"}, []string{"scp"}
	v := newVerifier(t, staticKeys(t, f.key), o)
	o.Audience[0], o.Types[0], o.ScopeClaims[0] = "other", "other", "other"
	claims, err := v.VerifyToken(t.Context(), f.token(`{"alg":"ALG","typ":"at+jwt"}`, withClaims(`"scp":"a"`, `"other":"b"`)))
	if err != nil || claims.Scope != "a" {
		t.Errorf("claims %+v, error %v", claims, err)
	}

	audience := []string{"api"}
	issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) { o.Audience = audience })
	audience[0] = "other"
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := issuer.VerifyToken(t.Context(), token); err != nil || claims.Audience[0] != "api" {
		t.Errorf("claims %+v, error %v", claims, err)
	}
}

func TestIssuerOptions(t *testing.T) {
	type opts = jwtauth.IssuerOptions
	good := generate(t, jwtauth.HS256)
	cases := []struct {
		name string
		key  jwtauth.Key
		opts opts
		want []string
	}{
		{"zero", good, opts{}, nil},
		{"zero Key", jwtauth.Key{}, opts{}, []string{"NewIssuer: key: key is the zero Key"}},
		{"public key", generate(t, jwtauth.EdDSA).Public(), opts{}, []string{"NewIssuer: key: has no private part"}},
		{"key with a bad id", good.WithID("\n"), opts{}, []string{"NewIssuer: key: HS256 key: key ID"}},
		{"issuer is not UTF-8", good, opts{Issuer: "\xff"}, []string{"IssuerOptions.Issuer: is not valid UTF-8"}},
		{"empty audience", good, opts{Audience: []string{""}}, []string{"IssuerOptions.Audience[0]: is empty"}},
		{"negative AccessTTL", good, opts{AccessTTL: -1}, []string{"IssuerOptions.AccessTTL: -1ns is not positive"}},
		{"AccessTTL in fractions", good, opts{AccessTTL: 90500 * time.Millisecond}, []string{"IssuerOptions.AccessTTL: 1m30.5s is not a whole number of seconds"}},
		{"greatest AccessTTL", good, opts{AccessTTL: 366 * 24 * time.Hour}, nil},
		{"AccessTTL too great", good, opts{AccessTTL: 366*24*time.Hour + time.Second}, []string{"IssuerOptions.AccessTTL: 8784h0m1s exceeds the maximum of 8784h0m0s"}},
		{"AccessTTL within Leeway", good, opts{AccessTTL: 30 * time.Second}, []string{"IssuerOptions.AccessTTL: 30s does not exceed Leeway (30s)"}},
		{"AccessTTL just over Leeway", good, opts{AccessTTL: 31 * time.Second}, nil},
		{"least AccessTTL without Leeway", good, opts{AccessTTL: time.Second, Leeway: -1}, nil},
		{"greatest Leeway", good, opts{Leeway: 5 * time.Minute}, nil},
		{"Leeway too great", good, opts{Leeway: 5*time.Minute + 1}, []string{"IssuerOptions.Leeway: 5m0.000000001s exceeds the maximum of 5m0s"}},
		{"accepted zero Key", good, opts{AcceptKeys: []jwtauth.Key{{}}}, []string{"IssuerOptions.AcceptKeys[0]: key is the zero Key"}},
		{"accepted key with the id of the signing one", good.WithID("a"), opts{AcceptKeys: []jwtauth.Key{generate(t, jwtauth.EdDSA).WithID("a")}},
			[]string{"IssuerOptions.AcceptKeys[0]: has the ID of another key"}},
		{"accepted keys of several kinds", good, opts{AcceptKeys: []jwtauth.Key{generate(t, jwtauth.EdDSA), generate(t, jwtauth.ES256).Public()}}, nil},
		{"all at once", jwtauth.Key{}, opts{
			Issuer: "\xff", Audience: []string{"", strings.Repeat("x", 2000)}, AccessTTL: time.Millisecond, Leeway: time.Hour, AcceptKeys: []jwtauth.Key{{}, {}},
		}, []string{
			"NewIssuer: key: ", "IssuerOptions.Issuer: ", "IssuerOptions.Audience[0]: ", "IssuerOptions.Audience[1]: ",
			"IssuerOptions.AccessTTL: ", "IssuerOptions.Leeway: ", "IssuerOptions.AcceptKeys[0]: ", "IssuerOptions.AcceptKeys[1]: ",
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			i, err := jwtauth.NewIssuer(c.key, c.opts)
			checkFaults(t, err, c.want)
			if (i == nil) != (err != nil) {
				t.Errorf("issuer %v beside error %v", i, err)
			}
		})
	}
}
