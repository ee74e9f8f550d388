package jwtauthtest

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
)

// Each mutation has a name of its own, differs from the request that passes, and leaves that as it was.
func TestMutations(t *testing.T) {
	token := mustParse(t, Token(t, "alice", nil))
	names := make(map[string]bool)
	for _, m := range mutations(nil) {
		if names[m.name] {
			t.Errorf("two mutations are called %q", m.name)
		}
		names[m.name] = true
		if m.rule == "" || len(m.status) == 0 {
			t.Errorf("%s: no rule or no status", m.name)
		}
		before := httptest.NewRequest(http.MethodGet, "/", nil)
		setBearer(before, token.String())
		r := before.Clone(t.Context())
		if m.apply(r, token) && reflect.DeepEqual(r.Header["Authorization"], before.Header["Authorization"]) {
			t.Errorf("%s: the Authorization field is as it was", m.name)
		}
		if !reflect.DeepEqual(token.members, mustParse(t, token.String()).members) {
			t.Fatalf("%s: changed the token of others", m.name)
		}
	}
	if len(names) < 100 {
		t.Errorf("%d mutations, want at least 100", len(names))
	}
}
