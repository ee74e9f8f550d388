package jwtauth_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func resourceHandler(t testing.TB, m jwtauth.ResourceMetadata) http.Handler {
	t.Helper()
	h, err := m.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func serveResource(h http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// RFC 9728, section 3.1: the well-known path goes between the host and the path
// of the resource.
func TestResourceMetadataLocation(t *testing.T) {
	for _, c := range []struct{ resource, path, url string }{
		{"https://api.example", "/.well-known/oauth-protected-resource", "https://api.example/.well-known/oauth-protected-resource"},
		{"https://api.example/", "/.well-known/oauth-protected-resource", "https://api.example/.well-known/oauth-protected-resource"},
		{"https://api.example:8443/mcp", "/.well-known/oauth-protected-resource/mcp", "https://api.example:8443/.well-known/oauth-protected-resource/mcp"},
		{"https://api.example/a/b?k=v", "/.well-known/oauth-protected-resource/a/b", "https://api.example/.well-known/oauth-protected-resource/a/b?k=v"},
		{"https://api.example/?k=v", "/.well-known/oauth-protected-resource", "https://api.example/.well-known/oauth-protected-resource?k=v"},
		{"https://api.example/a%2Fb/%7Bid%7D", "/.well-known/oauth-protected-resource/a%2Fb/%7Bid%7D", "https://api.example/.well-known/oauth-protected-resource/a%2Fb/%7Bid%7D"},
		{"http://127.0.0.1:80/x", "/.well-known/oauth-protected-resource/x", "http://127.0.0.1:80/.well-known/oauth-protected-resource/x"},
		{"", "", ""},
		{"/mcp", "", ""},
		{"http://api.example", "", ""},
		{"https://api.example/#x", "", ""},
		{"https://api.example/a//b", "", ""}, // ServeMux redirects such paths
		{"https://api.example/a/../b", "", ""},
		{"https://api.example/mcp/", "/.well-known/oauth-protected-resource/mcp/", "https://api.example/.well-known/oauth-protected-resource/mcp/"},
	} {
		m := jwtauth.ResourceMetadata{Resource: c.resource}
		if m.Path() != c.path || m.URL() != c.url {
			t.Errorf("%q: %q and %q, want %q and %q", c.resource, m.Path(), m.URL(), c.path, c.url)
		}
		if c.path == "" {
			continue
		}
		mux := http.NewServeMux()
		mux.Handle(m.Path(), resourceHandler(t, m))
		if w := serveResource(mux, "GET", c.url, nil); w.Code != 200 {
			t.Errorf("%s responds %d", c.url, w.Code)
		}
	}
}

// signedMetadata is {"alg":"ES256"}, {"iss":"https://issuer.example",
// "resource":"https://api.example/mcp"} and a signature.
const signedMetadata = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwicmVzb3VyY2UiOiJodHRwczovL2FwaS5leGFtcGxlL21jcCJ9.c2ln"

func TestResourceMetadataDocument(t *testing.T) {
	full := jwtauth.ResourceMetadata{
		Resource:                              "https://api.example/mcp",
		AuthorizationServers:                  []string{"https://login.example/realm"},
		JWKSURI:                               "https://api.example/jwks",
		ScopesSupported:                       []string{"read", "write"},
		BearerMethodsSupported:                []string{"header", "body", "query"},
		ResourceSigningAlgValuesSupported:     []string{"ES256"},
		ResourceName:                          "Orders",
		ResourceDocumentation:                 "https://api.example/docs",
		ResourcePolicyURI:                     "https://api.example/policy",
		ResourceTOSURI:                        "https://api.example/terms",
		TLSClientCertificateBoundAccessTokens: true,
		AuthorizationDetailsTypesSupported:    []string{"payment"},
		DPoPSigningAlgValuesSupported:         []string{"ES256"},
		DPoPBoundAccessTokensRequired:         true,
		SignedMetadata:                        signedMetadata,
		Additional:                            map[string]any{"resource_name#de": "Bestellungen"},
	}
	const want = `{"resource":"https://api.example/mcp","authorization_servers":["https://login.example/realm"],` +
		`"jwks_uri":"https://api.example/jwks","scopes_supported":["read","write"],"bearer_methods_supported":["header","body","query"],` +
		`"resource_signing_alg_values_supported":["ES256"],"resource_name":"Orders","resource_documentation":"https://api.example/docs",` +
		`"resource_policy_uri":"https://api.example/policy","resource_tos_uri":"https://api.example/terms",` +
		`"tls_client_certificate_bound_access_tokens":true,"authorization_details_types_supported":["payment"],` +
		`"dpop_signing_alg_values_supported":["ES256"],"dpop_bound_access_tokens_required":true,"signed_metadata":"` + signedMetadata + `",` +
		`"resource_name#de":"Bestellungen"}`
	h := resourceHandler(t, full)
	full.ScopesSupported[0] = "changed" // after Handler has read it
	w := serveResource(h, "GET", full.Path(), nil)
	if w.Code != 200 || w.Body.String() != want || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	// Members without a value are left out (RFC 9728, section 3.2).
	empty := jwtauth.ResourceMetadata{Resource: "https://api.example/mcp", ScopesSupported: []string{}}
	if w := serveResource(resourceHandler(t, empty), "GET", empty.Path(), nil); w.Body.String() != `{"resource":"https://api.example/mcp"}` {
		t.Errorf("got %s", w.Body)
	}
}

func TestResourceMetadataHTTP(t *testing.T) {
	m := jwtauth.ResourceMetadata{Resource: "https://api.example"}
	h := resourceHandler(t, m)
	etag := serveResource(h, "GET", m.Path(), nil).Header().Get("Etag")
	for _, c := range []struct {
		method string
		header http.Header
		status int
		body   bool
		want   map[string]string
	}{
		{"GET", http.Header{"Origin": {"https://app.example"}}, 200, true, map[string]string{
			"Content-Type": "application/json", "Cache-Control": "public, max-age=300",
			"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag", "Access-Control-Allow-Credentials": "",
		}},
		{"HEAD", nil, 200, false, map[string]string{"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}},
		{"GET", http.Header{"If-None-Match": {etag}}, 304, false, map[string]string{"Access-Control-Allow-Origin": "*"}},
		{"OPTIONS", http.Header{
			"Origin": {"https://app.example"}, "Access-Control-Request-Method": {"GET"},
			"Access-Control-Request-Headers": {"mcp-protocol-version"},
		}, 204, false, map[string]string{
			"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
			"Access-Control-Allow-Headers": "*, Authorization", "Access-Control-Max-Age": "86400", "Allow": "GET, HEAD, OPTIONS",
		}},
		{"POST", nil, 405, true, map[string]string{"Allow": "GET, HEAD, OPTIONS", "Access-Control-Allow-Origin": "*"}},
	} {
		w := serveResource(h, c.method, m.Path(), c.header)
		if w.Code != c.status || (w.Body.Len() > 0) != c.body {
			t.Errorf("%s %v: %d with %d bytes, want %d", c.method, c.header, w.Code, w.Body.Len(), c.status)
		}
		for name, want := range c.want {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %v: %s is %q, want %q", c.method, c.header, name, got, want)
			}
		}
	}
}

// All faults are reported at once, each with its field.
func TestResourceMetadataFaults(t *testing.T) {
	_, err := jwtauth.ResourceMetadata{
		Resource:                           "http://api.example",
		AuthorizationServers:               []string{"https://login.example", "login.example", "https://login.example/?x=y"},
		JWKSURI:                            "https://u:p@api.example/",
		ScopesSupported:                    []string{"read", "read write", ""},
		BearerMethodsSupported:             []string{"header", "cookie"},
		ResourceSigningAlgValuesSupported:  []string{"None"},
		ResourceName:                       "a\nb",
		ResourceDocumentation:              "docs.html",
		ResourcePolicyURI:                  "https://api.example/#policy",
		ResourceTOSURI:                     "ftp://api.example/terms",
		AuthorizationDetailsTypesSupported: []string{""},
		DPoPSigningAlgValuesSupported:      []string{"none"},
		SignedMetadata:                     "a.b",
		Additional:                         map[string]any{"Resource": 1, "": 2, "a": nil, "b": []string{}, "c": ""},
	}.Handler()
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		"Resource: does not begin with https://",
		"AuthorizationServers[1]: is not an absolute URL",
		"AuthorizationServers[2]: has a query",
		"JWKSURI: contains a user name",
		"ResourceDocumentation: is not an absolute URL",
		"ResourcePolicyURI: has a fragment",
		"ResourceTOSURI: does not begin with https://",
		"ScopesSupported[1]: is not a scope",
		"ScopesSupported[2]: is not a scope",
		`BearerMethodsSupported[1]: is not "header"`,
		"ResourceSigningAlgValuesSupported[0]: is none",
		"AuthorizationDetailsTypesSupported[0]: is empty",
		"DPoPSigningAlgValuesSupported[0]: is none",
		"ResourceName: contains a control character",
		"SignedMetadata: is not a signed JWT: not three segments",
		`Additional[""]: is empty`,
		`Additional["Resource"]: has a field of its own, Resource`,
		`Additional["a"]: has no value`,
		`Additional["b"]: has no value`,
	}
	got := strings.Split(err.Error(), "\n")
	for i, line := range got {
		if i >= len(want) || !strings.HasPrefix(line, "jwtauth: ResourceMetadata."+want[i]) {
			t.Errorf("line %d: %s", i, line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d faults, want %d", len(got), len(want))
	}
	_, err = jwtauth.ResourceMetadata{Resource: "https://api.example", Additional: map[string]any{"x": func() {}}}.Handler()
	if err == nil || !strings.HasPrefix(err.Error(), "jwtauth: ResourceMetadata.Additional: ") {
		t.Errorf("got %v", err)
	}
}

// Signed metadata has a signature and an issuer (RFC 9728, section 2.2).
func TestResourceMetadataSigned(t *testing.T) {
	const header, claims = `{"alg":"ES256"}`, `{"iss":"https://issuer.example"}`
	encode := base64.RawURLEncoding.EncodeToString
	for _, c := range []struct{ name, header, claims, signature, want string }{
		{"without resource", header, claims, "sig", ""},
		{"no iss", header, `{"resource":"https://api.example"}`, "sig", "has no claim iss"},
		{"iss is a number", header, `{"iss":1}`, "sig", "has no claim iss"},
		{"another resource", header, `{"iss":"a","resource":"https://other.example"}`, "sig", "has a claim resource that is not Resource"},
		{"no signature", header, claims, "", "is not signed"},
		{"alg none", `{"alg":"none"}`, claims, "", "is not signed"},
		{"alg None with a signature", `{"alg":"None"}`, claims, "sig", "is not signed"},
		{"no alg", `{}`, claims, "sig", "is not a signed JWT"},
		{"an array", header, `[]`, "sig", "has no claims in JSON"},
	} {
		token := encode([]byte(c.header)) + "." + encode([]byte(c.claims)) + "." + encode([]byte(c.signature))
		_, err := jwtauth.ResourceMetadata{Resource: "https://api.example", SignedMetadata: token}.Handler()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "jwtauth: ResourceMetadata.SignedMetadata: "+c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
