package guard

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// ErrPaused is returned by [Guard.Allow] when an account or a device has used
// up its budget. [jwtauth.WriteError] responds with 429, the code
// "too_many_attempts" and Retry-After (RFC 6585, section 4).
var ErrPaused = errors.New("jwtauth: too many failed attempts")

// pausedError is ErrPaused with the rest of the pause.
type pausedError struct{ wait time.Duration }

func (e *pausedError) Error() string        { return ErrPaused.Error() }
func (e *pausedError) Is(target error) bool { return target == ErrPaused }

// HTTPProblem implements the extension point of [jwtauth.ProblemOf].
func (e *pausedError) HTTPProblem() jwtauth.Problem {
	seconds := int64((e.wait + time.Second - 1) / time.Second)
	return jwtauth.Problem{
		Status: http.StatusTooManyRequests,
		Code:   "too_many_attempts",
		Title:  http.StatusText(http.StatusTooManyRequests),
		Detail: "Too many failed attempts. Try again later.",
		Header: http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}},
	}
}
