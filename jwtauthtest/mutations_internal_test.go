package jwtauthtest

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
)

// Each mutation has a unique name, changes the request, and does not change the
// token that other mutations use.
func TestMutations(t *testing.T) {
	token := mustParse(t, Token(t, "alice", nil))
	names := make(map[string]bool)
	for _, m := range mutations(nil) {
		if names[m.name] {
			t.Errorf("two mutations have the name %q", m.name)
		}
		names[m.name] = true
		if m.rule == "" || len(m.status) == 0 {
			t.Errorf("%s: no rule or no status", m.name)
		}
		before := httptest.NewRequest(http.MethodGet, "/", nil)
		setBearer(before, token.String())
		r := before.Clone(t.Context())
		if m.apply(r, token) && reflect.DeepEqual(r.Header["Authorization"], before.Header["Authorization"]) {
			t.Errorf("%s: the Authorization header is unchanged", m.name)
		}
		if !reflect.DeepEqual(token.members, mustParse(t, token.String()).members) {
			t.Fatalf("%s: changes the token of other mutations", m.name)
		}
	}
	if len(names) < 100 {
		t.Errorf("%d mutations, want at least 100", len(names))
	}
}
