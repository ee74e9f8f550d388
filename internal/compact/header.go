package compact

import "github.com/seed-0a072700/jwtauth/internal/jsonscan"

// MaxHeaderLen is the longest header segment that is read, in characters: room
// for a certificate chain that nobody asked for, and not for more.
const MaxHeaderLen = 8 << 10

// Header is what a verifier may know of a token before its signature is checked.
type Header struct {
	Algorithm string // "alg"
	KeyID     string // "kid", "" where there is none
	Type      string // "typ"
	Typed     bool   // "typ" is present
}

// ParseHeader reads a header segment. It refuses whatever asks for processing
// that this package does not do (crit: RFC 7515 §4.1.11, b64: RFC 7797 §7), and
// passes over all that merely offers a key or a description (jku, jwk, x5u, x5c, zip, …).
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
