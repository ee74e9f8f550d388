package compact

import (
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// MaxHeaderLen is the maximum length of a header segment, in characters. It
// leaves room for an unneeded certificate chain (x5c), which some issuers
// include.
const MaxHeaderLen = 8 << 10

// Header holds the header parameters that a verifier reads before it checks the
// signature.
type Header struct {
	Algorithm string // "alg"
	KeyID     string // "kid", "" if absent
	Type      string // "typ", "" if absent
	Typed     bool   // "typ" is present
}

// ParseHeader parses a header segment. It refuses parameters that would change
// how the token is processed: crit (RFC 7515, section 4.1.11) and b64 with a
// value other than true (RFC 7797, section 7). It ignores parameters that name
// or contain a key, and all others (jku, jwk, x5u, x5c, zip, …).
func ParseHeader(segment string) (h Header, ok bool) {
	if len(segment) > MaxHeaderLen {
		return h, false
	}
	var stack [256]byte
	text, ok := Decode(stack[:0], segment)
	if !ok {
		return h, false
	}
	s := jsonscan.New(string(text))
	ok = true
	for ok && s.Next() {
		switch s.Name() {
		case "alg":
			h.Algorithm, ok = s.Value().Str()
		case "kid":
			h.KeyID, ok = s.Value().Str()
		case "typ":
			h.Type, ok = s.Value().Str()
			h.Typed = true
		case "crit":
			ok = false
		case "b64":
			ok = s.Value().Text == "true"
		}
	}
	return h, ok && s.Valid() && h.Algorithm != ""
}

// MediaType returns a media type in lower case and without the "application/"
// that a header may omit (RFC 7515, section 4.1.9).
func MediaType(typ string) string {
	typ = strings.ToLower(typ)
	short, ok := strings.CutPrefix(typ, "application/")
	if ok && short != "" && !strings.Contains(short, "/") {
		return short
	}
	return typ
}
