package jwtauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth/internal/challenge"
	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/document"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/site"
)

// ResourceMetadata describes a service that requires tokens (OAuth 2.0
// Protected Resource Metadata, RFC 9728). From it, a client that knows the URL
// of the service learns which authorization servers issue tokens for it. The
// Model Context Protocol requires this document.
//
// Resource is required. Any other field that is zero is left out of the
// document. Each field is the member of section 2 with the same name. Literals
// must name their fields. Publish the document and name it in challenges:
//
//	metadata := jwtauth.ResourceMetadata{
//		Resource:             "https://api.example.com/mcp",
//		AuthorizationServers: []string{"https://login.example.com"},
//	}
//	document, err := metadata.Handler()
//	…
//	mux.Handle(metadata.Path(), document) // no token needed
//	where := jwtauth.ResourceMetadataURL(metadata.URL())
//	protect := jwtauth.Verify(verifier, where)
//
// All URLs must be absolute https URLs without user, password and fragment. For
// tests, http is accepted on a loopback host.
type ResourceMetadata struct {
	_ struct{}

	// Resource is the URL of the service, as clients name it when they request
	// a token (RFC 8707). Clients compare it with the URL that they use,
	// character by character. It is also the usual audience: see
	// VerifierOptions.Audience. Its path has no empty segments and neither "."
	// nor "..", which clients and servers remove.
	Resource string `json:"resource"`

	// AuthorizationServers are the issuers of the tokens that the service
	// accepts: URLs without a query.
	AuthorizationServers []string `json:"authorization_servers,omitempty"`

	// JWKSURI is the URL of the service's own public keys. It has no connection
	// with the keys that verify tokens.
	JWKSURI string `json:"jwks_uri,omitempty"`

	// ScopesSupported are the scopes that clients may request.
	ScopesSupported []string `json:"scopes_supported,omitempty"`

	// BearerMethodsSupported says where the service reads tokens: "header" for
	// [Bearer], "body" for [Form], and "query" for [Query].
	BearerMethodsSupported []string `json:"bearer_methods_supported,omitempty"`

	// ResourceSigningAlgValuesSupported are the algorithms with which the
	// service signs its responses, if it does. They cannot contain "none".
	ResourceSigningAlgValuesSupported []string `json:"resource_signing_alg_values_supported,omitempty"`

	// ResourceName is the name of the service for people. The next three are
	// the URLs of a page for developers, of a policy on the use of the data,
	// and of the terms of service.
	ResourceName          string `json:"resource_name,omitempty"`
	ResourceDocumentation string `json:"resource_documentation,omitempty"`
	ResourcePolicyURI     string `json:"resource_policy_uri,omitempty"`
	ResourceTOSURI        string `json:"resource_tos_uri,omitempty"`

	// TLSClientCertificateBoundAccessTokens says that tokens may be bound to
	// client certificates (RFC 8705).
	TLSClientCertificateBoundAccessTokens bool `json:"tls_client_certificate_bound_access_tokens,omitempty"`

	// AuthorizationDetailsTypesSupported are types of RFC 9396.
	AuthorizationDetailsTypesSupported []string `json:"authorization_details_types_supported,omitempty"`

	// DPoPSigningAlgValuesSupported are the algorithms that DPoP proofs may use
	// (RFC 9449). DPoPBoundAccessTokensRequired says that each token must be
	// bound to a key.
	DPoPSigningAlgValuesSupported []string `json:"dpop_signing_alg_values_supported,omitempty"`
	DPoPBoundAccessTokensRequired bool     `json:"dpop_bound_access_tokens_required,omitempty"`

	// SignedMetadata is a JWT with the same members as claims, and with "iss"
	// (section 2.2). Its signature is not checked.
	SignedMetadata string `json:"signed_metadata,omitempty"`

	// Additional holds members without a field, such as a name in another
	// language: "resource_name#de". The values must be encodable as JSON.
	Additional map[string]any `json:"-"`
}

// resourcePath is the well-known path of the document.
const resourcePath = "/.well-known/oauth-protected-resource"

// Path returns the path of the document on the host of the service: the path of
// Resource behind /.well-known/oauth-protected-resource (RFC 9728, section
// 3.1). It is suitable as a pattern of [http.ServeMux]. If it ends with a
// slash, because Resource does, the pattern also matches longer paths unless
// "{$}" follows. Path returns "" if Resource is invalid; Handler then returns
// the error.
func (m ResourceMetadata) Path() string {
	u, err := m.location()
	if err != nil {
		return ""
	}
	return u.EscapedPath()
}

// URL returns the URL of the document, for [ResourceMetadataURL]. It returns ""
// if Resource is invalid; Handler then returns the error.
func (m ResourceMetadata) URL() string {
	u, err := m.location()
	if err != nil {
		return ""
	}
	return u.String()
}

// location returns the URL of the document. The query of Resource remains its
// query.
func (m ResourceMetadata) location() (*url.URL, error) {
	u, err := site.ParseHTTPS(m.Resource)
	if err == nil {
		err = site.CheckSegments(u)
	}
	if err != nil {
		return nil, err
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	u.RawPath = resourcePath + path
	u.Path, err = url.PathUnescape(u.RawPath)
	return u, err
}

// Handler returns a handler that responds with the document to GET and HEAD.
// Mount it at Path, outside of [Verify]. The handler reads the fields once. Its
// responses may be kept for 5 minutes, and have an ETag. The error joins all
// faults, each with the name of the field.
//
// Scripts of every origin may read the document: the responses have the headers
// of CORS, and OPTIONS requests get 204. So register the handler without a
// method in the pattern, and not behind other CORS middleware. Other methods
// get 405.
func (m ResourceMetadata) Handler() (http.Handler, error) {
	var f faults.Collector
	m.check(&f)
	if err := f.Err(); err != nil {
		return nil, err
	}
	text, err := m.text()
	if err != nil {
		return nil, fmt.Errorf("jwtauth: ResourceMetadata.Additional: %w", err)
	}
	d := document.New(text, "application/json", "public, max-age=300")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The document is the same for everyone and holds no secret.
		w.Header().Set("Access-Control-Allow-Origin", "*")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			w.Header().Set("Access-Control-Expose-Headers", "ETag")
			d.ServeHTTP(w, r)
		case http.MethodOptions:
			w.Header().Set("Allow", resourceMethods)
			w.Header().Set("Access-Control-Allow-Methods", resourceMethods)
			// The star stands for headers such as MCP-Protocol-Version, but not
			// for Authorization, which some clients add to all requests.
			w.Header().Set("Access-Control-Allow-Headers", "*, Authorization")
			w.Header().Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", resourceMethods)
			WriteError(w, r, errMethod)
		}
	}), nil
}

const resourceMethods = "GET, HEAD, OPTIONS"

// text returns the document.
func (m ResourceMetadata) text() ([]byte, error) {
	text, err := json.Marshal(m)
	if err != nil || len(m.Additional) == 0 {
		return text, err
	}
	more, err := json.Marshal(m.Additional)
	if err != nil {
		return nil, err
	}
	return append(append(text[:len(text)-1], ','), more[1:]...), nil
}

// check adds the faults of all fields.
func (m ResourceMetadata) check(f *faults.Collector) {
	resourceURL := func(field, text string) {
		if _, err := site.ParseHTTPS(text); err != nil {
			f.Add("ResourceMetadata."+field, "%w", err)
		}
	}
	if _, err := m.location(); err != nil {
		f.Add("ResourceMetadata.Resource", "%w", err)
	}
	for i, issuer := range m.AuthorizationServers {
		field := fmt.Sprintf("AuthorizationServers[%d]", i)
		resourceURL(field, issuer)
		if strings.Contains(issuer, "?") {
			f.Add("ResourceMetadata."+field, "has a query, which an issuer must not have (RFC 8414, section 2)")
		}
	}
	for _, field := range []struct{ name, url string }{
		{"JWKSURI", m.JWKSURI},
		{"ResourceDocumentation", m.ResourceDocumentation},
		{"ResourcePolicyURI", m.ResourcePolicyURI},
		{"ResourceTOSURI", m.ResourceTOSURI},
	} {
		if field.url != "" {
			resourceURL(field.name, field.url)
		}
	}
	for _, list := range []struct {
		name   string
		values []string
		check  func(string) error
	}{
		{"ScopesSupported", m.ScopesSupported, checkScope},
		{"BearerMethodsSupported", m.BearerMethodsSupported, checkBearerMethod},
		{"ResourceSigningAlgValuesSupported", m.ResourceSigningAlgValuesSupported, checkSigningAlg},
		{"AuthorizationDetailsTypesSupported", m.AuthorizationDetailsTypesSupported, faults.CheckName},
		{"DPoPSigningAlgValuesSupported", m.DPoPSigningAlgValuesSupported, checkSigningAlg},
	} {
		for i, value := range list.values {
			if err := list.check(value); err != nil {
				f.Add(fmt.Sprintf("ResourceMetadata.%s[%d]", list.name, i), "%w", err)
			}
		}
	}
	if m.ResourceName != "" {
		f.Name("ResourceMetadata.ResourceName", m.ResourceName)
	}
	if m.SignedMetadata != "" {
		if err := m.checkSigned(); err != nil {
			f.Add("ResourceMetadata.SignedMetadata", "%w", err)
		}
	}
	m.checkAdditional(f)
}

// checkSigned checks the form of the signed metadata (RFC 9728, section 2.2).
func (m ResourceMetadata) checkSigned() error {
	first, second, ok := compact.Split(m.SignedMetadata)
	if !ok {
		return fmt.Errorf("is not a signed JWT: %w", compact.SegmentsError(m.SignedMetadata))
	}
	header, err := compact.ParseHeader(m.SignedMetadata[:first])
	if err != nil {
		return fmt.Errorf("is not a signed JWT: %w", err)
	}
	if strings.EqualFold(header.Algorithm, "none") || m.SignedMetadata[second+1:] == "" {
		return errors.New("is not signed")
	}
	payload, ok := compact.Decode(nil, m.SignedMetadata[first+1:second])
	var claims map[string]any
	if !ok || json.Unmarshal(payload, &claims) != nil {
		return errors.New("has no claims in JSON")
	}
	if issuer, _ := claims["iss"].(string); issuer == "" {
		return errors.New("has no claim iss, which RFC 9728, section 2.2, requires")
	}
	if resource, ok := claims["resource"]; ok && resource != m.Resource {
		return errors.New("has a claim resource that is not Resource")
	}
	return nil
}

// checkAdditional refuses members that have a field, because the document would
// contain two members of one name, and members without a value, which RFC 9728,
// section 3.2, forbids.
func (m ResourceMetadata) checkAdditional(f *faults.Collector) {
	t := reflect.TypeFor[ResourceMetadata]()
	for _, name := range slices.Sorted(maps.Keys(m.Additional)) {
		path := fmt.Sprintf("ResourceMetadata.Additional[%q]", name)
		f.Name(path, name)
		if text, err := json.Marshal(m.Additional[name]); err == nil && (string(text) == "null" || string(text) == "[]") {
			f.Add(path, "has no value (RFC 9728, section 3.2)")
		}
		for i := range t.NumField() {
			field, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if field != "" && strings.EqualFold(field, name) {
				f.Add(path, "has a field of its own, %s", t.Field(i).Name)
			}
		}
	}
}

func checkScope(scope string) error {
	if !challenge.IsListItem(scope) {
		return errors.New("is not a scope (RFC 6749, section 3.3)")
	}
	return nil
}

func checkBearerMethod(method string) error {
	switch method {
	case "header", "body", "query":
		return nil
	}
	return errors.New(`is not "header", "body" or "query"`)
}

func checkSigningAlg(alg string) error {
	if strings.EqualFold(alg, "none") {
		return errors.New("is none, which is no signature")
	}
	return faults.CheckName(alg)
}
