package oidc_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

// recorder makes the requests of a client and notes their results.
type recorder struct {
	mu    sync.Mutex
	lines []string
	token string // for requests without an Authorization header, if not empty
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	withToken := ""
	if r.token != "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	if req.Header.Get("Authorization") != "" {
		withToken = " with a token"
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	line := fmt.Sprintf("%s %s%s: %d", req.Method, req.URL.Path, withToken, resp.StatusCode)
	if challenge := resp.Header.Get("WWW-Authenticate"); challenge != "" {
		line += " " + challenge
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
	return resp, nil
}

// whoAmI connects the SDK's client to the server and calls its tool.
func whoAmI(t *testing.T, endpoint string, requests *recorder, login auth.OAuthHandler) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "v1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: endpoint, HTTPClient: &http.Client{Transport: requests}, OAuthHandler: login, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		return "", err
	}
	defer session.Close()
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "whoami"})
	if err != nil {
		return "", err
	}
	return result.Content[0].(*mcp.TextContent).Text, nil
}

// The SDK's client calls a tool without a token, learns from the metadata of the
// server who issues tokens, signs the user in, and calls the tool with a token
// for this server.
func TestMCP(t *testing.T) {
	peer := node.New(t, ".")
	issuer := node.Get[struct{ Issuer string }](t, peer, "provider", node.Object{"keys": []string{"key"}}).Issuer
	endpoint := mcpExample(t, issuer)
	requests := &recorder{}
	login, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		PreregisteredClient: &oauthex.ClientCredentials{ClientID: "mcp"},
		RedirectURL:         redirectURL,
		Client:              &http.Client{Transport: requests},
		AuthorizationCodeFetcher: func(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			response, err := signIn(ctx, args.URL, "ann")
			if err != nil {
				return nil, err
			}
			return &auth.AuthorizationResult{Code: response.Get("code"), State: response.Get("state"), Iss: response.Get("iss")}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := whoAmI(t, endpoint, requests, login)
	t.Logf("the requests of the client:\n%s\nthe tool: %s %v", strings.Join(requests.lines, "\n"), got, err)
	if want := "You are ann, with the scopes tools."; err != nil || got != want {
		t.Fatalf("the tool says %q, %v, want %q", got, err, want)
	}
	metadata := strings.TrimSuffix(endpoint, "/mcp") + "/.well-known/oauth-protected-resource/mcp"
	for i, want := range []string{
		`POST /mcp: 401 Bearer realm="restricted", resource_metadata="` + metadata + `", scope="tools"`,
		"GET /.well-known/oauth-protected-resource/mcp: 200",
	} {
		if requests.lines[i] != want {
			t.Errorf("request %d is %s, want %s", i, requests.lines[i], want)
		}
	}

	good := node.Object{"iss": issuer, "sub": "ann", "aud": endpoint, "scope": "tools", "client_id": "mcp"}
	sign := func(changes node.Object) string {
		claims := node.Object{}
		for _, object := range []node.Object{good, changes} {
			for name, value := range object {
				claims[name] = value
			}
		}
		return node.Get[string](t, peer, "sign", node.Object{"key": "key", "typ": "at+jwt", "claims": claims})
	}
	for _, c := range []struct {
		name, token string
		want        string // in the response to the first request
	}{
		{"a good token", sign(nil), ": 200"},
		{"for another resource", sign(node.Object{"aud": "https://other.example/mcp"}), `: 401 Bearer realm="restricted", resource_metadata="` + metadata + `", error="invalid_token"`},
		{"issued for another resource", clientToken(t, issuer, "tools"), ": 401 "},
		{"expired", sign(node.Object{"exp": time.Now().Add(-time.Hour).Unix()}), `: 401 Bearer realm="restricted", resource_metadata="` + metadata + `", error="invalid_token"`},
		{"without the scope", sign(node.Object{"scope": "openid"}), `: 403 Bearer realm="restricted", resource_metadata="` + metadata + `", error="insufficient_scope", scope="tools"`},
	} {
		requests := &recorder{token: c.token}
		got, err := whoAmI(t, endpoint, requests, nil)
		t.Logf("%s: %s", c.name, requests.lines[0])
		if !strings.HasPrefix(requests.lines[0], "POST /mcp with a token"+c.want) || (err == nil) != (c.want == ": 200") {
			t.Errorf("%s: %s, %q, %v", c.name, requests.lines[0], got, err)
		}
	}
}
