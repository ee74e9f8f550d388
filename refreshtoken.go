package jwtauth

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// refreshType is the "typ" of refresh tokens: no verifier of access tokens takes it by default.
const refreshType = "rt+jwt"

// refreshClaims are what a refresh token says. All of it stands in the session's
// row, so that the same generation always gives the same token, and the row alone gives none.
type refreshClaims struct {
	sessionID  string
	subject    string
	generation int64
	expiresAt  time.Time
}

// mintRefresh returns the refresh token of the session's generation.
func (keys *issuerKeys) mintRefresh(s Session) (string, error) {
	signing := keys.refresh[0]
	payload := appendString([]byte(`{"sid":`), s.ID)
	payload = append(payload, `,"gen":`...)
	payload = strconv.AppendInt(payload, s.Generation, 10)
	payload = append(payload, `,"sub":`...)
	payload = appendString(payload, s.Subject)
	payload = append(payload, `,"exp":`...)
	payload = strconv.AppendInt(payload, ceilSeconds(s.ExpiresAt), 10)
	payload = append(payload, '}')
	return seal(signing.k, signing.k.Header(refreshType), payload)
}

// ceilSeconds rounds up: the row, not the token, has the last word on when a session ends.
func ceilSeconds(t time.Time) int64 {
	return t.Add(time.Second - 1).Unix()
}

// readRefresh verifies a refresh token but for its date.
func (i *Issuer) readRefresh(ctx context.Context, token string) (refreshClaims, error) {
	claims, _, err := i.refreshVerifier.read(ctx, token, i.rules.now())
	if err != nil {
		return refreshClaims{}, err
	}
	generation := scanGeneration(claims.payload)
	if generation < 1 || generation > maxGeneration || claims.SessionID == "" || claims.Subject == "" {
		return refreshClaims{}, errRefreshClaims
	}
	return refreshClaims{claims.SessionID, claims.Subject, generation, claims.ExpiresAt}, nil
}

// scanGeneration returns the member "gen" of a verified payload, 0 where it is no whole number. (Decode would take "Gen", too.)
func scanGeneration(payload string) (generation int64) {
	s := jsonscan.New(payload)
	for s.Next() {
		if s.Name() == "gen" && s.Value().Kind == jsonscan.Number {
			generation, _ = strconv.ParseInt(s.Value().Text, 10, 64)
		}
	}
	return generation
}

var errRefreshClaims = claimsFault("not those of a refresh token")

// ownRefreshKeys is an Issuer as the KeySource of its refresh tokens.
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

// deriveRefreshKey returns the HMAC key that an issuer signs refresh tokens with, given one of
// RefreshKeys, or a signing key where there are none (HKDF, RFC 5869). It differs from both, so that what verifies
// access tokens, here or in another library, never takes a refresh token for one, and from
// that of another issuer with the same keys, so that neither exchanges the other's tokens.
func deriveRefreshKey(key Key, issuer string) (Key, error) {
	derived, err := key.k.DeriveHMAC("jwtauth refresh token\x00" + issuer)
	return Key{derived}, err
}

// seal returns a token: header segment with its dot, payload, signature.
func seal(by *jose.Key, header string, payload []byte) (string, error) {
	token, err := jose.Seal(by, header, payload)
	if err != nil {
		return "", fmt.Errorf("jwtauth: signing: %w", err)
	}
	return token, nil
}
