package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
)

// certificate returns a new certificate that signs itself.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func hashOfCertificate(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func byteSequence(c tls.Certificate) string {
	return ":" + base64.StdEncoding.EncodeToString(c.Certificate[0]) + ":"
}

func TestNewCertificatesFaults(t *testing.T) {
	for want, opts := range map[string]dpop.CertificateOptions{
		"dpop.CertificateOptions.Header: is not a header name":                     {Header: "a b", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		"dpop.CertificateOptions.TrustedProxies: is required with Header":          {Header: "Client-Cert"},
		"dpop.CertificateOptions.TrustedProxies: is set, but Header is not":        {TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		"dpop.CertificateOptions.TrustedProxies: the prefixes trust everyone in 0": {Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		"dpop.CertificateOptions.TrustedProxies: the prefixes trust everyone in 2": {Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("2000::/4"), netip.MustParsePrefix("3000::/4")}},
		"dpop.CertificateOptions.TrustedProxies: a prefix is invalid":              {Header: "Client-Cert", TrustedProxies: []netip.Prefix{{}}},
	} {
		if _, err := dpop.NewCertificates(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestCertificates logs in and calls a route over mutual TLS.
func TestCertificates(t *testing.T) {
	certificates, err := dpop.NewCertificates(dpop.CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	issuer := newIssuer(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/me" {
			jwtauth.Verify(issuer, jwtauth.ProofOfPossession(certificates.Check))(http.NotFoundHandler()).ServeHTTP(w, r)
			return
		}
		member, value, err := certificates.Confirmation(r)
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		tokens, err := issuer.Login(r.Context(), "ann", jwtauth.Confirmation(member, value))
		if err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, tokens.AccessToken)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	as := func(path, token string, use ...tls.Certificate) (int, string) {
		transport := server.Client().Transport.(*http.Transport).Clone()
		defer transport.CloseIdleConnections()
		transport.TLSClientConfig.Certificates = use
		r, _ := http.NewRequest("GET", server.URL+path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	own, other := certificate(t), certificate(t)
	if status, body := as("/login", ""); status != http.StatusBadRequest || !strings.Contains(body, "certificate_missing") {
		t.Errorf("login without a certificate: %d: %s", status, body)
	}
	_, token := as("/login", "", own)
	for name, test := range map[string]struct {
		use  []tls.Certificate
		want int
	}{
		"own":   {[]tls.Certificate{own}, http.StatusNotFound},
		"other": {[]tls.Certificate{other}, http.StatusUnauthorized},
		"none":  {nil, http.StatusUnauthorized},
	} {
		if status, body := as("/me", token, test.use...); status != test.want {
			t.Errorf("%s: status %d: %s", name, status, body)
		}
	}
}

// TestCertificateHeader reads the certificate that a proxy passes on.
func TestCertificateHeader(t *testing.T) {
	certificates, err := dpop.NewCertificates(dpop.CertificateOptions{
		Header: "client-cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
	})
	if err != nil {
		t.Fatal(err)
	}
	own, other := certificate(t), certificate(t)
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	direct := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	for _, test := range []struct {
		name, remote string
		values       []string
		state        *tls.ConnectionState
		want         string // hash, or empty
		err          error
	}{
		{"from a proxy", "10.1.2.3:444", []string{byteSequence(own)}, nil, hashOfCertificate(own), nil},
		{"from an IPv6 proxy", "[fd00::1]:444", []string{byteSequence(own)}, nil, hashOfCertificate(own), nil},
		{"from a mapped address", "[::ffff:10.1.2.3]:444", []string{byteSequence(own)}, nil, hashOfCertificate(own), nil},
		{"from elsewhere", "192.0.2.1:444", []string{byteSequence(own)}, nil, "", dpop.ErrNoCertificate},
		{"own connection, header of another", "192.0.2.1:444", []string{byteSequence(other)}, direct, hashOfCertificate(own), nil},
		{"from a proxy without", "10.1.2.3:444", nil, direct, "", dpop.ErrNoCertificate},
		{"no address", "@", []string{byteSequence(own)}, nil, "", dpop.ErrNoCertificate},
		{"twice", "10.1.2.3:444", []string{byteSequence(own), byteSequence(own)}, nil, "", jwtauth.ErrInvalidRequest},
		{"no colons", "10.1.2.3:444", []string{strings.Trim(byteSequence(own), ":")}, nil, "", jwtauth.ErrInvalidRequest},
		{"empty", "10.1.2.3:444", []string{""}, nil, "", jwtauth.ErrInvalidRequest},
		{"empty sequence", "10.1.2.3:444", []string{"::"}, nil, "", jwtauth.ErrInvalidRequest},
		{"not a certificate", "10.1.2.3:444", []string{":AAAA:"}, nil, "", jwtauth.ErrInvalidRequest},
		{"PEM", "10.1.2.3:444", []string{"-----BEGIN CERTIFICATE-----"}, nil, "", jwtauth.ErrInvalidRequest},
	} {
		r := httptest.NewRequest("POST", "/login", nil)
		r.RemoteAddr, r.TLS = test.remote, test.state
		r.Header["Client-Cert"] = test.values
		member, value, err := certificates.Confirmation(r)
		if value != test.want || !errors.Is(err, test.err) || (value != "") != (member == "x5t#S256") {
			t.Errorf("%s: %q %q: %v", test.name, member, value, err)
		}
	}
}

func TestCertificateOfToken(t *testing.T) {
	own := certificate(t)
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	issuer := newIssuer(t)
	for _, unbound := range []bool{false, true} {
		certificates, err := dpop.NewCertificates(dpop.CertificateOptions{AllowUnbound: unbound})
		if err != nil {
			t.Fatal(err)
		}
		verify := jwtauth.VerifyRequest(issuer, jwtauth.ProofOfPossession(certificates.Check))
		for name, test := range map[string]struct {
			opts []jwtauth.LoginOption
			ok   bool
		}{
			"bound":            {[]jwtauth.LoginOption{jwtauth.Confirmation("x5t#S256", hashOfCertificate(own))}, true},
			"not bound":        {nil, unbound},
			"bound to a proof": {[]jwtauth.LoginOption{jwtauth.Confirmation("jkt", hashOfCertificate(own))}, false},
		} {
			tokens, err := issuer.Login(t.Context(), "ann", test.opts...)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/me", nil)
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
			r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
			if _, err := verify(r); (err == nil) != test.ok || err != nil && !errors.Is(err, jwtauth.ErrTokenInvalid) {
				t.Errorf("unbound %v: %s: %v", unbound, name, err)
			}
		}
		member, value, err := certificates.Confirmation(httptest.NewRequest("POST", "/login", nil))
		if member != "" || value != "" || (err == nil) != unbound {
			t.Errorf("unbound %v: login without a certificate: %v", unbound, err)
		}
	}
}
