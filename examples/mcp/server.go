package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/seed-0a072700/jwtauth"
)

const (
	path  = "/mcp"
	scope = "tools"

	leeway = 30 * time.Second // of the SDK, the default of Verify
)

// newHandler returns the server for a resource, with the tokens of an issuer.
func newHandler(log *slog.Logger, issuer, resource string) (http.Handler, error) {
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{
		OnFetch: func(f jwtauth.KeyFetch) {
			if f.Err != nil {
				log.Warn("fetching keys failed", "url", f.URL, "err", f.Err)
				return
			}
			log.Info("fetched keys", "url", f.URL, "keys", f.Keys, "skipped", f.Skipped)
		},
	})
	if err != nil {
		return nil, err
	}
	verifier, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   issuer,
		Audience: []string{resource}, // a token for another server is refused
	})
	if err != nil {
		return nil, err
	}
	metadata := jwtauth.ResourceMetadata{
		Resource:               resource,
		AuthorizationServers:   []string{issuer},
		ScopesSupported:        []string{scope},
		BearerMethodsSupported: []string{"header"},
		ResourceName:           "Example tools",
	}
	document, err := metadata.Handler()
	if err != nil {
		return nil, err
	}
	protect := jwtauth.Verify(verifier,
		jwtauth.ResourceMetadataURL(metadata.URL()),
		jwtauth.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
			log.Info("refused", "route", r.Pattern, "client", r.RemoteAddr, "err", err)
			jwtauth.WriteError(w, r, err)
		}))

	mux := http.NewServeMux()
	mux.Handle(metadata.Path(), document)
	mux.Handle(path, protect(jwtauth.RequireScope(scope)(withTokenInfo(tools()))))
	return mux, nil
}

// withTokenInfo passes the verified claims to the SDK, which hands them to the
// tools. Verify has checked the token.
func withTokenInfo(next http.Handler) http.Handler {
	return auth.RequireBearerToken(func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		claims, ok := jwtauth.FromContext(ctx)
		if !ok {
			return nil, auth.ErrInvalidToken
		}
		return &auth.TokenInfo{
			UserID:     claims.Subject,
			Scopes:     strings.Fields(claims.Scope),
			Expiration: claims.ExpiresAt,
		}, nil
	}, &auth.RequireBearerTokenOptions{ClockSkew: leeway})(next)
}

// tools returns the handler of the protocol. Without sessions each request
// stands alone, with its own token.
func tools() http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "jwtauth-example", Version: "v0.1.0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Says who is signed in."}, whoami)
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{
			Stateless:    true,
			JSONResponse: true,
			// Otherwise the SDK refuses the public Host that a proxy on this
			// machine passes on. The protection is for servers without tokens:
			// no browser adds an Authorization header to a request by itself.
			DisableLocalhostProtection: true,
		})
}

func whoami(_ context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	info := r.Extra.TokenInfo
	if info == nil {
		return nil, nil, errors.New("not signed in")
	}
	text := fmt.Sprintf("You are %s, with the scopes %s.", info.UserID, strings.Join(info.Scopes, " "))
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
}
