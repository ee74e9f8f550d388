package jose

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// severalBlocks returns the error for PEM with more than one block. It names
// the command that extracts the only key.
func severalBlocks(blocks []pemBlock) error {
	keys, certificates, extract := count(blocks)
	switch {
	case keys == 1 && certificates > 0:
		return fmt.Errorf("PEM text has several blocks, a key and a certificate; extract the key (%s)", extract)
	case keys == 0 && certificates > 1:
		return errors.New("PEM text has several blocks, all certificates; extract the public key of the first (openssl x509 -in chain.pem -pubkey -noout)")
	}
	return errors.New("PEM text has several blocks; pass exactly one key")
}

// otherText returns the error for PEM that is preceded or followed by other
// text. openssl pkcs12 and x509 -text write such text.
func otherText(where string, blocks []pemBlock) error {
	keys, certificates, extract := count(blocks)
	advice := "pass exactly one key, from -----BEGIN to END-----"
	switch {
	case keys == 1:
		advice = fmt.Sprintf("extract the key (%s)", extract)
	case keys == 0 && certificates > 0:
		advice = "extract the public key of the first certificate (openssl x509 -in chain.pem -pubkey -noout)"
	}
	return fmt.Errorf("PEM block is %s by other text; %s", where, advice)
}

// count returns how many keys and certificates there are, and the command that
// extracts the key if there is only one.
func count(blocks []pemBlock) (keys, certificates int, extract string) {
	for _, b := range blocks {
		switch {
		case strings.Contains(b.label, "CERTIFICATE"):
			certificates++
		case strings.HasSuffix(b.label, "PUBLIC KEY"):
			keys++
			extract = "openssl pkey -pubin -in bundle.pem -out key.pem"
		case strings.HasSuffix(b.label, "KEY"):
			keys++
			extract = "openssl pkey -in bundle.pem -out key.pem"
		}
	}
	return keys, certificates, extract
}

// unsupportedPEM returns the error for a block that is none of derForms.
func unsupportedPEM(b pemBlock) error {
	switch b.label {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return errors.New("PEM block is a certificate; extract its public key (openssl x509 -in cert.pem -pubkey -noout)")
	case "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST":
		return errors.New("PEM block is a certificate request; extract its public key (openssl req -in request.pem -pubkey -noout)")
	case "OPENSSH PRIVATE KEY":
		// ssh-keygen leaves Ed25519 keys in its own format and reports success.
		text := strings.Join(strings.Fields(b.body), "")
		content, _ := base64.StdEncoding.DecodeString(text)
		if strings.Contains(string(content), "ssh-ed25519") {
			return errors.New("PEM key is an Ed25519 key in OpenSSH's own format, which ssh-keygen cannot convert; create a new key (openssl genpkey -algorithm Ed25519 -out key.pem)")
		}
		return errors.New("PEM key is in OpenSSH's own format; convert a copy of it (ssh-keygen -p -m PKCS8 -f copy)")
	case "DSA PRIVATE KEY":
		return errors.New("PEM key is for DSA, which is not supported; use Ed25519 (openssl genpkey -algorithm Ed25519 -out key.pem)")
	case "EC PARAMETERS":
		return errors.New("PEM block EC PARAMETERS names a curve and contains no key")
	}
	if strings.HasPrefix(b.label, "PGP ") {
		return errors.New("PEM block is of PGP, whose keys cannot sign tokens; create a key (openssl genpkey -algorithm Ed25519 -out key.pem)")
	}
	return fmt.Errorf("PEM block is %s; it must be PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY, PUBLIC KEY or RSA PUBLIC KEY", quote(b.label))
}
