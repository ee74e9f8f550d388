package scopes_test

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/scopes"
)

func TestAdd(t *testing.T) {
	for _, c := range []struct {
		list, json, want string
		ok               bool
	}{
		{"", `"read write"`, "read write", true},
		{"read", `"write"`, "read write", true},
		{"read", `""`, "read", true},
		{"", `["read","write"]`, "read write", true},
		{"read", `["write"]`, "read write", true},
		{"read", `[]`, "read", true},
		{"", `["read","","write all","write"]`, "read write", true},
		{"read", `["write",1]`, "read", false},
		{"read", `null`, "read", false},
		{"read", `{"write":true}`, "read", false},
		{"read", `1`, "read", false},
	} {
		v, ok := jsonscan.ObjectOf(`{"scope":` + c.json + `}`).Member("scope")
		if !ok {
			t.Fatal(c.json)
		}
		if got, ok := scopes.Add(c.list, v); got != c.want || ok != c.ok {
			t.Errorf("%q and %s: %q, %v, want %q", c.list, c.json, got, ok, c.want)
		}
	}
}
