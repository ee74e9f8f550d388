package attributes_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
	"github.com/seed-0a072700/jwtauth/internal/faults"
)

func TestSet(t *testing.T) {
	longest, tooLong := strings.Repeat("x", 256), strings.Repeat("x", 257)
	type set = func(*attributes.Attributes, *faults.Collector)
	authentication := func(acr string, amr ...string) set {
		return func(a *attributes.Attributes, f *faults.Collector) { a.SetAuthentication(f, "By", acr, amr) }
	}
	data := func(v any) set {
		return func(a *attributes.Attributes, f *faults.Collector) { a.SetData(f, "Data", v) }
	}
	version := func(v string) set {
		return func(a *attributes.Attributes, f *faults.Collector) { a.SetCredentialVersion(f, "Version", v) }
	}
	confirmation := func(member, value string) set {
		return func(a *attributes.Attributes, f *faults.Collector) { a.SetConfirmation(f, "Key", member, value) }
	}
	for _, c := range []struct {
		name string
		set  set
		want string // the faults, or the encoding
	}{
		{"acr and amr", authentication("phr", "hwk", "user"), `{"acr":"phr","amr":["hwk","user"]}`},
		{"no acr", authentication("", "pwd"), `{"amr":["pwd"]}`},
		{"longest acr", authentication(longest), `{"acr":"` + longest + `"}`},
		{"acr too long", authentication(tooLong), "jwtauth: By: acr: is 257 bytes long; the maximum is 256"},
		{"acr far too long", authentication(strings.Repeat("x", 1025)), "jwtauth: By: acr: is 1025 bytes long; the maximum is 1024"},
		{"acr with a control character", authentication("a\n"), "jwtauth: By: acr: contains a control character"},
		{"an empty method", authentication("", "pwd", ""), "jwtauth: By: amr[1]: is empty"},
		{"most methods", authentication("", strings.Split(strings.Repeat("a ", 15)+"a", " ")...), `{"amr":["a"` + strings.Repeat(`,"a"`, 15) + `]}`},
		{"too many methods", authentication("", strings.Split(strings.Repeat("a ", 16)+"a", " ")...), "jwtauth: By: amr: has 17 methods; the maximum is 16"},
		{"data", data(map[string]int{"a": 1}), `{"data":{"a":1}}`},
		{"longest data", data(strings.Repeat("x", 1022)), `{"data":"` + strings.Repeat("x", 1022) + `"}`},
		{"data too long", data(strings.Repeat("x", 1023)), "jwtauth: Data: v: is 1025 bytes of JSON; the maximum is 1024"},
		{"data of a type without an encoding", data([]any{func() {}}), "jwtauth: Data: v: contains the type func(), which JSON cannot represent"},
		{"data that fails to encode itself", data([]any{failing{}}), "jwtauth: Data: v: cannot be encoded: MarshalJSON or MarshalText of the type attributes_test.failing returned an error, or invalid JSON"},
		{"data with an invalid encoding", data(invalid{}), "jwtauth: Data: v: cannot be encoded: MarshalJSON or MarshalText of the type attributes_test.invalid returned an error, or invalid JSON"},
		{"data without an encoding", data(math.NaN()), "jwtauth: Data: v: contains a value that JSON cannot represent, such as NaN or a cycle"},
		{"version", version("7"), `{"cv":"7"}`},
		{"empty version", version(""), `{"cv":""}`},
		{"longest version", version(longest), `{"cv":"` + longest + `"}`},
		{"version too long", version(tooLong), "jwtauth: Version: v: is 257 bytes long; the maximum is 256"},
		{"key", confirmation("jkt", "abc"), `{"cnf":{"m":"jkt","v":"abc"}}`},
		{"half a key", confirmation("", "abc"), "jwtauth: Key: member: is empty"},
		{"the other half", confirmation("jkt", ""), "jwtauth: Key: value: is empty"},
	} {
		var a attributes.Attributes
		var f faults.Collector
		c.set(&a, &f)
		got := ""
		if err := f.Err(); err != nil {
			got = err.Error()
		} else {
			got = encode(t, a)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// failing cannot be encoded.
type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("secret") }

// invalid writes no JSON.
type invalid struct{}

func (invalid) MarshalJSON() ([]byte, error) { return []byte("secret"), nil }

func TestCleanLabel(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "",
		" Firefox on Linux\r\n":           "Firefox on Linux",
		"a\x00b\u202ec\xffd":              "abcd",
		strings.Repeat("x", 129):          strings.Repeat("x", 128),
		strings.Repeat("x", 127) + "é":    strings.Repeat("x", 127),
		strings.Repeat("\x00", 511) + "a": "a",
		strings.Repeat("\x00", 512) + "a": "",
	} {
		if got := attributes.CleanLabel(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
