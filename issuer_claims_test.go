package jwtauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func TestSignPrivateClaims(t *testing.T) {
	type named struct {
		Name string `json:"name"`
	}
	accepted := []struct {
		name   string
		claims any
		want   string // the private claims, sorted
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
		{"names of a map that differ in case", map[string]any{"m": map[string]any{"web": 1, "Web": 2}}, `{"m":{"Web":2,"web":1}}`},
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
		{"string", "name", "is not encoded as a strict JSON object"},
		{"number", 7, "is not encoded as a strict JSON object"},
		{"array", []string{"a"}, "is not encoded as a strict JSON object"},
		{"boolean", true, "is not encoded as a strict JSON object"},
		{"channel", map[string]any{"c": make(chan int)}, "jwtauth: claims: contains the type chan int, which JSON cannot represent"},
		{"function", func() {}, "jwtauth: claims: contains the type func(), which JSON cannot represent"},
		{"broken text", json.RawMessage(`{"secret":`), "jwtauth: claims: cannot be encoded: MarshalJSON or MarshalText"},
		{"its own error", map[string]any{"a": unencodable{}}, "jwtauth: claims: cannot be encoded: MarshalJSON or MarshalText of the type jwtauth_test.unencodable"},
		{"lone surrogate", json.RawMessage(`{"a":"\ud800"}`), "is not encoded as a strict JSON object"},
		{"name twice", json.RawMessage(`{"a":1,"a":2}`), "is not encoded as a strict JSON object"},
		{"name twice deeper down", json.RawMessage(`{"a":{"b":1,"b":2}}`), `"a" has two members of the same name`},
		{"names that differ in case", map[string]any{"role": 1, "Role": 2}, "differ only in case"},
		{"nested too deep", json.RawMessage(`{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}`), "is not encoded as a strict JSON object"},
		{"scope is a number", map[string]any{"scope": 7}, "scope is neither a string nor an array of strings"},
		{"scope is null", map[string]any{"scope": nil}, "scope is neither"},
		{"scope holds a number", map[string]any{"scope": []any{"a", 7}}, "scope is neither"},
		{"scope is an object", map[string]any{"scope": map[string]any{}}, "scope is neither"},
		{"scope in two cases", map[string]any{"scope": "a", "Scope": "b"}, "differ only in case"},
		{"RegisteredClaims by embedding", struct {
			named
			Subject string `json:"sub"`
		}{named{"Ann"}, "admin"}, `"sub" is a registered claim and cannot be set`},
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "auth_time", "gen"} {
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			refused = append(refused, struct {
				name   string
				claims any
				want   string
			}{spelling, map[string]any{"a": 1, spelling: nil}, fmt.Sprintf("%q is a registered claim and cannot be set", spelling)})
		}
	}
	refused = append(refused, struct {
		name   string
		claims any
		want   string
	}{"long s", map[string]any{"i\u017fs": 1}, "is a registered claim and cannot be set"})
	for _, c := range refused {
		t.Run("refused "+c.name, func(t *testing.T) {
			token, err := issuer.Sign("user-1", c.claims)
			if err == nil || token != "" {
				t.Fatalf("token %q, error %v", token, err)
			}
			if !strings.Contains(err.Error(), c.want) || errors.Is(err, jwtauth.ErrTokenInvalid) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error holds data: %v", err)
			}
		})
	}
}

// unencodable is a value whose error holds data.
type unencodable struct{}

func (unencodable) MarshalJSON() ([]byte, error) { return nil, errors.New("secret") }
