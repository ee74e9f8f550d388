package compact

import (
	"errors"
	"strings"
)

// The errors of [Damage]. They contain no part of the text.
var (
	ErrEmpty       = errors.New("no token, only an empty text")
	ErrNoValue     = errors.New("a word such as null or undefined instead of a token: the sender reads a variable that has no value")
	ErrObject      = errors.New("the text form of an object, such as [object Object] or b'…', instead of a token: send the token in it")
	ErrPlaceholder = errors.New("a placeholder such as $TOKEN or <token>, which was not replaced")
	ErrShortened   = errors.New("a token that a display or a log has shortened or masked (… or ***)")
	ErrQuoted      = errors.New("the token is in quotes")
	ErrPrefixed    = errors.New("a scheme such as Bearer, or the name of a header, precedes the token: pass the token alone")
	ErrNamed       = errors.New("a name and an equals sign precede the token: pass the value alone")
	ErrURL         = errors.New("a URL instead of a token")
	ErrPercent     = errors.New("the token is percent-encoded (%2E stands for a dot): decode it once")
	ErrComma       = errors.New("a comma in the token: two tokens or two headers were joined")
	ErrSpace       = errors.New("a space or a line break in the token or after it")
	ErrInvisible   = errors.New("a character outside of ASCII, such as a byte order mark or a long dash")
	ErrJWSJSON     = errors.New("the JSON serialization of a JWS (RFC 7515, section 7.2): only the compact one is supported")
	ErrJWEJSON     = errors.New("the JSON serialization of a JWE: the token is encrypted")
	ErrResponse    = errors.New("the whole response of a token endpoint: pass its access_token alone")
	ErrJSON        = errors.New("JSON instead of a token")
	ErrXML         = errors.New("XML, such as a SAML assertion, instead of a JWT")
	ErrPEM         = errors.New("PEM instead of a token: it is a key or a certificate")
	ErrPASETO      = errors.New("a PASETO token, which is not a JWT")
	ErrTwice       = errors.New("the token is encoded in base64 once more: decode it once")
)

// The errors of [SegmentsError] that are not errors of [Damage].
var (
	ErrOneSegment   = errors.New("one segment instead of three: an opaque token, which only its issuer can check (introspection, RFC 7662)")
	ErrFirstSegment = errors.New("one segment instead of three, and it begins like the header of a JWT: the token was cut off, or its dots were lost")
	ErrTwoSegments  = errors.New("two segments instead of three: the signature was cut off")
	ErrFiveSegments = errors.New("five segments: the token is encrypted (JWE)")
	ErrJoined       = errors.New("more than three segments: two tokens were joined")
	ErrOuterDot     = errors.New("a dot before or after the token")
	ErrSegments     = errors.New("not three segments, separated by two dots")
)

// damages are all errors of [Damage] and [SegmentsError].
var damages = []error{
	ErrEmpty, ErrNoValue, ErrObject, ErrPlaceholder, ErrShortened, ErrQuoted, ErrPrefixed, ErrNamed,
	ErrURL, ErrPercent, ErrComma, ErrSpace, ErrInvisible, ErrJWSJSON, ErrJWEJSON, ErrResponse, ErrJSON,
	ErrXML, ErrPEM, ErrPASETO, ErrTwice,
	ErrOneSegment, ErrFirstSegment, ErrTwoSegments, ErrFiveSegments, ErrJoined, ErrOuterDot, ErrSegments,
}

// Damage returns the reason why text is not a token, if its characters show
// one. It recognizes texts that are often sent instead of tokens, and changes
// that tokens suffer on their way. Otherwise it returns nil.
//
// Damage is for the log of a developer. A text for which it returns nil may
// still not be a token.
func Damage(text string) error {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return ErrEmpty
	}
	for _, find := range []func(string) error{substitute, wrapping} {
		if err := find(trimmed); err != nil {
			return err
		}
	}
	switch {
	case strings.Contains(text, ","):
		return ErrComma
	case strings.ContainsAny(text, " \t\r\n"):
		return ErrSpace
	}
	return spelling(text)
}

// substitute recognizes texts that contain no token, or a token in something
// else.
func substitute(text string) error {
	switch strings.ToLower(text[:min(len(text), 16)]) {
	case "null", "undefined", "none", "nil", "<nil>", "(null)", "nan", "true", "false":
		return ErrNoValue
	}
	switch {
	case hasAnyPrefix(text, "[object ", "map[", "b'", `b"`, "Promise {"):
		return ErrObject
	case hasAnyPrefix(text, "$", "{{", "YOUR_", "your-") || len(text) > 2 && text[0] == '%' && text[len(text)-1] == '%':
		return ErrPlaceholder
	case text[0] == '{':
		return jsonKind(text)
	case text[0] == '<' && (strings.Contains(text, "</") || strings.Contains(text, "/>") || strings.HasPrefix(text, "<?xml")):
		return ErrXML
	case text[0] == '<':
		return ErrPlaceholder
	case strings.Contains(text, "-----BEGIN"):
		return ErrPEM
	case hasAnyPrefix(text, "https://", "http://"):
		return ErrURL
	case strings.Contains(text, "…") || strings.Contains(text, "...") || strings.Contains(text, "***"):
		return ErrShortened
	case len(text) > 2 && text[0] == 'v' && '1' <= text[1] && text[1] <= '4' && hasAnyPrefix(text[2:], ".local.", ".public."):
		return ErrPASETO
	}
	return encoded(text)
}

func hasAnyPrefix(text string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// jsonKind returns the error for a text that begins like a JSON object.
func jsonKind(text string) error {
	switch {
	case strings.Contains(text, `"access_token"`):
		return ErrResponse
	case strings.Contains(text, `"ciphertext"`):
		return ErrJWEJSON
	case strings.Contains(text, `"payload"`) && strings.Contains(text, `"signature`):
		return ErrJWSJSON
	}
	return ErrJSON
}

// encoded recognizes base64 of a token or of XML by its first characters.
func encoded(text string) error {
	const enough = 16 // characters
	if len(text) < enough || strings.Contains(text, ".") {
		return nil
	}
	var start [12]byte
	decoded, ok := Decode(start[:0], strings.NewReplacer("+", "-", "/", "_").Replace(text[:enough]))
	if !ok {
		return nil
	}
	for _, c := range decoded {
		if c >= 0x80 || c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			return nil
		}
	}
	switch {
	case strings.HasPrefix(string(decoded), headerStart):
		return ErrTwice
	case decoded[0] == '<':
		return ErrXML
	}
	return nil
}

// headerStart is how headers begin: base64url of an opening brace and a quote.
const headerStart = "eyJ"

// wrapping recognizes text around a token.
func wrapping(text string) error {
	const quotes = "\"'`"
	if strings.IndexByte(quotes, text[0]) >= 0 || strings.IndexByte(quotes, text[len(text)-1]) >= 0 || hasAnyPrefix(text, "“", "‘", "„") {
		return ErrQuoted
	}
	if len(text) > len("Bearer") && strings.EqualFold(text[:len("Bearer")], "Bearer") {
		return ErrPrefixed
	}
	if before, after, ok := strings.Cut(text, " "); ok && !strings.Contains(before, ".") && strings.Contains(after, ".") && !strings.HasPrefix(before, headerStart) {
		return ErrPrefixed
	}
	before, after, ok := strings.Cut(text, "=")
	if ok && strings.Trim(after, "=") != "" && !strings.ContainsAny(before, ". ") && !strings.HasPrefix(before, headerStart) {
		return ErrNamed
	}
	return nil
}

// spelling recognizes characters that no token contains.
func spelling(text string) error {
	for i, c := range []byte(text) {
		switch {
		case c >= 0x80:
			return ErrInvisible
		case c == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			return ErrPercent
		}
	}
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// SegmentsError returns the error for a token that [Split] refuses.
func SegmentsError(token string) error {
	if err := Damage(token); err != nil {
		return err
	}
	dots, header := strings.Count(token, "."), strings.HasPrefix(token, headerStart)
	switch {
	case dots == 0 && header:
		return ErrFirstSegment
	case dots == 0:
		return ErrOneSegment
	case dots == 1 && header:
		return ErrTwoSegments
	case dots == 3 && (token[0] == '.' || token[len(token)-1] == '.'):
		return ErrOuterDot
	case dots == 4 && !isSigned(token[:strings.IndexByte(token, '.')]):
		return ErrFiveSegments
	case dots == 4 || dots > 4 && header:
		return ErrJoined
	}
	return ErrSegments
}

// isSigned reports whether a header is that of a JWS. A JWE has "enc" in its
// header (RFC 7516, section 4.1.2).
func isSigned(segment string) bool {
	if len(segment) > MaxHeaderLen {
		return false
	}
	text, ok := Decode(nil, segment)
	return ok && strings.HasPrefix(string(text), "{") && !strings.Contains(string(text), `"enc"`)
}
