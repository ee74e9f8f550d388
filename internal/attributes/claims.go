package attributes

import (
	"strconv"

	"github.com/seed-0a072700/jwtauth/internal/jsonwrite"
)

// AppendClaims appends the claims of an access token that come from the
// attributes of its session, as JSON members with a comma before each.
func (a *Attributes) AppendClaims(dst []byte) []byte {
	if a.ACR != "" {
		dst = jsonwrite.String(append(dst, `,"acr":`...), a.ACR)
	}
	if len(a.AMR) > 0 {
		dst = jsonwrite.Strings(append(dst, `,"amr":`...), a.AMR)
	}
	dst = a.Confirmation.AppendClaim(dst)
	if a.Updates > 0 {
		dst = strconv.AppendInt(append(dst, `,"upd":`...), a.Updates, 10)
	}
	return dst
}

// AppendClaim appends the claim "cnf" with a comma before it, or nothing if c
// is the zero value.
func (c Confirmation) AppendClaim(dst []byte) []byte {
	if c.Member == "" {
		return dst
	}
	dst = jsonwrite.String(append(dst, `,"cnf":{`...), c.Member)
	return append(jsonwrite.String(append(dst, ':'), c.Value), '}')
}
