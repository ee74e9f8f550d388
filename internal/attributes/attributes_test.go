package attributes_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
)

func encode(t *testing.T, a attributes.Attributes) string {
	t.Helper()
	text, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRoundTrip(t *testing.T) {
	for name, a := range map[string]attributes.Attributes{
		"zero":         {},
		"acr":          {ACR: "phr"},
		"amr":          {AMR: []string{"hwk", "user"}},
		"data":         {Data: json.RawMessage(`{"org":"acme","n":[1,2]}`)},
		"no version":   {CredentialVersion: new("")},
		"version":      {CredentialVersion: new("7")},
		"confirmation": {Confirmation: attributes.Confirmation{Member: "jkt", Value: "abc"}},
		"browser":      {BrowserSession: true},
		"updates":      {Updates: 1<<53 - 1},
		"all": {
			ACR: "a", AMR: []string{"b"}, Data: json.RawMessage(`"x"`), CredentialVersion: new("v"),
			Confirmation:   attributes.Confirmation{Member: "x5t#S256", Value: "y"},
			BrowserSession: true, Updates: 3,
		},
	} {
		text := encode(t, a)
		got, err := attributes.Decode(text)
		if err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, a)
		}
		if again := encode(t, got); again != text {
			t.Errorf("%s: encoded as %s and then as %s", name, text, again)
		}
		if (text == "") != (name == "zero") {
			t.Errorf("%s: encoded as %q", name, text)
		}
	}
}

// Members of a newer version survive a change by an older one.
func TestUnknownMembers(t *testing.T) {
	a, err := attributes.Decode(`{"acr":"x","new":{"a":[1]}}`)
	if err != nil {
		t.Fatal(err)
	}
	a.ACR = "y"
	if got := encode(t, a); got != `{"acr":"y","new":{"a":[1]}}` {
		t.Errorf("encoded as %s", got)
	}
}

func TestMalformed(t *testing.T) {
	for _, text := range []string{
		"x", "null", "7", `"secret"`, `["secret"]`, `{"acr":7}`, `{"amr":"secret"}`, `{"upd":"secret"}`, `{"upd":1.5}`,
		`{"cnf":"secret"}`, `{"bs":1}`, `{"cv":[]}`, `{"acr":"a"} x`, `{"x":"` + strings.Repeat("x", attributes.MaxBytes) + `"}`,
	} {
		a, err := attributes.Decode(text)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.40s: %+v, %v; want an error that quotes no text", text, a, err)
		}
	}
}

func TestLimit(t *testing.T) {
	longest := attributes.MaxBytes - len(`{"acr":""}`)
	if text := encode(t, attributes.Attributes{ACR: strings.Repeat("x", longest)}); len(text) != attributes.MaxBytes {
		t.Errorf("%d bytes", len(text))
	} else if _, err := attributes.Decode(text); err != nil {
		t.Error(err)
	}
	if _, err := (attributes.Attributes{ACR: strings.Repeat("x", longest+1)}).Encode(); err == nil {
		t.Error("one byte more is accepted")
	}
	if _, err := (attributes.Attributes{Data: json.RawMessage("{")}).Encode(); err == nil {
		t.Error("data that is not JSON is accepted")
	}
}
