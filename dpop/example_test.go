package dpop_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// A service whose logins bind the session to the key of the client. A request
// without a proof learns the scheme.
func Example() {
	key, err := jwtauth.GenerateKey(jwtauth.ES256)
	if err != nil {
		panic(err)
	}
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: memstore.New()})
	if err != nil {
		panic(err)
	}
	proofs, err := dpop.NewVerifier(dpop.Options{URL: "https://api.example.com"})
	if err != nil {
		panic(err)
	}
	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Authenticate: func(context.Context, string, string) (string, []jwtauth.LoginOption, error) {
			return "", nil, jwtauth.ErrWrongPassword // look the user up
		},
		Confirmation: proofs.Confirmation,
	})
	if err != nil {
		panic(err)
	}
	protect := jwtauth.Verify(issuer, proofs.VerifyOptions()...)

	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.HandleFunc("POST /refresh", handlers.Refresh)
	mux.Handle("GET /me", protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Fprintln(w, claims.Subject)
	})))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/me", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output: 401 DPoP realm="restricted", algs="ES256 EdDSA"
}

// Proofs with a nonce of the service, which every response hands out.
func ExampleVerifier_Nonces() {
	proofs, err := dpop.NewVerifier(dpop.Options{
		URL:      "https://api.example.com",
		NonceKey: []byte("32 random bytes that all instances share"),
		Now:      func() time.Time { return time.Unix(1_700_000_000, 0) },
	})
	if err != nil {
		panic(err)
	}
	server := proofs.Nonces(http.NotFoundHandler())
	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(len(w.Header().Get("DPoP-Nonce")) > 0)
	// Output: true
}

// Tokens that are bound to the client's certificate, behind a proxy that ends
// TLS and passes the certificate on.
func ExampleCertificates() {
	certificates, err := dpop.NewCertificates(dpop.CertificateOptions{
		Header:         "Client-Cert",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	})
	if err != nil {
		panic(err)
	}
	_ = jwtauth.HandlerOptions{Confirmation: certificates.Confirmation}
	_ = jwtauth.ProofOfPossession(certificates.Check)

	_, _, err = certificates.Confirmation(httptest.NewRequest("POST", "/login", nil))
	fmt.Println(err)
	// Output: jwtauth: dpop: no client certificate
}

// A server that asks each client for a certificate.
func ExampleNewCertificates() {
	certificates, err := dpop.NewCertificates(dpop.CertificateOptions{AllowUnbound: true})
	if err != nil {
		panic(err)
	}
	server := &http.Server{TLSConfig: &tls.Config{ClientAuth: tls.RequestClientCert}}
	_, _ = certificates, server
}
