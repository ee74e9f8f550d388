package stream_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/stream"
)

// problem is an error with an HTTP form of its own.
type problem struct {
	status int
	code   string
}

func (problem) Error() string { return "a problem" }

func (p problem) HTTPProblem() jwtauth.Problem {
	return jwtauth.Problem{Status: p.status, Code: p.code, Header: http.Header{}}
}

func TestCloseStatus(t *testing.T) {
	for _, test := range []struct {
		err    error
		code   int
		reason string
	}{
		{nil, 1000, ""},
		{context.Canceled, 1001, "going_away"},
		{fmt.Errorf("reading: %w", context.Canceled), 1001, "going_away"},
		{jwtauth.ErrTokenExpired, 4401, "token_expired"},
		{jwtauth.ErrTokenInvalid, 4401, "token_invalid"},
		{fmt.Errorf("%w: %w", jwtauth.ErrTokenInvalid, jwtauth.ErrSessionEnded), 4401, "token_invalid"},
		{jwtauth.ErrTokenMissing, 4401, "token_missing"},
		{jwtauth.ErrForbidden, 4403, "forbidden"},
		{jwtauth.ErrInvalidRequest, 4400, "invalid_request"},
		{jwtauth.ErrUnavailable, 1013, "unavailable"},
		{fmt.Errorf("%w: %w", jwtauth.ErrUnavailable, context.Canceled), 1013, "unavailable"},
		{context.DeadlineExceeded, 1013, "unavailable"},
		{errors.New("a bug"), 1011, "internal_error"},
		{problem{429, "slow_down"}, 4429, "slow_down"},
		{problem{504, "gateway"}, 1011, "gateway"},
		{problem{409, strings.Repeat("x", 123)}, 4409, strings.Repeat("x", 123)},
		{problem{409, strings.Repeat("x", 124)}, 4409, ""}, // a close frame has no room for it
		{problem{409, "\xff"}, 4409, ""},                   // not UTF-8
	} {
		if code, reason := stream.CloseStatus(test.err); code != test.code || reason != test.reason {
			t.Errorf("%v: %d %q, want %d %q", test.err, code, reason, test.code, test.reason)
		}
	}
}
