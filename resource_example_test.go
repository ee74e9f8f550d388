package jwtauth_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleResourceMetadata_Path() {
	fmt.Println(jwtauth.ResourceMetadata{Resource: "https://api.example.com/mcp"}.Path())
	// Output: /.well-known/oauth-protected-resource/mcp
}

func ExampleResourceMetadata_URL() {
	fmt.Println(jwtauth.ResourceMetadata{Resource: "https://api.example.com"}.URL())
	// Output: https://api.example.com/.well-known/oauth-protected-resource
}

// A client without a token learns from the challenge where the document is, and
// from the document which server issues tokens.
func ExampleResourceMetadata_Handler() {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
	if err != nil {
		log.Fatal(err)
	}
	metadata := jwtauth.ResourceMetadata{
		Resource:             "https://api.example.com/mcp",
		AuthorizationServers: []string{"https://login.example.com"},
		ScopesSupported:      []string{"tools"},
	}
	document, err := metadata.Handler()
	if err != nil {
		log.Fatal(err)
	}
	protect := jwtauth.Verify(issuer, jwtauth.ResourceMetadataURL(metadata.URL()))
	mux := http.NewServeMux()
	mux.Handle(metadata.Path(), document)
	mux.Handle("/mcp", protect(http.NotFoundHandler()))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "https://api.example.com/mcp", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", metadata.URL(), nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 401 Bearer realm="restricted", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/mcp"
	// 200 {"resource":"https://api.example.com/mcp","authorization_servers":["https://login.example.com"],"scopes_supported":["tools"]}
}
