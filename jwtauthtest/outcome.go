package jwtauthtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// outcome is the result of one request.
type outcome struct {
	status   int
	header   http.Header
	body     string
	calls    int64 // calls of the handler; wrong if other requests run concurrently
	panicked any
}

// faults returns the faults in the response to a changed request, each with the
// rule that it breaks. A 401 must have a challenge of the scheme.
func (m *mutation) faults(o outcome, scheme string, secrets []string) (faults []string) {
	report := func(rule, format string, args ...any) {
		faults = append(faults, fmt.Sprintf(format, args...)+"; "+rule)
	}
	switch {
	case o.calls > 0:
		report(m.rule, "the request reached the handler (status %d), want status %s", o.status, statuses(m.status))
	case o.panicked != nil:
		report(rulePanic, "the middleware panicked (%v), want status %s", o.panicked, statuses(m.status))
		return faults // net/http closes the connection
	case !slices.Contains(m.status, o.status):
		report(ruleStatus, "status %d, want %s", o.status, statuses(m.status))
	}
	if o.status == http.StatusUnauthorized && !challenges(o.header, scheme) {
		report(ruleChallenge, "status 401 without a %s challenge", scheme)
	}
	if place := echoes(o, secrets); place != "" {
		report(ruleEcho, "the response contains a part of the token in its %s", place)
	}
	return faults
}

func statuses(list []int) string {
	texts := make([]string, len(list))
	for i, status := range list {
		texts[i] = strconv.Itoa(status)
	}
	return strings.Join(texts, " or ")
}

// challenges reports whether a response has a challenge of the scheme.
func challenges(h http.Header, scheme string) bool {
	for _, field := range h.Values("WWW-Authenticate") {
		for word := range strings.FieldsFuncSeq(field, func(c rune) bool { return c == ' ' || c == ',' }) {
			if strings.EqualFold(word, scheme) {
				return true
			}
		}
	}
	return false
}

// echoes returns the part of the response that contains one of secrets, or "".
func echoes(o outcome, secrets []string) string {
	for _, secret := range secrets {
		if strings.Contains(o.body, secret) {
			return "body"
		}
		for name, fields := range o.header {
			if slices.ContainsFunc(fields, func(field string) bool { return strings.Contains(field, secret) }) {
				return name + " header"
			}
		}
	}
	return ""
}
