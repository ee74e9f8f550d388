package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// documentTime is how long the first document may take, so that one that hangs leaves time for the other.
const documentTime = 2 * time.Second

var errOtherIssuer = errors.New("the document is of another issuer")

// discover returns where an issuer says that its keys are. Each document is held to the same
// rules, so it does not matter which one is there.
func (r *RemoteKeys) discover(ctx context.Context) (*url.URL, error) {
	first, cancel := context.WithTimeout(ctx, documentTime)
	defer cancel()
	openid, err := r.discoverAt(first, openIDDocument(r.from.url))
	switch {
	case err == nil:
		return openid, nil
	case errors.Is(err, errOtherIssuer): // a wrong name in the configuration, which the other would not mend
		return nil, fmt.Errorf("discovery: /.well-known/openid-configuration: %w", err)
	case first.Err() != nil:
		err = fmt.Errorf("no answer within %v", documentTime)
	}
	oauth, oauthErr := r.discoverAt(ctx, oauthDocument(r.from.url))
	if oauthErr == nil {
		return oauth, nil
	}
	return nil, fmt.Errorf("discovery: /.well-known/openid-configuration: %w; /.well-known/oauth-authorization-server: %w", err, oauthErr)
}

// openIDDocument puts the well-known path behind the issuer's (OpenID Connect Discovery §4.1).
func openIDDocument(issuer *url.URL) *url.URL {
	return issuer.JoinPath(".well-known", "openid-configuration")
}

// oauthDocument puts the well-known path before the issuer's (RFC 8414 §3.1).
func oauthDocument(issuer *url.URL) *url.URL {
	u := *issuer
	const wellKnown = "/.well-known/oauth-authorization-server"
	u.Path = wellKnown + strings.TrimSuffix(issuer.Path, "/")
	if issuer.RawPath != "" {
		u.RawPath = wellKnown + strings.TrimSuffix(issuer.RawPath, "/")
	}
	return &u
}

// discoverAt reads one document.
func (r *RemoteKeys) discoverAt(ctx context.Context, at *url.URL) (*url.URL, error) {
	body, _, err := r.get(ctx, at)
	if err != nil {
		return nil, err
	}
	issuer, location, ok := readMetadata(string(body))
	if !ok {
		return nil, errors.New("the answer is not a JSON object with issuer and jwks_uri")
	}
	// Else one who may publish below one path of a host would speak for the others (RFC 8414 §3.3).
	if issuer != r.from.issuer {
		return nil, fmt.Errorf("%w, %.200q, than the one asked for", errOtherIssuer, issuer)
	}
	u, fault := fetchURL(location, r.from.insecure)
	switch {
	case fault != "":
		return nil, fmt.Errorf("jwks_uri %s", fault)
	case u.Scheme != "https" && r.from.url.Scheme == "https" && !r.from.insecure:
		return nil, errors.New("jwks_uri is http, the issuer is https")
	}
	return u, nil
}

// readMetadata reads what is needed of a discovery document (RFC 8414 §2).
func readMetadata(text string) (issuer, location string, ok bool) {
	s := jsonscan.New(text)
	for s.Next() {
		switch s.Name() {
		case "issuer":
			issuer, _ = s.Value().Str()
		case "jwks_uri":
			location, _ = s.Value().Str()
		}
	}
	return issuer, location, s.Valid() && issuer != "" && location != ""
}
