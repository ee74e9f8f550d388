// Package problem writes the responses to refused requests (RFC 9457).
package problem

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
)

// Response is the response to a class of errors.
type Response struct {
	Status     int
	Code       string // stable, for clients to switch on
	Detail     string // one sentence for people
	Challenge  bool   // has a WWW-Authenticate header
	Parameters string // of the challenge, after the realm

	// RetryWithin is the greatest Retry-After in seconds; the least is 1. The
	// value is random, so that clients refused together do not return together.
	// 0 means no such header.
	RetryWithin int

	body []byte
}

// prepare returns r with its body.
func prepare(r Response) *Response {
	r.body = Body(r.Status, r.Code, http.StatusText(r.Status), r.Detail)
	return &r
}

// Refusal returns the part of the response that decides its challenges.
func (r *Response) Refusal() challenge.Refusal {
	return challenge.Refusal{Status: r.Status, Parameters: r.Parameters}
}

// SetHeader sets the headers of the response in h, except Content-Type. More,
// if not empty, has further parameters of the challenges.
func (r *Response) SetHeader(h http.Header, challenges *challenge.Header, more string) {
	h["Cache-Control"] = []string{"no-store"}
	if r.Challenge {
		h["Www-Authenticate"] = challenges.Values(r.Refusal(), more)
	}
	if r.RetryWithin > 0 {
		h["Retry-After"] = []string{strconv.Itoa(1 + rand.IntN(r.RetryWithin))}
	}
}

// Write writes the response. More is as for SetHeader.
func (r *Response) Write(w http.ResponseWriter, challenges *challenge.Header, more string) {
	r.SetHeader(w.Header(), challenges, more)
	Write(w, r.Status, r.body)
}

// Body returns a body in the format of RFC 9457, section 3, with the type
// "about:blank". An empty code or detail is left out.
func Body(status int, code, title, detail string) []byte {
	body, _ := json.Marshal(struct { // strings and numbers always can be marshaled
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		Code   string `json:"code,omitempty"`
	}{title, status, detail, code})
	return append(body, '\n')
}

// Write writes a response whose headers are set. It deletes the headers that
// describe the response that a handler meant to send.
func Write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		delete(h, name)
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
