package jose

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// Thumbprint returns the SHA-256 thumbprint of the public key in base64url (RFC
// 7638). It returns "" for HMAC keys, because the thumbprint of a secret would
// let anyone test guesses of it.
func (k *Key) Thumbprint() string {
	if k == nil || k.pub == nil {
		return ""
	}
	return thumbprint(k.pub)
}

func thumbprint(pub crypto.PublicKey) string {
	required, err := json.Marshal(publicJWK(pub))
	if err != nil {
		return "" // strings never fail to marshal
	}
	sum := sha256.Sum256(required)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
