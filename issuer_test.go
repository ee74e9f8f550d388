package jwtauth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// newIssuer returns an issuer whose clock stands at now.
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

// parts decodes the header and the payload of a token.
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

// With zero options a token says no more than it must, and lives for 15 minutes.
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

func TestSignPrivateClaims(t *testing.T) {
	type named struct {
		Name string `json:"name"`
	}
	accepted := []struct {
		name   string
		claims any
		want   string // the members beyond the registered ones, sorted
	}{
		{"nil", nil, `{}`},
		{"nil map", map[string]any(nil), `{}`},
		{"nil pointer", (*named)(nil), `{}`},
		{"empty map", map[string]any{}, `{}`},
		{"empty struct", struct{}{}, `{}`},
		{"struct", named{"Ann"}, `{"name":"Ann"}`},
		{"pointer", &named{"Ann"}, `{"name":"Ann"}`},
		{"map", map[string]int{"a": 1, "b": 2}, `{"a":1,"b":2}`},
		{"text", json.RawMessage(` {"a" : [1, {"b":null}]} `), `{"a":[1,{"b":null}]}`},
		{"embedded", struct {
			named
			Age int `json:"age"`
		}{named{"Ann"}, 7}, `{"age":7,"name":"Ann"}`},
		{"scope as a string", map[string]any{"scope": "a b"}, `{"scope":"a b"}`},
		{"scope as an array", map[string]any{"scope": []string{"a", "b"}}, `{"scope":["a","b"]}`},
		{"special characters", map[string]any{"n": "<a href=\"x\">&\u2028\x00é😀"}, `{"n":"\u003ca href=\"x\"\u003e\u0026\u2028\u0000é😀"}`},
		{"special names", map[string]any{"": 1, "a.b": 2, "ü\"": 3}, `{"":1,"a.b":2,"ü\"":3}`},
		{"registered name deeper down", map[string]any{"act": map[string]any{"sub": "admin", "exp": 1}}, `{"act":{"exp":1,"sub":"admin"}}`},
		{"names that begin like registered ones", map[string]any{"subject": 1, "ex": 2, "genre": 3, "auth_times": 4}, `{"auth_times":4,"ex":2,"genre":3,"subject":1}`},
		{"large number", map[string]any{"n": json.Number("123456789012345678901234567890")}, `{"n":1.2345678901234568e+29}`},
	}
	issuer := newIssuer(t, generate(t, jwtauth.EdDSA))
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			token, err := issuer.Sign("user-1", c.claims)
			if err != nil {
				t.Fatal(err)
			}
			claims, err := issuer.VerifyToken(t.Context(), token)
			if err != nil || claims.Subject != "user-1" {
				t.Fatalf("claims %+v, error %v", claims, err)
			}
			own := map[string]any{}
			if err := claims.Decode(&own); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"sub", "iat", "exp", "jti"} {
				if _, ok := own[name]; !ok {
					t.Errorf("there is no %s", name)
				}
				delete(own, name)
			}
			if got, _ := json.Marshal(own); string(got) != c.want {
				t.Errorf("private claims %s, want %s", got, c.want)
			}
		})
	}

	refused := []struct {
		name   string
		claims any
		want   string
	}{
		{"string", "name", "does not make one strict JSON object"},
		{"number", 7, "does not make one strict JSON object"},
		{"array", []string{"a"}, "does not make one strict JSON object"},
		{"boolean", true, "does not make one strict JSON object"},
		{"channel", map[string]any{"c": make(chan int)}, "jwtauth: claims: json: unsupported type"},
		{"function", func() {}, "jwtauth: claims: json: unsupported type"},
		{"broken text", json.RawMessage(`{"a":`), "jwtauth: claims: json: "},
		{"lone surrogate", json.RawMessage(`{"a":"\ud800"}`), "does not make one strict JSON object"},
		{"name twice", json.RawMessage(`{"a":1,"a":2}`), "does not make one strict JSON object"},
		{"name twice deeper down", json.RawMessage(`{"a":{"b":1,"b":2}}`), "differ only in case"},
		{"names that differ in case", map[string]any{"role": 1, "Role": 2}, "differ only in case"},
		{"names that differ in case deeper down", map[string]any{"a": []any{map[string]any{"role": 1, "ROLE": 2}}}, "differ only in case"},
		{"nested too deep", json.RawMessage(`{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`), "does not make one strict JSON object"},
		{"scope is a number", map[string]any{"scope": 7}, "scope is neither a string nor an array of strings"},
		{"scope is null", map[string]any{"scope": nil}, "scope is neither"},
		{"scope holds a number", map[string]any{"scope": []any{"a", 7}}, "scope is neither"},
		{"scope is an object", map[string]any{"scope": map[string]any{}}, "scope is neither"},
		{"scope in two cases", map[string]any{"scope": "a", "Scope": "b"}, "differ only in case"},
		{"RegisteredClaims by embedding", struct {
			named
			Subject string `json:"sub"`
		}{named{"Ann"}, "admin"}, `"sub" is not the caller's to set`},
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "auth_time", "gen"} {
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			refused = append(refused, struct {
				name   string
				claims any
				want   string
			}{spelling, map[string]any{"a": 1, spelling: nil}, fmt.Sprintf("%q is not the caller's to set", spelling)})
		}
	}
	refused = append(refused, struct {
		name   string
		claims any
		want   string
	}{"long s", map[string]any{"i\u017fs": 1}, "is not the caller's to set"})
	for _, c := range refused {
		t.Run("refused "+c.name, func(t *testing.T) {
			token, err := issuer.Sign("user-1", c.claims)
			if err == nil || token != "" {
				t.Fatalf("token %q, error %v", token, err)
			}
			if !strings.Contains(err.Error(), c.want) || errors.Is(err, jwtauth.ErrTokenInvalid) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
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
			t.Errorf("%q comes back as %+v, %v", subject, claims, err)
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

// Issuers and audiences, too, may hold anything that a JSON string can.
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
				t.Errorf("%q, %q come back as %+v, %v", name, audience, claims, err)
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

// One audience is a string, several are an array: the form that most readers know (RFC 7519 §4.1.3).
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
	// All faults of one call are told at once.
	_, err = issuer.Sign("", map[string]any{"sub": 1}, jwtauth.ForAudience(""))
	for _, want := range []string{"subject", "audience[0]", "claims"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestSignLength(t *testing.T) {
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

func TestLogin(t *testing.T) {
	at := time.Unix(now, 250e6)
	var asked string
	type mark struct{}
	issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) {
		o.Now = func() time.Time { return at }
		o.AccessTTL = time.Minute
		o.Claims = func(ctx context.Context, subject string) (any, error) {
			asked = fmt.Sprint(subject, " ", ctx.Value(mark{}))
			return map[string]any{"name": "Ann"}, nil
		}
	})
	tokens, err := issuer.Login(context.WithValue(t.Context(), mark{}, "here"), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	if asked != "user-1 here" {
		t.Errorf("the callback was asked %q", asked)
	}
	if tokens.TokenType != "Bearer" || tokens.ExpiresIn != 60 || tokens.RefreshToken != "" {
		t.Errorf("tokens %v", tokens)
	}
	_, payload := parts(t, tokens.AccessToken)
	delete(payload, "jti")
	if want := (map[string]any{"sub": "user-1", "iat": float64(now), "exp": float64(now + 60), "auth_time": float64(now), "name": "Ann"}); fmt.Sprint(payload) != fmt.Sprint(want) {
		t.Errorf("payload %v, want %v", payload, want)
	}
	if _, err := issuer.VerifyToken(t.Context(), tokens.AccessToken); err != nil {
		t.Error(err)
	}

	for _, c := range []struct {
		at, want int64
	}{{now - 3600, now - 3600}, {now + 3600, now}, {0, 0}, {-5, time.Time{}.Unix()}, {time.Time{}.Unix() - 1, time.Time{}.Unix()}} {
		tokens, err := issuer.Login(t.Context(), "user-1", jwtauth.AuthenticatedAt(time.Unix(c.at, 0)))
		if err != nil {
			t.Fatal(err)
		}
		claims, err := issuer.VerifyToken(t.Context(), tokens.AccessToken)
		if err != nil || claims.AuthTime.Unix() != c.want {
			t.Errorf("logged in at %d, auth_time is %v, %v", c.at, claims.AuthTime.Unix(), err)
		}
	}
}

func TestLoginClaimsErrors(t *testing.T) {
	outage := errors.New("dial tcp: connection refused")
	disabled := fmt.Errorf("user-1: %w", jwtauth.ErrSubjectDisabled)
	for _, c := range []struct {
		name   string
		result any
		err    error
		want   error
		text   string
	}{
		{"disabled", nil, disabled, jwtauth.ErrSubjectDisabled, "user-1"},
		{"disabled, and yet claims", map[string]any{"a": 1}, disabled, jwtauth.ErrSubjectDisabled, "user-1"},
		{"outage", nil, outage, jwtauth.ErrUnavailable, "IssuerOptions.Claims: dial tcp"},
		{"cancelled", nil, context.Canceled, jwtauth.ErrUnavailable, "canceled"},
		{"refusal of a token is an outage here", nil, jwtauth.ErrTokenExpired, jwtauth.ErrUnavailable, "expired"},
		{"claims that are no object", 7, nil, nil, "strict JSON object"},
		{"registered claims", map[string]any{"exp": 1}, nil, nil, "not the caller's"},
		{"none", nil, nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer := newIssuer(t, generate(t, jwtauth.HS256), func(o *jwtauth.IssuerOptions) {
				o.Claims = func(context.Context, string) (any, error) { return c.result, c.err }
			})
			tokens, err := issuer.Login(t.Context(), "user-1")
			if c.text == "" {
				if err != nil || tokens.AccessToken == "" {
					t.Errorf("tokens %v, error %v", tokens, err)
				}
				return
			}
			if err == nil || tokens != (jwtauth.Tokens{}) || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("tokens %v, error %v, want %q", tokens, err, c.text)
			}
			for _, sentinel := range []error{jwtauth.ErrSubjectDisabled, jwtauth.ErrUnavailable, jwtauth.ErrTokenInvalid} {
				if is := errors.Is(err, sentinel); is != (sentinel == c.want) {
					t.Errorf("errors.Is(%v, %v) is %v", err, sentinel, is)
				}
			}
			if c.err == outage && errors.Is(err, outage) {
				t.Error("the callback's own error is wrapped")
			}
		})
	}
}

func TestSetKeys(t *testing.T) {
	for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.ES256, jwtauth.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			first, second := generate(t, alg).WithID("first"), generate(t, alg).WithID("second")
			issuer := newIssuer(t, first)
			sign := func() string {
				t.Helper()
				token, err := issuer.Sign("user-1", nil)
				if err != nil {
					t.Fatal(err)
				}
				return token
			}
			verify := func(token string, want error) {
				t.Helper()
				for range 2 {
					_, err := issuer.VerifyToken(t.Context(), token)
					if want != nil {
						checkRefusal(t, err, want, token)
					} else if err != nil {
						t.Error(err)
					}
				}
			}
			old := sign()
			verify(old, nil)

			// A fault leaves the old keys in force.
			for _, err := range []error{
				issuer.SetKeys(jwtauth.Key{}), issuer.SetKeys(second, jwtauth.Key{}), issuer.SetKeys(second, second),
			} {
				if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: SetKeys: ") {
					t.Errorf("got %v", err)
				}
			}
			checkFaults(t, issuer.SetKeys(jwtauth.Key{}, jwtauth.Key{}, first, first), []string{"SetKeys: signing: ", "SetKeys: accepted[0]: ", "SetKeys: accepted[2]: "})
			if header, _ := parts(t, sign()); header["kid"] != "first" {
				t.Errorf("signed with %v", header["kid"])
			}
			verify(old, nil)

			if err := issuer.SetKeys(second, first); err != nil {
				t.Fatal(err)
			}
			fresh := sign()
			if header, _ := parts(t, fresh); header["kid"] != "second" {
				t.Errorf("signed with %v", header["kid"])
			}
			verify(old, nil)
			verify(fresh, nil)

			if err := issuer.SetKeys(second); err != nil {
				t.Fatal(err)
			}
			verify(old, jwtauth.ErrKeyUnknown) // remembered or not
			verify(fresh, nil)

			if err := issuer.SetKeys(first); err != nil {
				t.Fatal(err)
			}
			verify(old, nil)
			verify(fresh, jwtauth.ErrKeyUnknown)
		})
	}
}

func TestAcceptKeys(t *testing.T) {
	old := generate(t, jwtauth.HS256)
	token, err := newIssuer(t, old).Sign("user-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	key := generate(t, jwtauth.EdDSA)
	issuer := newIssuer(t, key, func(o *jwtauth.IssuerOptions) { o.AcceptKeys = []jwtauth.Key{old} })
	if _, err := issuer.VerifyToken(t.Context(), token); err != nil {
		t.Errorf("a token of an accepted key: %v", err)
	}
	_, err = newIssuer(t, key).VerifyToken(t.Context(), token)
	checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
}

// Keys are exchanged while tokens are signed and verified: each token verifies as long as its key is among
// those accepted, which here all are until the last exchange.
func TestSetKeysConcurrently(t *testing.T) {
	for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			keys := make([]jwtauth.Key, 6)
			for i := range keys {
				keys[i] = generate(t, alg).WithID(fmt.Sprint("key-", i))
			}
			issuer := newIssuer(t, keys[0], func(o *jwtauth.IssuerOptions) { o.AcceptKeys = keys[1:] })
			stop := make(chan struct{})
			var rotation, requests sync.WaitGroup
			rotation.Go(func() {
				for n := 1; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					others := slices.Concat(keys[:n%len(keys)], keys[n%len(keys)+1:])
					if err := issuer.SetKeys(keys[n%len(keys)], others...); err != nil {
						t.Error(err)
						return
					}
				}
			})
			for g := range 8 {
				requests.Go(func() {
					subject := fmt.Sprint("user-", g)
					for range 50 {
						token, err := issuer.Sign(subject, nil)
						if err != nil {
							t.Error(err)
							return
						}
						claims, err := issuer.VerifyToken(t.Context(), token)
						if err != nil || claims.Subject != subject {
							t.Errorf("claims %+v, error %v", claims, err)
							return
						}
					}
				})
			}
			requests.Wait()
			close(stop)
			rotation.Wait()
			token, err := issuer.Sign("user-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := issuer.SetKeys(generate(t, alg).WithID("new")); err != nil {
				t.Fatal(err)
			}
			_, err = issuer.VerifyToken(t.Context(), token)
			checkRefusal(t, err, jwtauth.ErrKeyUnknown, token)
		})
	}
}

// What an issuer signs, a verifier with its public key takes, for every algorithm.
func TestSignForVerifier(t *testing.T) {
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
