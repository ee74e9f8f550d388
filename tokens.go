package jwtauth

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/attributes"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/jsonwrite"
)

// Tokens is the result of [Issuer.Login] and [Issuer.Refresh]. Its JSON form is
// the token response of RFC 6749, section 5.1. Both tokens are signed, not
// encrypted: clients can read them.
//
// Neither fmt nor log/slog prints the tokens. JSON encoding does, so a struct
// that contains Tokens must not be logged as JSON. Tokens in an unexported
// field of another struct are printed in full by %v, because fmt calls no
// methods there.
type Tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`              // "Bearer", or "DPoP" (see Confirmation)
	ExpiresIn    int    `json:"expires_in"`              // lifetime of the access token in seconds
	RefreshToken string `json:"refresh_token,omitempty"` // "" without a session

	// RefreshExpiresIn is the lifetime of the refresh token in seconds, unless
	// it is exchanged before.
	RefreshExpiresIn int `json:"refresh_expires_in,omitempty"`
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
// with headers that forbid caches to store the response.
func WriteTokens(w http.ResponseWriter, t Tokens) {
	body, _ := json.Marshal(t) // cannot fail
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	_, _ = w.Write(append(body, '\n'))
}

// refreshType is the "typ" of refresh tokens. By default no verifier of access
// tokens accepts it.
const refreshType = "rt+jwt"

// refreshClaims are the claims of a refresh token. All of them are in the
// session's row, so a generation has exactly one token. The row alone does not
// give the token.
type refreshClaims struct {
	sessionID  string
	subject    string
	generation int64
	expiresAt  time.Time

	// confirmation is the key that the session is bound to. Logout compares it,
	// because it does not load the row.
	confirmation attributes.Confirmation
}

// mintRefresh returns the refresh token of the session's generation.
func (keys *issuerKeys) mintRefresh(s Session) (string, error) {
	payload := jsonwrite.String([]byte(`{"sid":`), s.ID)
	payload = append(payload, `,"gen":`...)
	payload = strconv.AppendInt(payload, s.Generation, 10)
	payload = append(payload, `,"sub":`...)
	payload = jsonwrite.String(payload, s.Subject)
	payload = append(payload, `,"exp":`...)
	payload = strconv.AppendInt(payload, refreshExpiry(s).Unix(), 10)
	payload = append(s.attributes().Confirmation.AppendClaim(payload), '}')
	signing := keys.refresh[0].k
	return signToken(signing, signing.Header(refreshType), payload)
}

// refreshExpiry returns when the refresh token of a session expires, in whole
// seconds. It is rounded up, because the row decides when the session ends.
func refreshExpiry(s Session) time.Time {
	return time.Unix(s.ExpiresAt.Add(time.Second-1).Unix(), 0)
}

// readRefresh verifies a refresh token, except for its expiry.
func (i *Issuer) readRefresh(ctx context.Context, token string) (refreshClaims, error) {
	claims, _, err := i.refreshVerifier.read(ctx, token, i.rules.now(), nil)
	if err != nil {
		return refreshClaims{}, err
	}
	c := refreshClaims{sessionID: claims.SessionID, subject: claims.Subject, expiresAt: claims.ExpiresAt}
	c.scan(claims.payload.text)
	if c.generation < 1 || c.generation > maxGeneration || c.sessionID == "" || c.subject == "" {
		return refreshClaims{}, errRefreshClaims
	}
	return c, nil
}

// scan reads the members "gen" and "cnf" of a verified payload. The generation
// is 0 if it is not an integer. encoding/json would also accept "Gen".
func (c *refreshClaims) scan(payload string) {
	s := jsonscan.New(payload)
	for s.Next() {
		switch value := s.Value(); {
		case s.Name() == "gen" && value.Kind == jsonscan.Number:
			c.generation, _ = strconv.ParseInt(value.Text, 10, 64)
		case s.Name() == "cnf" && value.Kind == jsonscan.Object:
			members := jsonscan.New(value.Text)
			for members.Next() {
				c.confirmation.Member = members.Name()
				c.confirmation.Value, _ = members.Value().Str()
			}
		}
	}
}

var errRefreshClaims = claimsFault("not the claims of a refresh token")

// ownRefreshKeys is the KeySource for an Issuer's refresh tokens.
type ownRefreshKeys Issuer

func (o *ownRefreshKeys) VerificationKeys(_ context.Context, alg Algorithm, _ string) ([]Key, error) {
	var keys []Key
	for _, key := range o.keys.Load().refresh {
		if key.Algorithm() == alg {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (o *ownRefreshKeys) algorithms() (algs []jose.Algorithm) {
	for _, key := range o.keys.Load().refresh {
		if !slices.Contains(algs, key.k.Algorithm()) {
			algs = append(algs, key.k.Algorithm())
		}
	}
	return algs
}

// deriveRefreshKey returns the HMAC key for refresh tokens that belongs to key,
// one of RefreshKeys or the keys for access tokens (HKDF, RFC 5869). It differs
// from key, so that a verifier of access tokens, here or in another library,
// never accepts a refresh token. It also differs from that of another issuer
// with the same key, so that neither accepts the tokens of the other.
func deriveRefreshKey(key Key, issuer string) (Key, error) {
	derived, err := key.k.DeriveHMAC("jwtauth refresh token\x00" + issuer)
	return Key{derived}, err
}

// accessToken returns an access token of a session. Without an ID, s stands for
// a login without a session.
func (i *Issuer) accessToken(s Session, private any) (Tokens, error) {
	a, err := attributes.Decode(s.Attributes)
	if err != nil {
		return Tokens{}, fmt.Errorf("jwtauth: %w", err)
	}
	token, seconds, err := i.sign(&tokenSpec{
		subject:    s.Subject,
		private:    private,
		ttl:        i.ttl,
		authTime:   s.AuthTime,
		sessionID:  s.ID,
		endsAt:     s.ExpiresAt,
		attributes: a,
	})
	if err != nil {
		return Tokens{}, err
	}
	tokens := Tokens{AccessToken: token, TokenType: "Bearer", ExpiresIn: seconds}
	if a.Confirmation.Member == "jkt" {
		tokens.TokenType = "DPoP" // RFC 9449, section 5
	}
	return tokens, nil
}

// sessionTokens returns both tokens of a session's current generation.
func (i *Issuer) sessionTokens(s Session, private any) (Tokens, error) {
	tokens, err := i.accessToken(s, private)
	if err != nil {
		return Tokens{}, err
	}
	tokens.RefreshToken, err = i.keys.Load().mintRefresh(s)
	if err != nil {
		return Tokens{}, err
	}
	tokens.RefreshExpiresIn = int(refreshExpiry(s).Sub(i.rules.now()) / time.Second)
	return tokens, nil
}
