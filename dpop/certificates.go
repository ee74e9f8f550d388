package dpop

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/credentials"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
	"github.com/seed-0a072700/jwtauth/internal/peer"
)

// CertificateOptions configures [NewCertificates]. Literals must be keyed. The
// zero value reads the certificate of the TLS connection.
type CertificateOptions struct {
	_ struct{}

	// Header is the header in which a proxy passes the certificate of the
	// client, in the format of RFC 9440, section 2: "Client-Cert". The proxy
	// must remove this header from the requests of clients. Default: none; the
	// certificate is that of the TLS connection to this service.
	Header string

	// TrustedProxies are the addresses of the proxies whose Header counts. They
	// are compared with the address of the connection. Required with Header.
	// They must not contain all addresses that a client may have.
	TrustedProxies []netip.Prefix

	// AllowUnbound also admits tokens that are not bound to a key, and logins
	// without a certificate. Default: each token must be bound.
	AllowUnbound bool
}

// Certificates checks that tokens are used by the client whose certificate they
// are bound to (RFC 8705, section 3). It does not check who issued the
// certificate: that is up to the TLS configuration, with ClientAuth set to
// RequestClientCert or more. Certificates is safe for concurrent use. Make it
// with [NewCertificates].
//
// A session is bound to one certificate, not to its key: after a client has
// renewed its certificate, it must log in again.
type Certificates struct {
	header  string
	proxies peer.Proxies
	unbound bool
}

// NewCertificates returns a check of certificates. The error joins all faults
// of opts, each naming its field.
func NewCertificates(opts CertificateOptions) (*Certificates, error) {
	var f faults.Collector
	switch {
	case opts.Header != "" && !credentials.IsName(opts.Header):
		f.Add("dpop.CertificateOptions.Header", "is not a header name")
	case opts.Header != "" && len(opts.TrustedProxies) == 0:
		f.Add("dpop.CertificateOptions.TrustedProxies", "is required with Header: otherwise any client could set it")
	case opts.Header == "" && len(opts.TrustedProxies) > 0:
		f.Add("dpop.CertificateOptions.TrustedProxies", "is set, but Header is not")
	}
	proxies, err := peer.NewProxies(opts.TrustedProxies)
	if err != nil {
		f.Add("dpop.CertificateOptions.TrustedProxies", "%w", err)
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	return &Certificates{
		header:  http.CanonicalHeaderKey(opts.Header),
		proxies: proxies,
		unbound: opts.AllowUnbound,
	}, nil
}

// ErrNoCertificate is returned when a login or a refresh needs a client
// certificate and has none. The status is 400.
var ErrNoCertificate = errors.New("jwtauth: dpop: no client certificate")

// certificateMember is the member of "cnf" with the hash of a certificate (RFC
// 8705, section 3.1).
const certificateMember = "x5t#S256"

var (
	errOtherCertificate = fmt.Errorf("%w: it is bound to another client certificate (cnf.x5t#S256)", jwtauth.ErrTokenInvalid)
	errNotBound         = fmt.Errorf("%w: it is not bound to a client certificate (cnf.x5t#S256)", jwtauth.ErrTokenInvalid)
	errOtherMember      = fmt.Errorf("%w: it is bound to a key by a member of cnf other than x5t#S256", jwtauth.ErrTokenInvalid)
	errBadHeader        = fmt.Errorf("%w: the header of the proxy is not one certificate in the format of RFC 9440", jwtauth.ErrInvalidRequest)
)

// Check checks that a request was made with the certificate that its token is
// bound to. It is for [jwtauth.ProofOfPossession]. It returns
// [jwtauth.ErrTokenInvalid] if the certificate is missing or another one, or if
// the token is not bound, and [jwtauth.ErrInvalidRequest] if the header of the
// proxy is malformed.
func (c *Certificates) Check(r *http.Request, _ string, claims *jwtauth.Claims) error {
	bound, ok := confirmation(claims, certificateMember)
	switch {
	case !ok:
		return errOtherMember
	case bound == "" && c.unbound:
		return nil
	case bound == "":
		return errNotBound
	}
	hash, err := c.hash(r)
	switch {
	case err != nil:
		return err
	case hash == "":
		return fmt.Errorf("%w: it is bound to a client certificate (cnf.x5t#S256), and the request has none", jwtauth.ErrTokenInvalid)
	case hash != bound:
		return errOtherCertificate
	}
	return nil
}

// Confirmation returns "x5t#S256" and the hash of the certificate of a login or
// a refresh. It is for [jwtauth.HandlerOptions.Confirmation]. Without a
// certificate it returns [ErrNoCertificate], or "" if AllowUnbound is set.
func (c *Certificates) Confirmation(r *http.Request) (cnfMember, value string, err error) {
	hash, err := c.hash(r)
	switch {
	case err != nil:
		return "", "", err
	case hash != "":
		return certificateMember, hash, nil
	case c.unbound:
		return "", "", nil
	}
	return "", "", &proofError{ErrNoCertificate, jwtauth.Problem{
		Status: http.StatusBadRequest, Code: "certificate_missing", Detail: "A client certificate is required.",
	}}
}

// hash returns the hash of the client's certificate, or "" if there is none.
func (c *Certificates) hash(r *http.Request) (string, error) {
	if c.header != "" && c.isProxy(r.RemoteAddr) {
		values := r.Header[c.header]
		if len(values) == 0 {
			return "", nil
		}
		der, ok := byteSequence(values[0])
		if !ok || len(values) > 1 {
			return "", errBadHeader
		}
		if _, err := x509.ParseCertificate(der); err != nil {
			return "", errBadHeader
		}
		return hashOf(der), nil
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", nil
	}
	return hashOf(r.TLS.PeerCertificates[0].Raw), nil
}

// isProxy reports whether a connection comes from one of the proxies.
func (c *Certificates) isProxy(remote string) bool {
	address, err := netip.ParseAddrPort(remote)
	return err == nil && c.proxies.Trust(address.Addr())
}

// byteSequence reads a Byte Sequence (RFC 8941, section 3.3.5).
func byteSequence(text string) ([]byte, bool) {
	inner, begins := strings.CutPrefix(text, ":")
	inner, ends := strings.CutSuffix(inner, ":")
	der, err := base64.StdEncoding.DecodeString(inner)
	return der, begins && ends && err == nil && len(der) > 0
}

func hashOf(der []byte) string {
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// confirmation returns the only member of "cnf", or "" if the token has no
// "cnf". Any other value of "cnf" is not ok, because it may demand more than
// this member.
func confirmation(c *jwtauth.Claims, member string) (value string, ok bool) {
	var cnf json.RawMessage
	if err := c.Get("cnf", &cnf); err != nil || cnf == nil {
		return "", err == nil
	}
	members := 0
	s := jsonscan.New(string(cnf))
	for s.Next() {
		members++
		if s.Name() == member {
			value, _ = s.Value().Str()
		}
	}
	return value, s.Valid() && members == 1 && value != ""
}
