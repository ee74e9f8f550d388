package keyfetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// firstDocumentTimeout is the time for the first document. If it hangs, there
// is time left for the second.
const firstDocumentTimeout = 2 * time.Second

const (
	openIDPath = "/.well-known/openid-configuration"
	oauthPath  = "/.well-known/oauth-authorization-server"
)

var errOtherIssuer = errors.New("the document is of another issuer")

// discover returns the URL at which an issuer publishes its keys. It reads the
// document of OpenID Connect, and the one of OAuth if that fails. The same
// rules apply to both.
func (c client) discover(ctx context.Context, l Location) (*url.URL, error) {
	first, cancel := context.WithTimeout(ctx, firstDocumentTimeout)
	defer cancel()
	u, openIDErr := c.keysURL(first, openIDDocument(l.url), l)
	switch {
	case openIDErr == nil:
		return u, nil
	case errors.Is(openIDErr, errOtherIssuer):
		// The configured issuer is wrong, which the other document cannot
		// change.
		return nil, fmt.Errorf("discovery: %s: %w", openIDPath, openIDErr)
	case first.Err() != nil:
		openIDErr = fmt.Errorf("no response within %v", firstDocumentTimeout)
	}
	u, oauthErr := c.keysURL(ctx, oauthDocument(l.url), l)
	if oauthErr != nil {
		return nil, fmt.Errorf("discovery: %s: %w; %s: %w", openIDPath, openIDErr, oauthPath, oauthErr)
	}
	return u, nil
}

// openIDDocument appends the well-known path to the issuer's (OpenID Connect
// Discovery, section 4.1).
func openIDDocument(issuer *url.URL) *url.URL {
	return issuer.JoinPath(openIDPath)
}

// oauthDocument puts the well-known path before the issuer's (RFC 8414, section
// 3.1).
func oauthDocument(issuer *url.URL) *url.URL {
	u := *issuer
	u.Path = oauthPath + strings.TrimSuffix(issuer.Path, "/")
	if issuer.RawPath != "" {
		u.RawPath = oauthPath + strings.TrimSuffix(issuer.RawPath, "/")
	}
	return &u
}

// keysURL returns the jwks_uri of the document at u.
func (c client) keysURL(ctx context.Context, u *url.URL, l Location) (*url.URL, error) {
	body, _, err := c.get(ctx, u)
	if err != nil {
		return nil, err
	}
	issuer, jwksURI, ok := readMetadata(string(body))
	if !ok {
		return nil, errors.New("the response is not a JSON object with issuer and jwks_uri")
	}
	// Otherwise anyone who may publish below one path of a host could speak for
	// the other paths (RFC 8414, section 3.3).
	if issuer != l.issuer {
		return nil, fmt.Errorf("%w, %.*q", errOtherIssuer, maxQuoted, issuer)
	}
	keys, err := parseURL(jwksURI, l.insecure)
	switch {
	case err != nil:
		return nil, fmt.Errorf("jwks_uri %w", err)
	case keys.Scheme != "https" && l.url.Scheme == "https" && !l.insecure:
		return nil, errors.New("jwks_uri is http, but the issuer is https")
	}
	return keys, nil
}

// readMetadata reads the members of a discovery document (RFC 8414, section 2)
// that matter here. The document must be strict JSON and hold both.
func readMetadata(text string) (issuer, jwksURI string, ok bool) {
	s := jsonscan.New(text)
	for s.Next() {
		switch s.Name() {
		case "issuer":
			issuer, _ = s.Value().Str()
		case "jwks_uri":
			jwksURI, _ = s.Value().Str()
		}
	}
	return issuer, jwksURI, s.Valid() && issuer != "" && jwksURI != ""
}
