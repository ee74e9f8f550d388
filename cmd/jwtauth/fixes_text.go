package main

import (
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

const (
	fixEncrypted = "The token is encrypted (JWE). Turn encryption off at the issuer, and have it sign tokens (JWS)."
	fixNoValue   = "The client has no token. Check the name of the variable or of the place in its storage, and whether it reads it before the login has ended."
	fixCutOff    = "The token was cut off. Copy all of it: three parts with dots between them."
	fixObject    = "The issuer must write one JSON object without duplicate members."
	fixByHand    = "The issuer must write JSON with an encoder and not by hand: json.Marshal in Go, json.dumps in Python, JSON.stringify in JavaScript."
)

// formFixes are the fixes for texts that are not tokens.
var formFixes = map[error]string{
	compact.ErrEmpty:        fixNoValue,
	compact.ErrNoValue:      fixNoValue,
	compact.ErrObject:       "Send the text of the token: the member access_token of the object, after awaiting it. In Python, call decode() on bytes.",
	compact.ErrPlaceholder:  "The client sends the name of a variable. Set the variable, and check that the shell or the template replaces it.",
	compact.ErrShortened:    "Copy the token from its source. Logs and the tools of browsers shorten it.",
	compact.ErrQuoted:       "Remove the quotes around the token.",
	compact.ErrPrefixed:     "Pass the token alone: without \"Bearer\" and without spaces.",
	compact.ErrSpace:        "Pass the token alone and in one line: without \"Bearer\", spaces and line breaks.",
	compact.ErrNamed:        "Pass only the part after the equals sign.",
	compact.ErrURL:          "Pass the value of access_token in the URL.",
	compact.ErrPercent:      "Decode it once: url.QueryUnescape in Go, decodeURIComponent in JavaScript.",
	compact.ErrComma:        "Send one token in one Authorization header. Check whether a proxy adds another one.",
	compact.ErrInvisible:    "Remove the characters that are not ASCII. Save files as UTF-8 without a byte order mark.",
	compact.ErrJWSJSON:      "Have the issuer use the compact serialization: header.payload.signature.",
	compact.ErrJWEJSON:      fixEncrypted,
	compact.ErrResponse:     "Pass the member access_token of the response.",
	compact.ErrJSON:         "Pass a token and not its claims. To make a token of claims, use \"jwtauth sign\".",
	compact.ErrXML:          "SAML is another protocol. Configure OpenID Connect at the provider, or exchange the assertion for a JWT (RFC 7522).",
	compact.ErrPEM:          "Pass the token here, and the key with -key.",
	compact.ErrPASETO:       "Have the issuer make JWTs.",
	compact.ErrTwice:        "Decode it once: base64 -d.",
	compact.ErrOneSegment:   "The token is opaque. Ask the provider for a JWT access token; most need an audience or a resource in the request. Or ask the provider about each token (RFC 7662).",
	compact.ErrFirstSegment: fixCutOff,
	compact.ErrTwoSegments:  fixCutOff,
	compact.ErrFiveSegments: fixEncrypted,
	compact.ErrJoined:       "Send one token.",
	compact.ErrOuterDot:     "Remove the dot before or after the token.",
	compact.ErrSegments:     "The text is not a compact JWS: an opaque token or an API key, or the client builds the header wrongly.",
}

func fixForm(t *token) string {
	if len(t.text) > maxToken {
		return "Raise VerifierOptions.MaxTokenBytes, or let the issuer put less into the token."
	}
	return formFixes[compact.SegmentsError(t.text)]
}

// headerFixes are the fixes for headers that are strict JSON.
var headerFixes = map[error]string{
	compact.ErrHeaderLength: "Have the issuer leave certificates (x5c) and private members out of the header.",
	compact.ErrHeaderAlg:    "Have the issuer write alg as a string, such as \"ES256\".",
	compact.ErrHeaderKid:    "Have the issuer write kid as a string, or leave it out.",
	compact.ErrHeaderTyp:    "Have the issuer write typ as a string, such as \"JWT\", or leave it out.",
	compact.ErrHeaderCrit:   "The issuer uses an extension that the package does not know (crit). Turn it off at the issuer.",
	compact.ErrHeaderB64:    "The payload is not encoded in base64url (b64). Have the issuer encode it, as usual for JWTs.",
}

// jsonFixes are the fixes for a header or a payload that is not strict JSON.
var jsonFixes = map[error]string{
	jsonscan.ErrNotObject: fixObject,
	jsonscan.ErrMark:      "The issuer must write the JSON without a byte order mark.",
	jsonscan.ErrUTF8:      "The issuer must write the JSON in UTF-8 and not compress it.",
	jsonscan.ErrCut:       "The end is missing. If the signature is valid, the issuer signed a part of the JSON: look for a limit of its length, such as a column or a buffer. Otherwise the token was cut on its way.",
	jsonscan.ErrFollowed:  "The issuer must write one JSON object and no other text.",
	jsonscan.ErrDepth:     "The issuer must nest objects and arrays less deeply.",
	jsonscan.ErrSurrogate: "The issuer cut a text within a character, such as an emoji. It must cut between characters.",
	jsonscan.ErrEscape:    fixByHand,
	jsonscan.ErrEscaped:   "The issuer encoded the JSON twice. It must encode it once.",
	jsonscan.ErrControl:   fixByHand,
	jsonscan.ErrQuotes:    fixByHand,
	jsonscan.ErrWord:      fixByHand,
	jsonscan.ErrComma:     fixByHand,
	jsonscan.ErrZero:      fixByHand,
	jsonscan.ErrSyntax:    fixByHand,
}

// fixJSON returns the fix for text that should be a JSON object.
func fixJSON(text string) string {
	s := jsonscan.New(text)
	for s.Next() {
	}
	if fix := jsonFixes[s.Fault()]; fix != "" {
		return fix
	}
	return fixObject // a member is repeated
}

func fixPayload(t *token) string {
	segments := strings.Split(t.text, ".")
	if _, ok := compact.Decode(nil, segments[1]); !ok {
		return "The token was changed, or not made by a JWT library. Get a new token, and pass it on unchanged."
	}
	return fixJSON(t.payload)
}
