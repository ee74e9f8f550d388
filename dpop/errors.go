package dpop

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/seed-0a072700/jwtauth"
)

var (
	// ErrProofInvalid is returned when a request has no proof, or one that is
	// refused (RFC 9449, sections 5 and 7.1, invalid_dpop_proof). The status is
	// 401 for a request with a token, and 400 for a login or a refresh.
	ErrProofInvalid = errors.New("jwtauth: dpop: proof refused")

	// ErrNonceNeeded is returned when a proof lacks a current nonce of this
	// service (RFC 9449, sections 8 and 9, use_dpop_nonce). The response holds
	// one in the header DPoP-Nonce. The status is as for ErrProofInvalid.
	ErrNonceNeeded = errors.New("jwtauth: dpop: the proof needs a nonce of this service")
)

// refusal is the reason for refusing a proof.
type refusal struct{ reason string }

func (r *refusal) Error() string        { return ErrProofInvalid.Error() + ": " + r.reason }
func (r *refusal) Is(target error) bool { return target == ErrProofInvalid }

func refused(reason string) error { return &refusal{reason} }

// proofError is an error about a proof with its HTTP form.
type proofError struct {
	error
	problem jwtauth.Problem
}

func (e *proofError) Unwrap() error                { return e.error }
func (e *proofError) HTTPProblem() jwtauth.Problem { return e.problem }

// respond adds the HTTP form to an error about a proof. Other errors stay.
func (v *Verifier) respond(err error, status int) error {
	if err == nil {
		return nil
	}
	code, detail := "invalid_dpop_proof", "The DPoP proof is missing or invalid."
	header := make(http.Header)
	switch {
	case errors.Is(err, ErrNonceNeeded):
		code, detail = "use_dpop_nonce", "The DPoP proof needs the nonce of this response."
		header[nonceHeader] = []string{v.nonces.current(v.now())}
	case !errors.Is(err, ErrProofInvalid):
		return err
	}
	if status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", fmt.Sprintf(`DPoP error=%q, error_description=%q, algs=%q`, code, detail, v.algs))
	}
	return &proofError{err, jwtauth.Problem{Status: status, Code: code, Detail: detail, Header: header}}
}
