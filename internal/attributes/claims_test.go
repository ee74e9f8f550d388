package attributes_test

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
)

func TestAppendClaims(t *testing.T) {
	key := attributes.Confirmation{Member: "x5t#S256", Value: `a"b`}
	for want, a := range map[string]attributes.Attributes{
		``:                                   {},
		`,"acr":"phr"`:                       {ACR: "phr"},
		`,"amr":["hwk","user"]`:              {AMR: []string{"hwk", "user"}},
		`,"cnf":{"x5t#S256":"a\"b"}`:         {Confirmation: key},
		`,"upd":7`:                           {Updates: 7},
		`,"acr":"\n","amr":["a"],"upd":1`:    {ACR: "\n", AMR: []string{"a"}, Updates: 1, CredentialVersion: new("7")},
		`,"acr":"1"`:                         {ACR: "1", BrowserSession: true, Data: []byte(`{"a":1}`)},
		`,"cnf":{"x5t#S256":"a\"b"},"upd":2`: {Confirmation: key, Updates: 2},
	} {
		if got := a.AppendClaims([]byte("{")); string(got) != "{"+want {
			t.Errorf("%s, want {%s", got, want)
		}
	}
}
