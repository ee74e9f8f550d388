package compact

import (
	"errors"
	"fmt"
	"strings"
)

// Segment is a part of a compact JWS.
type Segment int

// The segments in their order.
const (
	HeaderSegment Segment = iota
	PayloadSegment
	SignatureSegment
)

var segmentNames = [...]string{
	"the header, its first segment,",
	"the payload, the second segment,",
	"the signature, the third segment,",
}

// alien are the reasons why a segment is not base64url.
var alien = [...]error{
	errors.New("it has + or / of standard base64 instead of - and _"),
	errors.New("it ends with ="),
	errors.New("it has a character that base64url does not have, such as a space or a percent sign"),
	errors.New("no encoder writes this length: the token was cut off, or a character was added"),
	errors.New("its last character was changed, or more were cut off"),
}

const (
	alienAlphabet = iota
	alienPadding
	alienCharacter
	alienLength
	alienEnd
)

// encodingErrors are the errors of [EncodingError]. They are built once, so
// that refusing a token costs no more than accepting it.
var encodingErrors = func() (all [len(segmentNames)][len(alien)]error) {
	for i, name := range segmentNames {
		for j, reason := range alien {
			all[i][j] = fmt.Errorf("%s is not base64url without padding (RFC 7515, section 2): %w", name, reason)
		}
	}
	return all
}()

// EncodingErrors returns all errors of [EncodingError] for one segment.
func EncodingErrors(s Segment) []error { return encodingErrors[s][:] }

// EncodingError returns the error for a segment that [Decode] refuses.
func EncodingError(s Segment, text string) error { return encodingErrors[s][alienReason(text)] }

func alienReason(text string) int {
	bare := strings.TrimRight(text, "=")
	standard := false
	for _, c := range []byte(bare) {
		switch {
		case c == '+' || c == '/':
			standard = true
		case digits[0][c] == notDigit:
			return alienCharacter
		}
	}
	switch {
	case standard:
		return alienAlphabet
	case bare != text:
		return alienPadding
	case len(text)%4 == 1:
		return alienLength
	}
	return alienEnd
}
