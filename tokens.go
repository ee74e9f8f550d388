package jwtauth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
)

// Tokens are what a login answers. As JSON they are the members of RFC 6749 §5.1; printed or
// logged, by fmt or log/slog, they show no token. (Encoded as JSON, alone or in anything that a JSON log handler encodes, they show, since that is what they are for. A struct that holds Tokens in an unexported
// field hides them from that, and so does %p: fmt calls no methods there.)
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`              // "Bearer"
	ExpiresIn    int    `json:"expires_in"`              // life of the access token in seconds
	RefreshToken string `json:"refresh_token,omitempty"` // "" where there is no session
}

// String returns the type and the lifetime, and no token.
func (t Tokens) String() string {
	return fmt.Sprintf("Tokens{TokenType:%q ExpiresIn:%d redacted}", t.TokenType, t.ExpiresIn)
}

// Format implements [fmt.Formatter] for every verb but %p and %T, at which fmt asks no Formatter.
func (t Tokens) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(t.String())) }

// LogValue implements [slog.LogValuer].
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }

// WriteTokens answers a request with t as JSON (RFC 6749 §5.1), not to be stored by any cache.
func WriteTokens(w http.ResponseWriter, t Tokens) {
	body, _ := json.Marshal(t) // strings and a number always can be
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	_, _ = w.Write(append(body, '\n'))
}
