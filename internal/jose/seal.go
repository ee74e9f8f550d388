package jose

import (
	"encoding/base64"
	"encoding/json"
)

// Header returns the header segment, and its dot, of tokens of media type typ
// that k signs.
func (k *Key) Header(typ string) string {
	header, _ := json.Marshal(struct { // strings always can be
		Algorithm Algorithm `json:"alg"`
		Type      string    `json:"typ"`
		ID        string    `json:"kid,omitempty"`
	}{k.Algorithm(), typ, k.ID()})
	return base64.RawURLEncoding.EncodeToString(header) + "."
}

// Seal returns a token: header segment with its dot, payload, signature.
func Seal(k *Key, header string, payload []byte) (string, error) {
	token := make([]byte, 0, len(header)+base64.RawURLEncoding.EncodedLen(len(payload))+128)
	token = append(token, header...)
	token = base64.RawURLEncoding.AppendEncode(token, payload)
	token, err := k.Sign(append(token, '.'), token)
	if err != nil {
		return "", err
	}
	return string(token), nil
}
