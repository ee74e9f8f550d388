package dpop_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
)

// A client sends its certificate with those of its issuers. Tokens are bound to
// the first one only.
func TestCertificateChain(t *testing.T) {
	certificates, err := dpop.NewCertificates(dpop.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	own, authority := certificate(t), certificate(t)
	var chain []*x509.Certificate
	for _, c := range []tls.Certificate{own, authority} {
		parsed, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, parsed)
	}
	issuer := newIssuer(t)
	verify := jwtauth.VerifyRequest(issuer, jwtauth.ProofOfPossession(certificates.Check))
	r := httptest.NewRequest("POST", "/login", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: chain, VerifiedChains: [][]*x509.Certificate{chain}}
	if _, value, err := certificates.Confirmation(r); err != nil || value != hashOfCertificate(own) {
		t.Errorf("bound to %q, want %q: %v", value, hashOfCertificate(own), err)
	}
	for name, test := range map[string]struct {
		value string
		ok    bool
	}{
		"the client":                 {hashOfCertificate(own), true},
		"the authority":              {hashOfCertificate(authority), false},
		"the client, in upper case":  {strings.ToUpper(hashOfCertificate(own)), false},
		"the client, without an end": {hashOfCertificate(own)[:42], false},
	} {
		tokens, err := issuer.Login(t.Context(), "ann", jwtauth.Confirmation("x5t#S256", test.value))
		if err != nil {
			if test.ok {
				t.Fatal(err)
			}
			continue // such a value is refused at the login
		}
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		if _, err := verify(r); (err == nil) != test.ok || err != nil && !errors.Is(err, jwtauth.ErrTokenInvalid) {
			t.Errorf("bound to %s: %v", name, err)
		}
	}
}

// Only the form of RFC 9440 is read, and only one certificate.
func TestOddCertificateHeaders(t *testing.T) {
	certificates, err := dpop.NewCertificates(dpop.CertificateOptions{
		Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")},
	})
	if err != nil {
		t.Fatal(err)
	}
	own, other := certificate(t), certificate(t)
	der := own.Certificate[0]
	for name, value := range map[string]string{
		"two in one line":       byteSequence(own) + ", " + byteSequence(other),
		"with a parameter":      byteSequence(own) + ";a=1",
		"no end":                strings.TrimSuffix(byteSequence(own), ":"),
		"one colon":             ":",
		"base64url":             ":" + base64.URLEncoding.EncodeToString(append(der, 0xff, 0xff, 0xff)) + ":",
		"other data after it":   ":" + base64.StdEncoding.EncodeToString(append(der[:len(der):len(der)], 0)) + ":",
		"two in one sequence":   ":" + base64.StdEncoding.EncodeToString(append(der[:len(der):len(der)], other.Certificate[0]...)) + ":",
		"cut off":               ":" + base64.StdEncoding.EncodeToString(der[:len(der)-3]) + ":",
		"a string":              `"` + base64.StdEncoding.EncodeToString(der) + `"`,
		"a list":                "(" + byteSequence(own) + ")",
		"PEM in the sequence":   ":" + base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) + ":",
		"Envoy's form":          "Hash=" + hashOfCertificate(own),
		"a space in the middle": byteSequence(own)[:20] + " " + byteSequence(own)[20:],
	} {
		r := httptest.NewRequest("POST", "/login", nil)
		r.RemoteAddr = "10.1.2.3:444"
		r.Header.Set("Client-Cert", value)
		if _, hash, err := certificates.Confirmation(r); !errors.Is(err, jwtauth.ErrInvalidRequest) || hash != "" {
			t.Errorf("%s: %q: %v", name, hash, err)
		}
	}
	// The mapped prefix names the same proxies.
	r := httptest.NewRequest("POST", "/login", nil)
	r.RemoteAddr = "10.1.2.3:444"
	r.Header.Set("Client-Cert", byteSequence(own))
	if _, hash, err := certificates.Confirmation(r); err != nil || hash != hashOfCertificate(own) {
		t.Errorf("%q: %v", hash, err)
	}
}
