package jwtauth_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// The error for a request without a token says why the Authorization header
// does not count. The value of the header does not appear in it.
func TestMissingTokenExplains(t *testing.T) {
	const start = "jwtauth: no token: the Authorization header has "
	for _, c := range []struct {
		header string
		source jwtauth.Source
		want   string
	}{
		{"", jwtauth.Bearer(), "jwtauth: no token"},
		{"JWT c2Vj.cmV0.c2Vj", jwtauth.Bearer(), start + `a scheme that no source reads; Bearer() reads "Bearer " and the token, HeaderScheme another scheme`},
		{"Basic c2VjcmV0", jwtauth.Bearer(), start + `a scheme that no source reads; Bearer() reads "Bearer " and the token, HeaderScheme another scheme`},
		{"c2Vj.cmV0.c2Vj", jwtauth.Bearer(), start + `a token without a scheme: send "Bearer " before it`},
		{"Bearer c2Vj.cmV0.c2Vj", jwtauth.Header("X-Token"), start + "the scheme Bearer, which no source reads: add Bearer() to From"},
	} {
		var got error
		onError := jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
			got = err
			jwtauth.WriteError(w, r, err)
		})
		r := get("")
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		checkAnswer(t, serve(jwtauth.Verify(subjects, jwtauth.From(c.source), onError)(greet), r), answerMissing)
		if got.Error() != c.want || !errors.Is(got, jwtauth.ErrTokenMissing) {
			t.Errorf("%.10s: %v, want %s", c.header, got, c.want)
		}
		got = nil
		anonymous := jwtauth.Verify(subjects, jwtauth.From(c.source), onError, jwtauth.Optional())(jwtauth.RequireScope("a")(greet))
		withScope := answerMissing
		withScope.challenge += `, scope="a"` // RequireScope is directly behind Verify
		checkAnswer(t, serve(anonymous, r), withScope)
		if got.Error() != c.want {
			t.Errorf("%.10s behind Optional: %v, want %s", c.header, got, c.want)
		}
	}
}
