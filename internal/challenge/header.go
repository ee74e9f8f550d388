package challenge

import (
	"net/http"
	"slices"
)

// Refusal is the part of a response that decides its challenges.
type Refusal struct {
	Status     int
	Parameters string // of each challenge, after the realm; may be empty
}

// Header writes the WWW-Authenticate headers of one protected part of a
// service. It prepares the usual ones. It is safe for concurrent use.
type Header struct {
	set      Set
	scope    string // a parameter of each 401, or empty
	prepared map[Refusal][]string
}

// NewHeader returns the Header for a set. The scope, if not empty, is a
// parameter of each 401, so that clients without a token learn it. The lines of
// the usual refusals are prepared.
func NewHeader(set Set, scope string, usual []Refusal) *Header {
	h := &Header{set: set, scope: scope, prepared: make(map[Refusal][]string, len(usual))}
	for _, r := range usual {
		h.prepared[r] = h.lines(r, "")
	}
	return h
}

// Values returns the values of the headers in the response to a refusal. More,
// if not empty, has further parameters. The caller may change the result.
func (h *Header) Values(r Refusal, more string) []string {
	if lines, ok := h.prepared[r]; ok && more == "" {
		return slices.Clone(lines)
	}
	return h.lines(r, more)
}

func (h *Header) lines(r Refusal, more string) []string {
	scope := h.scope
	if r.Status != http.StatusUnauthorized {
		scope = ""
	}
	return h.set.Lines(r.Parameters, scope, more)
}
