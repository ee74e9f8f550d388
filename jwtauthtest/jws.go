package jwtauthtest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
)

// jws is the token of the valid request: its three segments, and parts of its
// decoded header and payload.
type jws struct {
	header, payload, signature string
	members                    map[string]any // header parameters
	claims                     map[string]json.RawMessage
	alg, kid                   string
}

func (k jws) String() string { return k.header + "." + k.payload + "." + k.signature }

// bearerToken returns the token of the valid request. Its errors continue the
// phrase "the request of newRequest".
func bearerToken(r *http.Request) (jws, error) {
	fields := r.Header["Authorization"]
	if len(fields) != 1 {
		return jws{}, fmt.Errorf("has %d Authorization headers; Attack requires one, with a Bearer token", len(fields))
	}
	scheme, text, _ := strings.Cut(fields[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return jws{}, errors.New("has an Authorization header with another scheme; Attack requires Bearer")
	}
	k, err := parseJWS(strings.TrimLeft(text, " "))
	if err != nil {
		return jws{}, fmt.Errorf("has a Bearer token that Attack cannot parse: %w", err)
	}
	return k, nil
}

func parseJWS(text string) (jws, error) {
	segments := strings.Split(text, ".")
	if len(segments) != 3 {
		return jws{}, fmt.Errorf("it has %d segments, and a compact JWS has 3", len(segments))
	}
	k := jws{header: segments[0], payload: segments[1], signature: segments[2]}
	for _, part := range []struct {
		name, segment string
		into          any
	}{{"header", k.header, &k.members}, {"payload", k.payload, &k.claims}} {
		if decoded, err := base64.RawURLEncoding.DecodeString(part.segment); err != nil || json.Unmarshal(decoded, part.into) != nil {
			return jws{}, fmt.Errorf("its %s is not a JSON object in base64url", part.name)
		}
	}
	k.alg, _ = k.members["alg"].(string)
	k.kid, _ = k.members["kid"].(string)
	if signature, err := base64.RawURLEncoding.DecodeString(k.signature); err != nil || len(signature) < minSignature || k.alg == "" {
		return jws{}, errors.New("it is not signed")
	}
	return k, nil
}

// minSignature is a length in bytes. The signatures of all algorithms are
// longer, and this many bytes suffice for all changes.
const minSignature = 16

// headerWith returns the header segment with changed parameters. The value nil
// removes a parameter.
func (k jws) headerWith(changes map[string]any) string {
	members := maps.Clone(k.members)
	for name, value := range changes {
		if value == nil {
			delete(members, name)
			continue
		}
		members[name] = value
	}
	return segment(members)
}

// payloadWith returns the payload segment with one claim changed or added.
func (k jws) payloadWith(name string, value any) string {
	claims := make(map[string]any)
	for name, text := range k.claims {
		claims[name] = text
	}
	claims[name] = value
	return segment(claims)
}

// segment encodes a value as JSON in base64url.
func segment(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // all values are maps, strings, numbers and slices of them
	}
	return encode(text)
}

func encode(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// minFragment is the minimum length of a part of a token. A response does not
// contain a text of this length by chance.
const minFragment = 16

// fragments returns parts of a token. A response that contains one of them
// repeats the token.
func (k jws) fragments() []string { return pieces(k.String()) }

// fragments returns parts of the credentials in a changed request, and the
// strings in the header of its token.
func fragments(r *http.Request) (list []string) {
	for _, field := range r.Header["Authorization"] {
		list = append(list, pieces(field)...)
		_, token, _ := strings.Cut(field, " ")
		header, _, _ := strings.Cut(token, ".")
		var members map[string]any
		if text, err := base64.RawURLEncoding.DecodeString(header); err == nil && json.Unmarshal(text, &members) == nil {
			for _, value := range members {
				if text, ok := value.(string); ok && len(text) >= minFragment {
					list = append(list, text)
				}
			}
		}
	}
	return list
}

func pieces(credentials string) (list []string) {
	credentials = credentials[:min(len(credentials), 4<<10)] // of a huge token
	isDelimiter := func(c rune) bool { return c <= ' ' || c == '.' || c == ',' || c == '"' }
	for piece := range strings.FieldsFuncSeq(credentials, isDelimiter) {
		if len(piece) >= minFragment {
			list = append(list, piece[:min(len(piece), 2*minFragment)])
		}
	}
	return list
}
