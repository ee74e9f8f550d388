package jwtauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

func readClaims(t testing.TB, text string) *jwtauth.Claims {
	t.Helper()
	claims := new(jwtauth.Claims)
	if err := json.Unmarshal([]byte(text), claims); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return claims
}

func TestClaimsUnmarshalJSON(t *testing.T) {
	claims := readClaims(t, `{"iss":"i","sub":"s","aud":"a","jti":"j","sid":"d","scope":"x y","exp":3,"nbf":1,"iat":2.5,"auth_time":-1,"name":"Ann"}`)
	got := fmt.Sprintf("%s %s %q %s %s %q", claims.Issuer, claims.Subject, claims.Audience, claims.ID, claims.SessionID, claims.Scope)
	if want := `i s ["a"] j d "x y"`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for name, date := range map[string][2]time.Time{
		"exp": {claims.ExpiresAt, time.Unix(3, 0)}, "nbf": {claims.NotBefore, time.Unix(1, 0)},
		"iat": {claims.IssuedAt, time.Unix(2, 500e6)}, "auth_time": {claims.AuthTime, time.Unix(-1, 0)},
	} {
		if !date[0].Equal(date[1]) {
			t.Errorf("%s is %v, want %v", name, date[0], date[1])
		}
	}
	var own struct{ Name string }
	if err := claims.Decode(&own); err != nil || own.Name != "Ann" {
		t.Errorf("decoded %+v, %v", own, err)
	}
}

// No claim is required and no time is checked: the verifier does that.
func TestClaimsUnmarshalJSONEmpty(t *testing.T) {
	claims := readClaims(t, `{}`)
	if !reflect.DeepEqual([]any{claims.Issuer, claims.Subject, claims.ID, claims.SessionID, claims.Scope, len(claims.Audience)}, []any{"", "", "", "", "", 0}) {
		t.Errorf("claims of an empty object: %+v", claims)
	}
	for _, date := range []time.Time{claims.ExpiresAt, claims.NotBefore, claims.IssuedAt, claims.AuthTime} {
		if !date.IsZero() {
			t.Errorf("an absent time is %v", date)
		}
	}
}

// Earlier claims are replaced. They stay if the text is refused.
func TestClaimsUnmarshalJSONReplaces(t *testing.T) {
	claims := readClaims(t, `{"sub":"old","aud":["a","b"],"scope":"x","name":"old"}`)
	for _, bad := range []string{`{"sub":"new","exp":"x"}`, `{"sub":"new","sub":"new"}`, `[]`, `{"sub":"new"`} {
		err := claims.UnmarshalJSON([]byte(bad))
		if !errors.Is(err, jwtauth.ErrClaimsInvalid) {
			t.Errorf("%s: %v, want ErrClaimsInvalid", bad, err)
		}
		if claims.Subject != "old" || len(claims.Audience) != 2 {
			t.Errorf("%s changes the claims to %+v", bad, claims)
		}
	}
	if err := claims.UnmarshalJSON([]byte(`{"sub":"new","aud":"c"}`)); err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "new" || !slices.Equal(claims.Audience, []string{"c"}) || claims.Scope != "" {
		t.Errorf("got %+v", claims)
	}
	own := map[string]any{}
	if err := claims.Decode(&own); err != nil || len(own) != 2 {
		t.Errorf("decoded %v, %v", own, err)
	}
}

// Claims keep no reference to the text, and a copy is independent.
func TestClaimsUnmarshalJSONCopies(t *testing.T) {
	text := []byte(`{"sub":"user-1","aud":"api","name":"Ann"}`)
	claims := new(jwtauth.Claims)
	if err := claims.UnmarshalJSON(text); err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] = 'x'
	}
	copied := *claims
	claims.Subject = "changed"
	var own struct{ Name string }
	if err := copied.Decode(&own); err != nil || own.Name != "Ann" || copied.Subject != "user-1" || copied.Audience[0] != "api" {
		t.Errorf("got %+v, %+v, %v", copied, own, err)
	}
}

// Errors name the fault and contain no claim value.
func TestClaimsFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"sub":7}`:                "sub is not a string",
		`{"aud":7}`:                "aud is neither a string nor an array of strings",
		`{"exp":"7"}`:              "exp is not a number",
		`{"exp":null}`:             "exp is not a number",
		`{"exp":1e300}`:            "out of range",
		`{"nbf":-99999999999}`:     "out of range",
		`{"iat":999999999999}`:     "out of range",
		`{"a":1,"a":"secret"}`:     `"a" is given twice`,
		`{"aud":1,"a\u0075d":2}`:   "aud is neither",
		`{"aud":"a","a\u0075d":2}`: `"aud" is given twice`,
		`{"a":"secret"`:            "the payload is JSON that was cut short",
		`["secret"]`:               "the payload is not a JSON object",
		``:                         "the payload, the second segment, is empty",
		`{"secret":"\ud800"}`:      "the payload has half of a surrogate pair",
		"{\"secret\":\"\xff\"}":    "the payload is not valid UTF-8",
		`{"sub":["secret"]}`:       "sub is not a string",
		`{"aud":["secret",null]}`:  "aud is neither",
	} {
		err := new(jwtauth.Claims).UnmarshalJSON([]byte(text))
		if !errors.Is(err, jwtauth.ErrClaimsInvalid) || !errors.Is(err, jwtauth.ErrTokenInvalid) {
			t.Errorf("%s: %v, want ErrClaimsInvalid", text, err)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestClaimsTimes(t *testing.T) {
	accepted := map[string]time.Time{
		`0`:                  time.Unix(0, 0),
		`-0`:                 time.Unix(0, 0),
		`1`:                  time.Unix(1, 0),
		`1800000000`:         time.Unix(1800000000, 0),
		`1800000000.0`:       time.Unix(1800000000, 0),
		`1800000000.5`:       time.Unix(1800000000, 500e6),
		`1800000000.75`:      time.Unix(1800000000, 750e6),
		`18e8`:               time.Unix(1800000000, 0),
		`1.8E+9`:             time.Unix(1800000000, 0),
		`18000000000e-1`:     time.Unix(1800000000, 0),
		`-1.5`:               time.Unix(-2, 500e6),
		`0.25`:               time.Unix(0, 250e6),
		`4294967296`:         time.Unix(1<<32, 0),
		`99999999999`:        time.Unix(99999999999, 0),
		`253402300799`:       time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		`253402300799.0`:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		`-62135596799`:       time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC),
		`-62135596800`:       {}, // the zero time, which counts as absent
		`0.0000000000000001`: time.Unix(0, 0),
	}
	for text, want := range accepted {
		if got := readClaims(t, `{"nbf":`+text+`}`).NotBefore; !got.Equal(want) {
			t.Errorf("%s is read as %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{
		`253402300800`, `253402300799.5`, `999999999999`, `9999999999999`, `9223372036854775807`, `18446744073709551616`,
		`-62135596801`, `-1e12`, `1e12`, `1e308`, `1e309`, `-1e309`, `1e999999999`, strings.Repeat("9", 400),
		`"1"`, `true`, `false`, `null`, `[1]`, `{"a":1}`,
	} {
		for _, name := range []string{"exp", "nbf", "iat"} {
			err := new(jwtauth.Claims).UnmarshalJSON([]byte(`{"` + name + `":` + text + `}`))
			if !errors.Is(err, jwtauth.ErrClaimsInvalid) {
				t.Errorf("%s %.20s: %v, want ErrClaimsInvalid", name, text, err)
			}
		}
		if got := readClaims(t, `{"auth_time":`+text+`}`).AuthTime; !got.IsZero() {
			t.Errorf("auth_time %.20s is read as %v, want none", text, got)
		}
	}
}

// A time is neither rounded to a second nor off by more than a float's
// precision.
func TestClaimsTimePrecision(t *testing.T) {
	for _, fraction := range []float64{0.1, 0.123456, 0.499999, 0.5, 0.999999} {
		got := readClaims(t, fmt.Sprintf(`{"exp":1800000000%s}`, fmt.Sprint(fraction)[1:])).ExpiresAt
		if off := math.Abs(got.Sub(time.Unix(1800000000, 0)).Seconds() - fraction); off > 1e-6 {
			t.Errorf("%v is off by %v s", fraction, off)
		}
	}
}

func TestClaimsAudience(t *testing.T) {
	for text, want := range map[string][]string{
		`"a"`:                 {"a"},
		`""`:                  {""},
		`[]`:                  nil,
		`["a"]`:               {"a"},
		`["a","b"]`:           {"a", "b"},
		`["b","a","b"]`:       {"b", "a", "b"},
		`[ "\u0061" , "a b"]`: {"a", "a b"},
	} {
		if got := readClaims(t, `{"aud":`+text+`}`).Audience; !slices.Equal(got, want) {
			t.Errorf("%s is read as %q, want %q", text, got, want)
		}
	}
}

func TestClaimsScope(t *testing.T) {
	cases := []struct {
		name, payload string
		scopeClaims   []string
		want          string
	}{
		{"none", `{}`, nil, ""},
		{"string", `{"scope":"read write"}`, nil, "read write"},
		{"empty string", `{"scope":""}`, nil, ""},
		{"array", `{"scope":["read","write"]}`, nil, "read write"},
		{"empty array", `{"scope":[]}`, nil, ""},
		{"array of one", `{"scope":["read"]}`, nil, "read"},
		{"element with a space", `{"scope":["read admin","write"]}`, nil, "write"},
		{"element with a space at its end", `{"scope":["read","admin "]}`, nil, "read"},
		{"empty elements", `{"scope":["","read","","write",""]}`, nil, "read write"},
		{"a claim that is not configured", `{"scp":["read"]}`, nil, ""},
		{"another claim", `{"scp":["read","write"]}`, []string{"scp"}, "read write"},
		{"another claim, a string", `{"scp":"read write"}`, []string{"scp"}, "read write"},
		{"two claims", `{"scope":"a","scp":["b","c"]}`, []string{"scp"}, "a b c"},
		{"two claims the other way", `{"scp":["b","c"],"scope":"a"}`, []string{"scp"}, "b c a"},
		{"two claims, the first empty", `{"scope":"","roles":"b"}`, []string{"roles"}, "b"},
		{"two claims, the last empty", `{"scope":"a","roles":""}`, []string{"roles"}, "a"},
		{"two arrays, the last empty", `{"scope":["a"],"roles":[]}`, []string{"roles"}, "a"},
		{"three claims", `{"roles":["x"],"scp":"y","scope":["z"]}`, []string{"roles", "scp"}, "x y z"},
		{"another claim in another case", `{"SCP":"a"}`, []string{"scp"}, ""},
		{"scope named again", `{"scope":"a"}`, []string{"scope"}, "a"},
	}
	f := forgeHS256(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := f.verifier(t, anyIssuer, anyAudience, anySubject, scopeClaims(c.scopeClaims...))
			payload := strings.TrimSuffix(c.payload, "}") + `,"exp":1800000900}`
			claims, err := v.VerifyToken(t.Context(), f.claims(strings.Replace(payload, "{,", "{", 1)))
			if err != nil {
				t.Fatal(err)
			}
			if claims.Scope != c.want {
				t.Errorf("%s: %q, want %q", c.payload, claims.Scope, c.want)
			}
			if c.scopeClaims == nil {
				if got := readClaims(t, c.payload).Scope; got != c.want {
					t.Errorf("%s: UnmarshalJSON reads %q, want %q", c.payload, got, c.want)
				}
			}
		})
	}
}

func TestHasScope(t *testing.T) {
	for _, c := range []struct {
		list, scope string
		want        bool
	}{
		{"read", "read", true},
		{"read write", "read", true},
		{"read write", "write", true},
		{"a read b", "read", true},
		{"read", "write", false},
		{"", "read", false},
		{"", "", false},
		{"read", "", false},
		{"read  write", "", false},
		{" read", "", false},
		{"read  write", "write", true},
		{"read write", "read write", false},
		{"readonly", "read", false},
		{"unread", "read", false},
		{"READ", "read", false},
		{"read:all", "read", false},
		{"read\twrite", "read", false},
		{"read", " read", false},
	} {
		if got := (&jwtauth.Claims{Scope: c.list}).HasScope(c.scope); got != c.want {
			t.Errorf("%q in %q: %v, want %v", c.scope, c.list, got, c.want)
		}
	}
}
