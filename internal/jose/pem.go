package jose

import (
	"bytes"
	"crypto/ecdh"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

var pemBegin = []byte("-----BEGIN ")

// parsePEM reads the only key of text, which starts with pemBegin.
func parsePEM(alg Algorithm, text []byte) (*Key, error) {
	var block *pem.Block
	for len(text) > 0 {
		next, rest := pem.Decode(text)
		// pem.Decode skips damaged blocks and text between blocks.
		if next == nil || bytes.Count(text[:len(text)-len(rest)], pemBegin) != 1 {
			return nil, errors.New("PEM block is damaged or cut short")
		}
		if block != nil && (block.Type != "EC PARAMETERS" || next.Type != "EC PRIVATE KEY") {
			return nil, errors.New("PEM text has several blocks; pass exactly one key")
		}
		block, text = next, bytes.TrimSpace(rest)
		if len(text) > 0 && !bytes.HasPrefix(text, pemBegin) {
			return nil, errors.New("PEM block is followed by other text; pass exactly one key")
		}
	}
	material, err := decodePEM(block)
	if err != nil {
		return nil, err
	}
	if alg == "" {
		alg = defaultAlgorithm(material)
	}
	return New(alg, material)
}

// decodePEM returns the key in block as a type of the standard library.
func decodePEM(block *pem.Block) (any, error) {
	if block.Headers["Proc-Type"] != "" || block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("PEM key is encrypted; decrypt it first (openssl pkey -in key.pem -out decrypted.pem)")
	}
	if len(block.Headers) > 0 {
		return nil, errors.New("PEM key has header lines, which are not supported")
	}
	var material any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		material, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		material, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		material, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		material, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		material, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return nil, unsupportedPEM(block.Type)
	}
	var outer asn1.RawValue // the parsers of x509 ignore trailing bytes
	if rest, err := asn1.Unmarshal(block.Bytes, &outer); err == nil && len(rest) > 0 {
		return nil, fmt.Errorf("PEM block %s has %d bytes after its content", quote(block.Type), len(rest))
	}
	if err != nil && strings.Contains(err.Error(), "(use Parse") {
		return nil, fmt.Errorf("PEM block %s contains a format that does not match its label; convert it (openssl pkey -in key.pem -out new.pem)", quote(block.Type))
	}
	if err != nil {
		return nil, fmt.Errorf("PEM block %s does not parse: %v", quote(block.Type), err)
	}
	switch material.(type) {
	case *ecdh.PrivateKey, *ecdh.PublicKey:
		return nil, errors.New("PEM key is for X25519, which cannot sign; use Ed25519 (openssl genpkey -algorithm Ed25519)")
	}
	return material, nil
}

// unsupportedPEM returns the error for a block with the given label.
func unsupportedPEM(label string) error {
	switch label {
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return errors.New("PEM block is a certificate; extract its public key (openssl x509 -in cert.pem -pubkey -noout)")
	case "OPENSSH PRIVATE KEY":
		return errors.New("PEM key is in OpenSSH's own format; convert a copy of it (ssh-keygen -p -m PKCS8 -f copy)")
	case "EC PARAMETERS":
		return errors.New("PEM block EC PARAMETERS names a curve and contains no key")
	}
	return fmt.Errorf("PEM block is %s; it must be PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY, PUBLIC KEY or RSA PUBLIC KEY", quote(label))
}

// MarshalPEM returns k as a PEM block: PRIVATE KEY (PKCS #8), or PUBLIC KEY
// (SPKI) if k has no private part or if that is in a crypto.Signer.
func (k *Key) MarshalPEM() ([]byte, error) {
	if k == nil {
		return nil, errors.New("the zero Key has no PEM form")
	}
	if k.Symmetric() {
		return nil, fmt.Errorf("%s keys have no PEM form; use MarshalJWK", k.alg)
	}
	block := pem.Block{Type: "PUBLIC KEY"}
	var err error
	if private := k.inProcess(); private != nil {
		block.Type = "PRIVATE KEY"
		block.Bytes, err = x509.MarshalPKCS8PrivateKey(private)
	} else {
		block.Bytes, err = x509.MarshalPKIXPublicKey(k.pub)
	}
	if err != nil {
		return nil, fmt.Errorf("%s key as PEM: %v", k.alg, err)
	}
	return pem.EncodeToMemory(&block), nil
}
