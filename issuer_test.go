package jwtauth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// newIssuer returns an Issuer whose clock is stopped at now.
func newIssuer(t testing.TB, key jwtauth.Key, change ...func(*jwtauth.IssuerOptions)) *jwtauth.Issuer {
	t.Helper()
	opts := jwtauth.IssuerOptions{Now: func() time.Time { return time.Unix(now, 0) }}
	for _, c := range change {
		c(&opts)
	}
	issuer, err := jwtauth.NewIssuer(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// parts returns the header and the payload of a token.
func parts(t testing.TB, token string) (header, payload map[string]any) {
	t.Helper()
	segments := strings.Split(token, ".")
	if len(segments) != 3 {
		t.Fatalf("%d segments", len(segments))
	}
	for i, dst := range []*map[string]any{&header, &payload} {
		text, err := base64.RawURLEncoding.DecodeString(segments[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, dst); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return header, payload
}

func TestSign(t *testing.T) {
	key := generate(t, jwtauth.ES256)
	issuer := newIssuer(t, key, func(o *jwtauth.IssuerOptions) {
		o.Issuer, o.Audience, o.AccessTTL = "https://issuer.example", []string{"api", "web"}, time.Hour
	})
	token, err := issuer.Sign("user-1", map[string]any{"name": "Ann", "scope": "read"})
	if err != nil {
		t.Fatal(err)
	}
	header, payload := parts(t, token)
	if want := (map[string]any{"alg": "ES256", "typ": "JWT", "kid": key.ID()}); fmt.Sprint(header) != fmt.Sprint(want) {
		t.Errorf("header %v, want %v", header, want)
	}
	id, _ := payload["jti"].(string)
	delete(payload, "jti")
	if want := (map[string]any{
		"iss": "https://issuer.example", "sub": "user-1", "aud": []any{"api", "web"}, "iat": float64(now), "exp": float64(now + 3600), "name": "Ann", "scope": "read",
	}); fmt.Sprint(payload) != fmt.Sprint(want) {
		t.Errorf("payload %v\nwant    %v", payload, want)
	}
	if len(id) < 22 {
		t.Errorf("jti %q is shorter than 128 random bits", id)
	}
	claims, err := issuer.VerifyToken(t.Context(), token)
	if err != nil || claims.Subject != "user-1" || claims.ID != id || !claims.HasScope("read") {
		t.Errorf("claims %+v, error %v", claims, err)
	}
	again, err := issuer.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, payload := parts(t, again); payload["jti"] == id {
		t.Error("two tokens have one jti")
	}
}

// With zero options a token has the required claims only, and a lifetime of 15
// minutes.
func TestSignDefaults(t *testing.T) {
	issuer := newIssuer(t, generate(t, jwtauth.HS256))
	token, err := issuer.Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	header, payload := parts(t, token)
	if want := (map[string]any{"alg": "HS256", "typ": "JWT"}); fmt.Sprint(header) != fmt.Sprint(want) {
		t.Errorf("header %v, want %v", header, want)
	}
	delete(payload, "jti")
	if want := (map[string]any{"sub": "user-1", "iat": float64(now), "exp": float64(now + 900)}); fmt.Sprint(payload) != fmt.Sprint(want) {
		t.Errorf("payload %v, want %v", payload, want)
	}
}

func TestSignSubjects(t *testing.T) {
	issuer := newIssuer(t, generate(t, jwtauth.HS256))
	long := strings.Repeat("x", 1<<10)
	for _, subject := range []string{
		"user-1", " ", `"`, `\`, `a"b\c`, "<script>&amp;", "\u2028\u2029", "Ünïcødé 😀", "\ufffd", "null", "{}", long,
	} {
		token, err := issuer.Sign(subject, nil)
		if err != nil {
			t.Errorf("%q: %v", subject, err)
			continue
		}
		if claims, err := issuer.VerifyToken(t.Context(), token); err != nil || claims.Subject != subject {
			t.Errorf("%q was read as %+v, %v", subject, claims, err)
		}
	}
	for subject, want := range map[string]string{
		"": "subject: is empty", "a\x00": "subject: contains a control character", "\u0085": "subject: contains a control character",
		"\xff": "subject: is not valid UTF-8", long + "x": "subject: is 1025 bytes long; the maximum is 1024",
	} {
		for how, sign := range map[string]func() error{
			"Sign":  func() error { _, err := issuer.Sign(subject, nil); return err },
			"Login": func() error { _, err := issuer.Login(t.Context(), subject); return err },
		} {
			err := sign()
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "Login: subject ", "Login: subject: "), want) {
				t.Errorf("%s %.10q: %v, want %q", how, subject, err, want)
			}
		}
	}
}

// Issuers and audiences may contain every character that a JSON string can.
func TestSignNames(t *testing.T) {
	for _, name := range []string{`a"b\c`, "<&>", "\u2028", "ü 😀", "https://issuer.example/a?b=c&d#e"} {
		for _, audience := range [][]string{nil, {name}, {name, "b"}, {"a", name, "c"}} {
			issuer := newIssuer(t, generate(t, jwtauth.HS256).WithID("k"), func(o *jwtauth.IssuerOptions) { o.Issuer, o.Audience = name, audience })
			token, err := issuer.Sign("user-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			claims, err := issuer.VerifyToken(t.Context(), token)
			if err != nil || claims.Issuer != name || !slices.Equal(claims.Audience, audience) {
				t.Errorf("%q, %q were read as %+v, %v", name, audience, claims, err)
			}
			if _, payload := parts(t, token); payload["iss"] != name {
				t.Errorf("iss is %q, want %q", payload["iss"], name)
			}
		}
	}
	key := generate(t, jwtauth.EdDSA).WithID(`a"b\ü<&>`)
	token, err := newIssuer(t, key).Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if header, _ := parts(t, token); header["kid"] != key.ID() {
		t.Errorf("kid is %q, want %q", header["kid"], key.ID())
	}
}

// One audience is a string, and several are an array (RFC 7519, section 4.1.3).
func TestSignAudienceForm(t *testing.T) {
	for _, c := range []struct {
		audience []string
		want     string
	}{{nil, "<nil>"}, {[]string{"a"}, "a"}, {[]string{"a", "b"}, "[a b]"}} {
		issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) { o.Audience = c.audience })
		token, err := issuer.Sign("user-1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, payload := parts(t, token); fmt.Sprint(payload["aud"]) != c.want {
			t.Errorf("aud of %q is %v", c.audience, payload["aud"])
		}
	}
}

func TestSignOptions(t *testing.T) {
	issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) { o.Audience = []string{"api"} })
	sign := func(opts ...jwtauth.SignOption) (map[string]any, string) {
		t.Helper()
		token, err := issuer.Sign("user-1", nil, opts...)
		if err != nil {
			t.Fatal(err)
		}
		_, payload := parts(t, token)
		return payload, token
	}
	payload, _ := sign(jwtauth.ExpiresIn(5 * time.Second))
	if payload["exp"] != float64(now+5) {
		t.Errorf("exp %v, want 5 s from now", payload["exp"])
	}
	payload, token := sign(jwtauth.ForAudience("web", "api"), jwtauth.ExpiresIn(366*24*time.Hour))
	if fmt.Sprint(payload["aud"]) != "[web api]" || payload["exp"] != float64(now+366*24*3600) {
		t.Errorf("payload %v", payload)
	}
	if _, err := issuer.VerifyToken(t.Context(), token); err != nil {
		t.Error(err)
	}
	payload, token = sign(jwtauth.ForAudience("web"))
	_, err := issuer.VerifyToken(t.Context(), token)
	if payload["aud"] != "web" || !errors.Is(err, jwtauth.ErrAudienceMismatch) {
		t.Errorf("aud %v, verified with %v", payload["aud"], err)
	}
	if payload, _ = sign(jwtauth.ForAudience()); payload["aud"] != nil {
		t.Errorf("aud %v, want none", payload["aud"])
	}
	for want, opt := range map[string]jwtauth.SignOption{
		"0s is not positive":                    jwtauth.ExpiresIn(0),
		"-1s is not positive":                   jwtauth.ExpiresIn(-time.Second),
		"1.5s is not a whole number of seconds": jwtauth.ExpiresIn(1500 * time.Millisecond),
		"exceeds the maximum":                   jwtauth.ExpiresIn(366*24*time.Hour + time.Second),
		"audience[1]: is empty":                 jwtauth.ForAudience("a", ""),
		"audience[0]: is not valid UTF":         jwtauth.ForAudience("\xff"),
	} {
		if token, err := issuer.Sign("user-1", nil, opt); err == nil || token != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("token %q, error %v, want %q", token, err, want)
		}
	}
	// One error reports all faults of a call.
	_, err = issuer.Sign("", map[string]any{"sub": 1}, jwtauth.ForAudience(""))
	for _, want := range []string{"subject", "audience[0]", "claims"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestSignLength(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, generate(t, jwtauth.EdDSA))
	longest := 0
	for length := 11_900; length < 12_300; length++ {
		token, err := issuer.Sign("user-1", map[string]string{"x": strings.Repeat("x", length)})
		if err != nil {
			if !strings.Contains(err.Error(), "16384") || token != "" {
				t.Errorf("token %.10q, error %v", token, err)
			}
			continue
		}
		longest = len(token)
		if _, err := issuer.VerifyToken(t.Context(), token); err != nil {
			t.Errorf("a token of %d bytes does not verify: %v", len(token), err)
		}
	}
	if longest < 16<<10-3 || longest > 16<<10 {
		t.Errorf("the longest token has %d bytes", longest)
	}
}

func TestSignClock(t *testing.T) {
	for _, c := range []struct {
		at time.Time
		ok bool
	}{
		{time.Unix(0, 0), true},
		{time.Unix(-1, 0), false},
		{time.Date(1969, 12, 31, 23, 59, 59, 999, time.UTC), false},
		{time.Time{}, false},
		{time.Date(9999, 12, 31, 23, 44, 59, 0, time.UTC), true},
		{time.Date(9999, 12, 31, 23, 45, 0, 0, time.UTC), false},
		{time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{time.Unix(now, 999_999_999), true},
	} {
		issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) { o.Now = func() time.Time { return c.at } })
		token, err := issuer.Sign("user-1", nil)
		if c.ok != (err == nil) {
			t.Errorf("at %v: %v", c.at, err)
			continue
		}
		if err != nil && !strings.Contains(err.Error(), "clock") {
			t.Errorf("at %v: %v does not name the clock", c.at, err)
		}
		if err == nil {
			claims, err := issuer.VerifyToken(t.Context(), token)
			if err != nil || claims.IssuedAt.Unix() != c.at.Unix() {
				t.Errorf("at %v: claims %+v, error %v", c.at, claims, err)
			}
		}
	}
}

// A verifier with the public key accepts the tokens of an issuer, for every
// algorithm.
func TestSignForVerifier(t *testing.T) {
	t.Parallel()
	for _, alg := range []jwtauth.Algorithm{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			key := generate(t, alg)
			issuer := newIssuer(t, key, func(o *jwtauth.IssuerOptions) { o.Issuer, o.Audience = "https://issuer.example", []string{"api"} })
			token, err := issuer.Sign("user-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			v := newVerifier(t, staticKeys(t, key), options())
			for range 2 {
				if claims, err := v.VerifyToken(t.Context(), token); err != nil || claims.Subject != "user-1" {
					t.Errorf("claims %+v, error %v", claims, err)
				}
			}
		})
	}
}
