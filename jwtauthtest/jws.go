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

// jws is the token of a request that passes: its three segments, and what its header says.
type jws struct {
	header, payload, signature string
	members                    map[string]any // of the header
	claims                     map[string]json.RawMessage
	alg, kid                   string
}

func (k jws) String() string { return k.header + "." + k.payload + "." + k.signature }

// bearerToken reads the token of a request that passes. Its errors go on after "the request of newRequest".
func bearerToken(r *http.Request) (jws, error) {
	fields := r.Header["Authorization"]
	if len(fields) != 1 {
		return jws{}, fmt.Errorf("has %d Authorization fields; Attack needs one, with a Bearer token to change", len(fields))
	}
	scheme, text, _ := strings.Cut(fields[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return jws{}, errors.New("has an Authorization field of another scheme than Bearer; Attack needs a Bearer token to change")
	}
	k, err := parseJWS(strings.TrimLeft(text, " "))
	if err != nil {
		return jws{}, fmt.Errorf("has a Bearer token that Attack cannot take apart: %w", err)
	}
	return k, nil
}

func parseJWS(text string) (jws, error) {
	segments := strings.Split(text, ".")
	if len(segments) != 3 {
		return jws{}, fmt.Errorf("it has %d segments, a compact JWS has 3", len(segments))
	}
	k := jws{header: segments[0], payload: segments[1], signature: segments[2]}
	for _, part := range []struct {
		name, segment string
		into          any
	}{{"header", k.header, &k.members}, {"payload", k.payload, &k.claims}} {
		if decoded, err := base64.RawURLEncoding.DecodeString(part.segment); err != nil || json.Unmarshal(decoded, part.into) != nil {
			return jws{}, fmt.Errorf("its %s is no JSON object in base64url", part.name)
		}
	}
	k.alg, _ = k.members["alg"].(string)
	k.kid, _ = k.members["kid"].(string)
	if signature, err := base64.RawURLEncoding.DecodeString(k.signature); err != nil || len(signature) < minSignature || k.alg == "" {
		return jws{}, errors.New("it is not signed")
	}
	return k, nil
}

// minSignature is less than what any algorithm makes, and enough to change it in many ways.
const minSignature = 16

// headerWith returns the header segment with other members; nil leaves one out.
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

// payloadWith returns the payload segment with another claim.
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
		panic(err) // only maps of texts, numbers and their like come here
	}
	return encode(text)
}

func encode(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// minFragment is how long a piece of a token is that no answer holds by chance.
const minFragment = 16

// fragments returns pieces of a token, by which an answer that repeats it is known.
func (k jws) fragments() []string { return pieces(k.String()) }

// fragments returns pieces of the credentials of a changed request, and the texts in the header of its token.
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
	credentials = credentials[:min(len(credentials), 4<<10)] // enough of a huge one
	isDelimiter := func(c rune) bool { return c <= ' ' || c == '.' || c == ',' || c == '"' }
	for piece := range strings.FieldsFuncSeq(credentials, isDelimiter) {
		if len(piece) >= minFragment {
			list = append(list, piece[:min(len(piece), 2*minFragment)])
		}
	}
	return list
}
