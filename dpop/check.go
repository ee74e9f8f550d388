package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/credentials"
)

// member is the member of "cnf" with the thumbprint of a key (RFC 9449, section
// 6.1).
const member = "jkt"

var (
	errUnbound    = fmt.Errorf("%w: it is not bound to a key (cnf.jkt), so it cannot be sent with the scheme DPoP", jwtauth.ErrTokenInvalid)
	errBoundPlain = fmt.Errorf("%w: it is bound to a key (cnf.jkt), so it must be sent with the scheme DPoP and a proof", jwtauth.ErrTokenInvalid)
	errOtherBound = fmt.Errorf("%w: it is bound to a key by a member of cnf other than jkt", jwtauth.ErrTokenInvalid)
	errBearer     = fmt.Errorf("%w: it was not sent with the scheme DPoP", jwtauth.ErrTokenInvalid)
)

// Check checks that a request proves possession of the key that its token is
// bound to. It is for [jwtauth.ProofOfPossession]; [Verifier.VerifyOptions]
// includes it.
//
// It returns [ErrProofInvalid] or [ErrNonceNeeded] because of the proof,
// [jwtauth.ErrTokenInvalid] if the token and the scheme do not belong together,
// and [jwtauth.ErrUnavailable] if the ReplayStore fails.
func (v *Verifier) Check(r *http.Request, token string, c *jwtauth.Claims) error {
	thumbprint, ok := confirmation(c, member)
	if !ok {
		return errOtherBound
	}
	switch withScheme := hasScheme(r); {
	case withScheme && thumbprint == "":
		return errUnbound
	case !withScheme && thumbprint != "":
		return errBoundPlain
	case !withScheme && !v.allowBearer:
		return errBearer
	case !withScheme:
		return nil
	}
	hash := sha256.Sum256([]byte(token))
	_, err := v.prove(r, v.replay, thumbprint, base64.RawURLEncoding.EncodeToString(hash[:]))
	return v.respond(err, http.StatusUnauthorized)
}

// Confirmation returns "jkt" and the thumbprint of the key that a login or a
// refresh has proved possession of. It is for
// [jwtauth.HandlerOptions.Confirmation]: new sessions are bound to the key, and
// refreshes of a bound session need a proof by the same key.
//
// Without a proof it returns an error, or "" if Options.AllowBearer is set. Its
// errors are those of [Verifier.Check].
func (v *Verifier) Confirmation(r *http.Request) (cnfMember, value string, err error) {
	if v.allowBearer && len(r.Header[proofHeader]) == 0 {
		return "", "", nil
	}
	thumbprint, err := v.prove(r, v.logins, "", "")
	if err != nil {
		return "", "", v.respond(err, http.StatusBadRequest)
	}
	return member, thumbprint, nil
}

// hasScheme reports whether the token was sent with the scheme DPoP.
func hasScheme(r *http.Request) bool {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return false
	}
	token, err := credentials.Scheme(values[0], "DPoP")
	return err == nil && token != ""
}

// proofHeader is "DPoP" in the form of net/http.
const proofHeader = "Dpop"

// prove checks the proof of a request (RFC 9449, section 4.3) and returns the
// thumbprint of its key. The key must be that of thumbprint, and "ath" must be
// hash, unless they are empty.
func (v *Verifier) prove(r *http.Request, replay ReplayStore, thumbprint, hash string) (string, error) {
	switch n := len(r.Header[proofHeader]); {
	case n == 0:
		return "", refused("the request has no DPoP header")
	case n > 1:
		return "", refused("the request has several DPoP headers")
	}
	p, err := v.proofs.read(r.Header[proofHeader][0])
	if err != nil {
		return "", err
	}
	// The key is compared before its signature is checked, because that is
	// cheaper.
	by := p.by.thumbprint
	if thumbprint != "" && by != thumbprint {
		return "", refused("jwk is not the key that the token is bound to (cnf.jkt)")
	}
	c, err := p.verify()
	if err != nil {
		return "", err
	}
	if p.new {
		v.proofs.keys.put(p.text[:p.first], p.by)
	}
	now := v.now()
	until, err := v.checkClaims(r, c, hash, now)
	if err != nil {
		return "", err
	}
	return by, once(r.Context(), replay, by, c.id, now, until)
}

// checkClaims checks that a proof is for this request. It returns the time
// until which the proof would be accepted.
func (v *Verifier) checkClaims(r *http.Request, c claims, hash string, now time.Time) (until time.Time, err error) {
	switch {
	case c.method != r.Method:
		return time.Time{}, refused("htm is not the method of the request")
	case !v.proofs.base.matches(c.target, r):
		return time.Time{}, refused(fmt.Sprintf("htu is not the URL of the request: Options.URL (%s) and the path", v.proofs.base))
	case hash != "" && c.hash == "":
		return time.Time{}, refused("ath is missing: the proof is not for an access token")
	case hash != "" && c.hash != hash:
		return time.Time{}, refused("ath is not the hash of this access token")
	}
	if v.nonces != nil {
		until, ok := v.nonces.check(c.nonce, now)
		if !ok {
			return time.Time{}, ErrNonceNeeded
		}
		return until, nil // the nonce says when the proof was made
	}
	age := now.Sub(c.time())
	switch {
	case age > v.window:
		return time.Time{}, refused(fmt.Sprintf("iat is more than Options.Window (%v) ago, by the clock of this service", v.window))
	case age < -v.window:
		return time.Time{}, refused(fmt.Sprintf("iat is more than Options.Window (%v) ahead of the clock of this service", v.window))
	}
	return c.time().Add(v.window), nil
}

// clockSkew is the difference that is tolerated between the clocks of two
// instances: one with a slow clock accepts a proof for longer.
const clockSkew = 10 * time.Second

// once refuses a proof that was accepted before. Clients choose "jti", so it
// counts together with the key.
func once(ctx context.Context, replay ReplayStore, thumbprint, id string, now, until time.Time) error {
	var stack [128]byte // longer ids go to the heap
	sum := sha256.Sum256(append(append(append(stack[:0], thumbprint...), 0), id...))
	added, err := replay.Add(ctx, base64.RawURLEncoding.EncodeToString(sum[:]), now, until.Add(clockSkew))
	switch {
	case err != nil && errors.Is(err, jwtauth.ErrUnavailable):
		return err
	case err != nil:
		return fmt.Errorf("%w: dpop.Options.Replay: %w", jwtauth.ErrUnavailable, err)
	case !added:
		return refused("the proof was used before (jti)")
	}
	return nil
}
