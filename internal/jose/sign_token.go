package jose

import (
	"encoding/base64"
	"encoding/json"
)

// Header returns the header segment of tokens that k signs, including the dot
// after it. It contains "alg", "typ" and, if k has an ID, "kid".
func (k *Key) Header(typ string) string {
	header, _ := json.Marshal(struct { // strings never fail to marshal
		Algorithm Algorithm `json:"alg"`
		Type      string    `json:"typ"`
		ID        string    `json:"kid,omitempty"`
	}{k.Algorithm(), typ, k.ID()})
	return base64.RawURLEncoding.EncodeToString(header) + "."
}

// SignToken returns a signed token in compact serialization (RFC 7515, section
// 7.1). header is a result of [Key.Header].
func SignToken(k *Key, header string, payload []byte) (string, error) {
	const room = 128 // for the signatures of most algorithms
	token := make([]byte, 0, len(header)+base64.RawURLEncoding.EncodedLen(len(payload))+room)
	token = append(token, header...)
	token = base64.RawURLEncoding.AppendEncode(token, payload)
	token, err := k.Sign(append(token, '.'), token)
	if err != nil {
		return "", err
	}
	return string(token), nil
}
