package compact

import (
	"errors"
	"fmt"
	"maps"
	"slices"
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

// The errors of [ParseHeader]. They contain no part of a token.
var (
	ErrHeaderEmpty    = errors.New("the header, its first segment, is empty")
	ErrHeaderLength   = fmt.Errorf("the header, its first segment, is longer than %d characters", MaxHeaderLen)
	ErrHeaderEncoding = errors.New("the header, its first segment, is not base64url without padding (RFC 7515, section 2)")
	ErrHeaderJSON     = errors.New("the header, its first segment, is not a JSON object")
	ErrHeaderRepeated = errors.New("the header has two members of the same name")
	ErrHeaderAlg      = errors.New("alg, the algorithm in the header, is missing or not a string")
	ErrHeaderKid      = errors.New("kid in the header is not a string")
	ErrHeaderTyp      = errors.New("typ in the header is not a string")
	ErrHeaderCrit     = errors.New("the header has crit, which demands an extension (RFC 7515, section 4.1.11), and none is supported")
	ErrHeaderB64      = errors.New("the header has b64, and only true is supported (RFC 7797)")
)

// headerFaults are the errors for headers that are not strict JSON.
var headerFaults = func() map[error]error {
	m := make(map[error]error)
	for _, fault := range jsonscan.Faults() {
		m[fault] = fmt.Errorf("the header, its first segment, %w", fault)
	}
	return m
}()

// Errors returns all errors of [ParseHeader], [HeaderError] and
// [SegmentsError].
func Errors() []error {
	return slices.Concat([]error{
		ErrHeaderEmpty, ErrHeaderLength, ErrHeaderEncoding, ErrHeaderJSON, ErrHeaderRepeated,
		ErrHeaderAlg, ErrHeaderKid, ErrHeaderTyp, ErrHeaderCrit, ErrHeaderB64,
	}, EncodingErrors(HeaderSegment), slices.Collect(maps.Values(headerFaults)), damages)
}

// HeaderError returns the error for a token whose header [ParseHeader] refuses
// with err. If the header is not JSON or not base64url, it is more exact than
// err, and may be about the whole token.
func HeaderError(token string, err error) error {
	if err != ErrHeaderEncoding && err != ErrHeaderJSON {
		return err
	}
	if damage := Damage(token); damage != nil {
		return damage
	}
	segment, _, _ := strings.Cut(token, ".")
	if err == ErrHeaderEncoding {
		return EncodingError(HeaderSegment, segment)
	}
	text, _ := Decode(nil, segment)
	s := jsonscan.New(string(text))
	for s.Next() {
	}
	fault := s.Fault()
	if fault == jsonscan.ErrUTF8 && text[0] != '{' {
		fault = jsonscan.ErrNotObject // these bytes were never text
	}
	return headerFaults[fault]
}

// ParseHeader parses a header segment. It refuses parameters that would change
// how the token is processed: crit (RFC 7515, section 4.1.11) and b64 with a
// value other than true (RFC 7797, section 7). It ignores parameters that name
// or contain a key, and all others (jku, jwk, x5u, x5c, zip, …). A kid of null
// counts as absent.
func ParseHeader(segment string) (h Header, err error) {
	switch {
	case segment == "":
		return h, ErrHeaderEmpty
	case len(segment) > MaxHeaderLen:
		return h, ErrHeaderLength
	}
	var stack [256]byte
	text, ok := Decode(stack[:0], segment)
	if !ok {
		return h, ErrHeaderEncoding
	}
	s := jsonscan.New(string(text))
	for s.Next() {
		if err := h.read(s.Name(), s.Value()); err != nil {
			return h, err
		}
	}
	switch {
	case s.Repeated():
		return h, ErrHeaderRepeated
	case !s.Valid():
		return h, ErrHeaderJSON
	case h.Algorithm == "":
		return h, ErrHeaderAlg
	}
	return h, nil
}

func (h *Header) read(name string, v jsonscan.Value) error {
	ok := true
	switch name {
	case "alg":
		if h.Algorithm, ok = v.Str(); !ok {
			return ErrHeaderAlg
		}
	case "kid":
		if h.KeyID, ok = v.Str(); !ok && v.Kind != jsonscan.Null {
			return ErrHeaderKid
		}
	case "typ":
		if h.Type, ok = v.Str(); !ok {
			return ErrHeaderTyp
		}
		h.Typed = true
	case "crit":
		return ErrHeaderCrit
	case "b64":
		if v.Text != "true" {
			return ErrHeaderB64
		}
	}
	return nil
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
