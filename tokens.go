package jwtauth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
)

// Tokens is the result of [Issuer.Login] and [Issuer.Refresh]. Its JSON form is
// the token response of RFC 6749, section 5.1.
//
// Neither fmt nor log/slog prints the tokens. JSON encoding does, so a struct
// that contains Tokens must not be logged as JSON. Tokens in an unexported
// field of another struct are printed in full by %v, because fmt calls no
// methods there.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`              // "Bearer"
	ExpiresIn    int    `json:"expires_in"`              // lifetime of the access token in seconds
	RefreshToken string `json:"refresh_token,omitempty"` // "" without a session
}

// String returns the type and the lifetime, but no token.
func (t Tokens) String() string {
	return fmt.Sprintf("Tokens{TokenType:%q ExpiresIn:%d redacted}", t.TokenType, t.ExpiresIn)
}

// Format implements [fmt.Formatter] like String for every verb. fmt does not
// call it for %p and %T.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// LogValue implements [slog.LogValuer] like String.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }

// WriteTokens responds to a request with t as JSON (RFC 6749, section 5.1),
// under headers that forbid caches to store it.
func WriteTokens(w http.ResponseWriter, t Tokens) {
	body, _ := json.Marshal(t) // cannot fail
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	_, _ = w.Write(append(body, '\n'))
}
