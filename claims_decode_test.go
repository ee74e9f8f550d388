package jwtauth_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func TestClaimsDecode(t *testing.T) {
	claims := readClaims(t, `{"sub":"user-1","name":"Ann","roles":["a"],"nested":{"x":1}}`)
	var own struct {
		Name   string
		Roles  []string
		Nested struct{ X int }
		Sub    string
	}
	if err := claims.Decode(&own); err != nil {
		t.Fatal(err)
	}
	if own.Name != "Ann" || !slices.Equal(own.Roles, []string{"a"}) || own.Nested.X != 1 || own.Sub != "user-1" {
		t.Errorf("decoded %+v", own)
	}
	var all map[string]any
	if err := claims.Decode(&all); err != nil || len(all) != 4 {
		t.Errorf("decoded %v, %v", all, err)
	}

	t.Run("misuse", func(t *testing.T) {
		for _, dst := range []any{own, nil, (*map[string]any)(nil)} {
			var misuse *json.InvalidUnmarshalError
			if err := claims.Decode(dst); errors.Is(err, jwtauth.ErrTokenInvalid) || !errors.As(err, &misuse) || !strings.HasPrefix(err.Error(), "jwtauth: Decode: ") {
				t.Errorf("%T: %v", dst, err)
			}
		}
	})
	t.Run("null", func(t *testing.T) {
		before := claims.Subject
		if err := claims.UnmarshalJSON([]byte("null")); err != nil || claims.Subject != before {
			t.Errorf("null changes the claims to %+v, %v", claims, err)
		}
	})
	t.Run("literal", func(t *testing.T) {
		own := map[string]any{"kept": true}
		if err := (&jwtauth.Claims{Subject: "user-1"}).Decode(&own); err != nil || len(own) != 1 {
			t.Errorf("decoded %v, %v", own, err)
		}
	})
}

// Decoding into a struct ignores the case of names, so ambiguous claims are
// refused before. Names that no field reads do not matter below the top level.
func TestClaimsDecodeAmbiguous(t *testing.T) {
	type user struct{ Role string }
	type own struct {
		Role  any
		User  user
		Users []user
		ByID  map[string]user `json:"by_id"`
		Orgs  map[string]any
		Raw   json.RawMessage
		Any   any
	}
	for text, want := range map[string]string{
		`{"role":"user","Role":"admin"}`:                      `two claims differ only in case: "Role"`,
		`{"ROLE":"user","rolE":"admin"}`:                      `two claims differ only in case: "rolE"`,
		"{\"skip\":1,\"\u017fkip\":2}":                        "two claims differ only in case: \"\u017fkip\"",
		"{\"ok\":1,\"o\u212a\":2}":                            "two claims differ only in case: \"o\u212a\"",
		`{"user":{"role":"user","Role":"admin"}}`:             "User.Role is given twice, perhaps in upper and lower case",
		`{"USER":{"role":"user","role":"admin"}}`:             "User.Role is given twice, perhaps in upper and lower case",
		`{"users":[{"role":"a"},{"role":"user","Role":"x"}]}`: "Users[1].Role is given twice, perhaps in upper and lower case",
		`{"by_id":{"ann":{"role":"user","Role":"x"}}}`:        "by_id.*.Role is given twice, perhaps in upper and lower case",
		`{"orgs":{"web":1,"web":2}}`:                          "Orgs has two members of the same name",

		`{"role":"user","roles":"admin","user":{"role":"x"}}`:          "",
		`{"users":[{"role":"a"},{"Role":"b"}]}`:                        "",
		`{"by_id":{"Ann":{"role":"a"},"ann":{"role":"b"}}}`:            "",
		`{"orgs":{"Web":{"roles":[1]},"web":{"roles":[2],"Roles":3}}}`: "",
		`{"raw":{"Web":1,"web":2},"any":{"Web":1,"web":2}}`:            "",
		`{"user":{"Web":1,"web":2},"unread":{"role":1,"Role":2}}`:      "",
	} {
		var got own
		err := readClaims(t, text).Decode(&got)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if !errors.Is(err, jwtauth.ErrClaimsInvalid) || err.Error() != "jwtauth: token claims invalid: "+want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
		if got.Role != nil || got.User.Role != "" || got.Users != nil || got.ByID != nil {
			t.Errorf("%s: refused, but decoded %+v", text, got)
		}
	}
	// A map keeps both names, so they are ambiguous for a struct only, except
	// at the top level, where registered claims are.
	var all map[string]any
	if err := readClaims(t, `{"role":"user","Role":"admin"}`).Decode(&all); !errors.Is(err, jwtauth.ErrClaimsInvalid) {
		t.Errorf("into a map: %v", err)
	}
}

// The exact errors of Decode and Get. They name the claim and the Go type, and
// hold no value.
func TestDecodeTexts(t *testing.T) {
	for _, c := range []struct {
		text string
		dst  any
		get  string // for Get; otherwise Decode
		want string
	}{
		{`{"email_verified":"true"}`, new(struct {
			Verified bool `json:"email_verified"`
		}), "", "email_verified is a string that does not fit bool"},
		{`{"level":300}`, new(map[string]int8), "", "* is a number that does not fit int8"},
		{`{"updated_at":1800000000}`, new(struct {
			Updated time.Time `json:"updated_at"`
		}), "", "updated_at is a number that does not fit time.Time"},
		{`{"resource_access":{"web":{"roles":"admin"}}}`, new(struct {
			Access map[string]struct{ Roles []string } `json:"resource_access"`
		}), "", "resource_access.*.Roles is a string that does not fit []string"},
		{`{"name":"secret"}`, new([]string), "", "the object of all claims is an object that does not fit []string"},
		{`{"name":"secret"}`, new(int), "name", "name is a string that does not fit int"},
		{`{"address":{"lines":["a",7]}}`, new(struct{ Lines []string }), "address", "address.Lines[1] is a number that does not fit string"},
		{`{"groups":["a",7]}`, new([]string), "groups", "groups[1] is a number that does not fit string"},
		{`{"address":{"city":"a","City":"b"}}`, new(struct{ City string }), "address", "address.City is given twice, perhaps in upper and lower case"},
	} {
		claims := readClaims(t, c.text)
		err := claims.Decode(c.dst)
		if c.get != "" {
			err = claims.Get(c.get, c.dst)
		}
		if !errors.Is(err, jwtauth.ErrClaimsInvalid) || err.Error() != "jwtauth: token claims invalid: "+c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestClaimsGet(t *testing.T) {
	claims := readClaims(t, `{"sub":"user-1","exp":1800000000,"Name":"B\u00e9a","name":"Ann","n":7,"f":1.5,"ok":true,"null":null,`+
		`"roles":["a","b"],"address":{"city":"Bern"},"\u0065sc":"x"}`)
	get := func(name string, dst, want any) {
		t.Helper()
		if err := claims.Get(name, dst); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, _ := json.Marshal(dst)
		if text, _ := json.Marshal(want); string(got) != string(text) {
			t.Errorf("%s: %s, want %s", name, got, text)
		}
	}
	get("sub", new(string), "user-1")
	get("exp", new(int64), 1800000000)
	get("Name", new(string), "Béa")
	get("name", new(string), "Ann")
	get("n", new(int), 7)
	get("n", new(float64), 7)
	get("n", new(json.Number), 7)
	get("f", new(float64), 1.5)
	get("ok", new(bool), true)
	get("roles", new([]string), []string{"a", "b"})
	get("roles", new([]any), []string{"a", "b"})
	get("address", new(struct{ City string }), struct{ City string }{"Bern"})
	get("address", new(map[string]any), map[string]string{"city": "Bern"})
	get("esc", new(string), "x")

	kept := "kept"
	get("NAME", &kept, "kept") // the name is exact
	get("absent", &kept, "kept")
	get("null", &kept, "kept")
	pointer := &kept
	get("absent", &pointer, "kept")
	get("null", &pointer, nil)
	list := []string{"kept"}
	get("absent", &list, list)
	get("null", &list, nil)

	for _, dst := range []any{nil, kept, (*string)(nil)} {
		for _, name := range []string{"name", "absent"} {
			if err := claims.Get(name, dst); err == nil || errors.Is(err, jwtauth.ErrTokenInvalid) || !strings.HasPrefix(err.Error(), "jwtauth: Get: ") {
				t.Errorf("%s into %T: %v", name, dst, err)
			}
		}
	}
	if err := (&jwtauth.Claims{Subject: "user-1"}).Get("sub", &kept); err != nil || kept != "kept" {
		t.Errorf("of a literal: %q, %v", kept, err)
	}
	// Other claims do not matter.
	if err := readClaims(t, `{"role":"user","Role":"admin"}`).Get("role", &kept); err != nil || kept != "user" {
		t.Errorf("beside an ambiguous name: %q, %v", kept, err)
	}
}

// BenchmarkClaims compares Get with ClaimsAs, for ten claims.
func BenchmarkClaims(b *testing.B) {
	type all struct {
		Iss, Sub, Aud, Jti, Name, Email string
		Exp, Iat, Level                 int64
		Roles                           []string
	}
	claims := readClaims(b, `{"iss":"https://issuer.example.com","sub":"user-1","aud":"api","exp":1800000900,"iat":1800000000,"jti":"0123456789",`+
		`"name":"Ann Example","email":"ann@example.com","level":7,"roles":["read","write","admin"]}`)
	ctx := jwtauth.NewContext(b.Context(), claims)
	b.Run("claims=all", func(b *testing.B) {
		for b.Loop() {
			if _, err := jwtauth.ClaimsAs[all](ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
	get := func(name string, dst any) {
		b.Run("claims="+name, func(b *testing.B) {
			for b.Loop() {
				if err := claims.Get(name, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	get("email", new(string))
	get("level", new(int64))
	get("roles", new([]string))
}
