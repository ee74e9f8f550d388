package jwtauth

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// Require returns middleware that calls the next handler only for requests
// whose claims pass check. It belongs behind [Verify], whose OnError responds
// to the refusals.
//
// An error of check refuses the request with 403, and matches [ErrForbidden] as
// well as itself. Errors with an HTTP form of their own (see [WriteError]),
// such as [ErrUnavailable], keep it. An anonymous request, or one without a
// Verify around it, is refused with [ErrTokenMissing]. check must be safe for
// concurrent use.
//
// Require panics if check or the next handler is nil.
func Require(check func(*Claims) error) func(next http.Handler) http.Handler {
	if check == nil {
		panic("jwtauth: Require: check is nil")
	}
	return require(check, "")
}

func require(check func(*Claims) error, scope string) func(next http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if faults.IsNil(next) {
			panic("jwtauth: Require: the next handler is nil")
		}
		return &requireHandler{next: next, check: check, scope: scope}
	}
}

// requireHandler is a type of its own, so that Verify finds the scope.
type requireHandler struct {
	next  http.Handler
	check func(*Claims) error
	scope string // parameter of a challenge, or empty
}

func (h *requireHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := requestOf(r.Context())
	if c == nil {
		WriteError(w, r, errNoVerify)
		return
	}
	if c.claims == nil {
		c.verify.refuse(w, r, errMissing(r))
		return
	}
	if err := h.check(c.claims); err != nil {
		c.verify.refuse(w, r, asRefusal(err))
		return
	}
	h.next.ServeHTTP(w, r)
}

var errNoVerify = fmt.Errorf("%w: there is no Verify around this handler", ErrTokenMissing)

// asRefusal makes a 403 of an error without an HTTP form.
func asRefusal(err error) error {
	if hasResponse(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrForbidden, err)
}

// RequireScope returns middleware that calls the next handler only for requests
// whose token has all of scopes. Other requests are refused with
// [ErrInsufficientScope], and the challenge names the scopes (RFC 6750, section
// 3.1). RequireScope panics without scopes, and if one is not a scope-token
// (RFC 6749, section 3.3).
func RequireScope(scopes ...string) func(next http.Handler) http.Handler {
	if len(scopes) == 0 {
		panic("jwtauth: RequireScope: scopes is empty")
	}
	for i, scope := range scopes {
		if !challenge.IsListItem(scope) {
			panic(fmt.Sprintf("jwtauth: RequireScope: scopes[%d]: %q is not a scope", i, scope))
		}
	}
	list := strings.Join(scopes, " ")
	missing := &requirementError{
		sentinel:   ErrInsufficientScope,
		text:       ErrInsufficientScope.Error() + ": " + list,
		parameters: challenge.Parameter("scope", list),
	}
	scopes = strings.Fields(list) // a copy
	return require(func(c *Claims) error {
		for _, scope := range scopes {
			if !c.HasScope(scope) {
				return missing
			}
		}
		return nil
	}, missing.parameters)
}

// RequireFresh returns middleware that calls the next handler only for requests
// whose subject logged in at most maxAge ago, according to the token's
// "auth_time". With values of acr, the login must also have been of one of
// these kinds, according to the token's "acr". Other requests, and tokens
// without these claims, are refused with [ErrInsufficientAuthentication], and
// the challenge says which login is needed (RFC 9470, section 3).
//
// An auth_time in the future passes only within the Leeway of the verifier.
//
// RequireFresh panics if maxAge is less than one second, and if a value of acr
// is empty or contains a space, a quote, a backslash or a character outside of
// printable ASCII.
func RequireFresh(maxAge time.Duration, acr ...string) func(next http.Handler) http.Handler {
	if maxAge < time.Second {
		panic("jwtauth: RequireFresh: maxAge is less than one second")
	}
	for i, value := range acr {
		if !challenge.IsListItem(value) {
			panic(fmt.Sprintf("jwtauth: RequireFresh: acr[%d]: %q cannot be in acr_values", i, value))
		}
	}
	acr = slices.Clone(acr)
	parameters := challenge.Parameter("max_age", strconv.FormatInt(int64(maxAge/time.Second), 10))
	if len(acr) > 0 {
		parameters = challenge.Parameter("acr_values", strings.Join(acr, " ")) + ", " + parameters
	}
	refusal := func(reason string) error {
		return &requirementError{
			sentinel:   ErrInsufficientAuthentication,
			text:       ErrInsufficientAuthentication.Error() + ": " + reason,
			parameters: parameters,
		}
	}
	noACR, otherACR := refusal("the token has no acr"), refusal(fmt.Sprintf("acr is not one of %q", acr))
	noTime, future := refusal("the token has no auth_time"), refusal("auth_time is in the future")
	stale := refusal(fmt.Sprintf("auth_time is more than %v ago", maxAge))
	return Require(func(c *Claims) error {
		now, leeway := c.verifiedAt, c.leeway
		if now.IsZero() {
			now, leeway = time.Now(), defaultLeeway
		}
		age := now.Sub(c.AuthTime)
		switch {
		case len(acr) > 0 && c.AuthContext == "":
			return noACR
		case len(acr) > 0 && !slices.Contains(acr, c.AuthContext):
			return otherACR
		case c.AuthTime.IsZero():
			return noTime
		case age > maxAge:
			return stale
		case age < -leeway:
			return future
		}
		return nil
	})
}
