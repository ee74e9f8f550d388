package jwtauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// mutable has a member of every kind that callers decode claims into.
type mutable struct {
	reusable
	Teams  map[string][]string
	Owner  *struct{ Name string }
	Extra  any
	Raw    json.RawMessage
	Matrix [][]int
}

// reusable is the part of mutable whose values are remembered.
type reusable struct {
	Name   string
	Level  int
	Admin  bool
	Since  time.Time
	Pair   [2]string
	Roles  []string
	Limits []float64
	Sites  []struct{ City string }
	Nested struct{ Tags []string }
}

const mutableMembers = `"name":"ann","level":7,"admin":true,"since":"2030-01-02T03:04:05Z","pair":["a","b"],"roles":["r","w"],` +
	`"limits":[0.5,2],"sites":[{"city":"Oslo"},{"city":"Rome"}],"teams":{"x":["y"]},"owner":{"name":"bob"},"extra":{"deep":[1]},` +
	`"raw":{"a":1},"nested":{"tags":["t"]},"matrix":[[1],[2,3]]`

// overwrite changes everything that v gives access to.
func overwrite(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			overwrite(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() || field.Anonymous {
				overwrite(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			overwrite(v.Index(i))
		}
		if v.CanSet() { // what follows the end may be shared, too
			v.Set(reflect.Append(v.Slice(0, 0), reflect.Zero(v.Type().Elem())))
		}
	case reflect.Array:
		for i := range v.Len() {
			overwrite(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			overwrite(v.MapIndex(key))
			v.SetMapIndex(key, reflect.Zero(v.Type().Elem()))
		}
	default:
		if v.CanSet() {
			v.SetZero()
		}
	}
}

// decodeAs returns both results for T of a request with the claims c, and a
// member of it.
func decodeAs[T any](c *jwtauth.Claims) (results [2]T, roles []string, err error) {
	if results[0], err = jwtauth.ClaimsAs[T](jwtauth.NewContext(context.Background(), c)); err != nil {
		return results, nil, err
	}
	if err = c.Decode(&results[1]); err != nil {
		return results, nil, err
	}
	return results, roles, c.Get("roles", &roles)
}

// Callers own all that they get: no change by one shows in another request,
// remembered or not. The goroutines share one token, for the race detector.
func TestDecodedValuesAreNotShared(t *testing.T) {
	t.Parallel()
	eachForger(t, func(t *testing.T, f forger) {
		token := f.claims(withClaims(mutableMembers, `"amr":["pwd","otp"]`, `"aud":["api","web"]`))
		for _, change := range []func(*jwtauth.VerifierOptions){func(*jwtauth.VerifierOptions) {}, noCache} {
			v := f.verifier(t, change)
			checkNotShared[reusable](t, v, token)
			checkNotShared[mutable](t, v, token)
			checkNotShared[map[string]any](t, v, token)
			checkNotShared[any](t, v, token)
			checkNotShared[*mutable](t, v, token)
			checkNotShared[struct{ Roles []json.RawMessage }](t, v, token)
		}
	})
}

func checkNotShared[T any](t *testing.T, v *jwtauth.Verifier, token string) {
	t.Helper()
	text := func(values ...any) string {
		out, err := json.Marshal(values)
		if err != nil {
			t.Error(err)
		}
		return string(out)
	}
	claims, err := v.VerifyToken(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	var value T
	if err := claims.Decode(&value); err != nil {
		t.Fatal(err)
	}
	want := text(claims, [2]T{value, value}, []string{"r", "w"})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 8 {
				claims, err := v.VerifyToken(t.Context(), token)
				if err != nil {
					t.Error(err)
					return
				}
				results, roles, err := decodeAs[T](claims)
				if got := text(claims, results, roles); err != nil || got != want {
					t.Errorf("%T: %s, %v\nwant %s", results, got, err, want)
					return
				}
				overwrite(reflect.ValueOf(&results))
				overwrite(reflect.ValueOf(&roles))
				overwrite(reflect.ValueOf(claims))
			}
		})
	}
	wg.Wait()
}

// A remembered token is decoded as at its first use, into zero values and
// others, and errors stay errors.
func TestDecodeRemembered(t *testing.T) {
	f := forgeHS256(t)
	v := f.verifier(t)
	token := f.claims(withClaims(`"name":"ann"`, `"level":"high"`))
	for use := range 6 {
		claims, err := v.VerifyToken(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		type named struct {
			Name, Other string
		}
		kept := named{Name: "bob", Other: "kept"}
		if err := claims.Decode(&kept); err != nil || kept != (named{"ann", "kept"}) {
			t.Errorf("use %d: %+v, %v", use, kept, err)
		}
		var fresh named
		if err := claims.Decode(&fresh); err != nil || fresh != (named{Name: "ann"}) {
			t.Errorf("use %d: %+v, %v", use, fresh, err)
		}
		ctx := jwtauth.NewContext(t.Context(), claims)
		if _, err := jwtauth.ClaimsAs[struct{ Level int }](ctx); !errors.Is(err, jwtauth.ErrClaimsInvalid) {
			t.Errorf("use %d: %v", use, err)
		}
		if err := claims.UnmarshalJSON([]byte(`{"name":"eve"}`)); err != nil {
			t.Fatal(err)
		}
		if other, err := jwtauth.ClaimsAs[named](ctx); err != nil || other.Name != "eve" {
			t.Errorf("use %d: after UnmarshalJSON: %+v, %v", use, other, err)
		}
	}
}
