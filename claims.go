package jwtauth

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// Registered claims: those that this package reads or writes itself, and that a
// caller therefore cannot set. "scope" is read too, but is the caller's to set.
var registeredClaims = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "auth_time", "gen"}

// How a claims object may be at fault. All are made once: refusing costs no more than accepting.
var (
	errPayloadEncoding = claimsFault("not canonical base64url")
	errPayloadJSON     = claimsFault("not one strict JSON object")
	errClaimType       = claimsFault("a registered claim is of the wrong type")
	errClaimDate       = claimsFault("a date is out of range")
	errExpMissing      = claimsFault("exp missing")
	errIatMissing      = claimsFault("iat missing, but MaxAge is set")
)

func claimsFault(text string) error { return fmt.Errorf("%w: %s", ErrClaimsInvalid, text) }

// scan reads a claims object in one pass into c, which must be zero. Registered claims are matched
// by their exact names and must be of the type that their definition gives them;
// null is no value for any. Nothing else is decoded.
func (c *Claims) scan(payload string, scopeClaims []string) error {
	c.payload = payload
	s := jsonscan.New(payload)
	ok := true
	for ok && s.Next() {
		switch s.Name() {
		case "iss":
			c.Issuer, ok = s.Value().Str()
		case "sub":
			c.Subject, ok = s.Value().Str()
		case "jti":
			c.ID, ok = s.Value().Str()
		case "sid":
			c.SessionID, ok = s.Value().Str()
		case "aud":
			ok = c.scanAudience(s.Value())
		case "scope":
			ok = c.addScopes(s.Value())
		case "exp":
			c.ExpiresAt, ok = numericDate(s.Value())
		case "nbf":
			c.NotBefore, ok = numericDate(s.Value())
		case "iat":
			c.IssuedAt, ok = numericDate(s.Value())
		case "auth_time":
			c.AuthTime, ok = numericDate(s.Value())
		default:
			if len(scopeClaims) > 0 && slices.Contains(scopeClaims, s.Name()) {
				ok = c.addScopes(s.Value())
			}
		}
	}
	switch {
	case !ok && s.Value().Kind == jsonscan.Number && isDate(s.Name()):
		return errClaimDate
	case !ok:
		return errClaimType
	case !s.Valid():
		return errPayloadJSON
	}
	return nil
}

func isDate(name string) bool {
	return name == "exp" || name == "nbf" || name == "iat" || name == "auth_time"
}

func (c *Claims) setAudience(one string) {
	c.audience[0] = one
	c.Audience = c.audience[:]
}

// detach gives c, a copy of other claims, an Audience of its own.
func (c *Claims) detach() {
	if len(c.Audience) == 1 {
		c.setAudience(c.Audience[0])
	} else {
		c.Audience = slices.Clone(c.Audience)
	}
}

func (c *Claims) scanAudience(v jsonscan.Value) bool {
	if one, ok := v.Str(); ok {
		c.setAudience(one)
		return true
	}
	count := 0
	if !v.Elements(func(jsonscan.Value) bool { count++; return true }) {
		return false
	}
	c.Audience = c.audience[:0]
	if count > 1 {
		c.Audience = make([]string, 0, count)
	}
	return v.Elements(func(e jsonscan.Value) bool {
		one, ok := e.Str()
		c.Audience = append(c.Audience, one)
		return ok
	})
}

// addScopes takes scopes from a string, as RFC 8693 §4.2 has it, or from an
// array of strings, as several providers write it. An element that is no
// scope-token (RFC 6749 §3.3), because it is empty or holds a space, is left out: joined
// with the others it would read as two scopes that nobody granted.
func (c *Claims) addScopes(v jsonscan.Value) bool {
	if list, ok := v.Str(); ok {
		switch {
		case c.Scope == "":
			c.Scope = list
		case list != "":
			c.Scope += " " + list
		}
		return true
	}
	var joined strings.Builder
	joined.Grow(len(c.Scope) + len(v.Text))
	joined.WriteString(c.Scope)
	ok := v.Elements(func(e jsonscan.Value) bool {
		one, ok := e.Str()
		if ok && one != "" && !strings.Contains(one, " ") {
			if joined.Len() > 0 {
				joined.WriteByte(' ')
			}
			joined.WriteString(one)
		}
		return ok
	})
	c.Scope = joined.String()
	return ok
}

// Dates run over the years that RFC 3339 can write, 0001 to 9999.
const (
	minDate = -62135596800
	maxDate = 253402300799
)

// numericDate reads a NumericDate (RFC 7519 §2): seconds since 1970, possibly with a
// fraction, which is kept. It refuses what is no number or no date.
func numericDate(v jsonscan.Value) (time.Time, bool) {
	if v.Kind != jsonscan.Number {
		return time.Time{}, false
	}
	if len(v.Text) <= 12 { // as nearly all are: digits alone, and no overflow
		n := int64(0)
		for _, c := range []byte(v.Text) {
			if c < '0' || c > '9' {
				n = -1
				break
			}
			n = n*10 + int64(c-'0')
		}
		if n >= 0 && n <= maxDate {
			return time.Unix(n, 0), true
		}
	}
	f, err := strconv.ParseFloat(v.Text, 64)
	if err != nil || f < minDate || f > maxDate {
		return time.Time{}, false
	}
	seconds, fraction := math.Modf(f)
	return time.Unix(int64(seconds), int64(fraction*1e9)), true
}
