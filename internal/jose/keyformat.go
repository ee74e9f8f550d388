package jose

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxKeyText bounds the text of a key; the longest RSA key takes about 13 KiB.
const maxKeyText = 64 << 10

// Parse reads a key from PEM or from a JWK.
func Parse(alg Algorithm, data []byte) (*Key, error) {
	if alg != "" {
		if _, err := alg.suite(); err != nil {
			return nil, err
		}
	}
	if len(data) > maxKeyText {
		return nil, fmt.Errorf("key text is %d bytes; at most %d are read", len(data), maxKeyText)
	}
	text := bytes.TrimSpace(data)
	switch {
	case len(text) == 0:
		return nil, errors.New("key text is empty; it should be PEM or a JWK")
	case bytes.HasPrefix(text, pemBegin):
		return parsePEM(alg, text)
	case text[0] == '{':
		return parseJWK(alg, text)
	case bytes.Contains(text, pemBegin):
		return nil, errors.New("PEM block is preceded by other text; pass exactly one key")
	}
	if what := keyLike(text); what != "" {
		return nil, fmt.Errorf("key text is %s; it should be PEM, from -----BEGIN to END-----, or a JWK object", what)
	}
	return nil, errors.New("key text is neither PEM (-----BEGIN …) nor a JWK ({…}); a secret goes to NewKey")
}

var pemBegin = []byte("-----BEGIN ")

// parsePEM reads the one key of text, which starts with pemBegin.
func parsePEM(alg Algorithm, text []byte) (*Key, error) {
	var block *pem.Block
	for len(text) > 0 {
		next, rest := pem.Decode(text)
		// pem.Decode passes over damaged blocks and over text between blocks.
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

// decodePEM returns the key in block, as the standard library parses it.
func decodePEM(block *pem.Block) (material any, err error) {
	if block.Headers["Proc-Type"] != "" || block.Type == "ENCRYPTED PRIVATE KEY" {
		return nil, errors.New("PEM key is encrypted; decrypt it first (openssl pkey -in key.pem -out decrypted.pem)")
	}
	if len(block.Headers) > 0 {
		return nil, errors.New("PEM key has header lines, which is not understood")
	}
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
	case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
		return nil, errors.New("PEM block is a certificate; its public key alone is wanted (openssl x509 -in cert.pem -pubkey -noout)")
	case "OPENSSH PRIVATE KEY":
		return nil, errors.New("PEM key is in OpenSSH's own format; convert a copy of it (ssh-keygen -p -m PKCS8 -f copy)")
	case "EC PARAMETERS":
		return nil, errors.New("PEM block EC PARAMETERS names a curve and holds no key")
	default:
		return nil, fmt.Errorf("PEM block is %s; it should be PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY, PUBLIC KEY or RSA PUBLIC KEY", quote(block.Type))
	}
	var outer asn1.RawValue // x509's parsers pass over what follows it
	if rest, err := asn1.Unmarshal(block.Bytes, &outer); err == nil && len(rest) > 0 {
		return nil, fmt.Errorf("PEM block %s has %d bytes after its content", quote(block.Type), len(rest))
	}
	if err != nil && strings.Contains(err.Error(), "(use Parse") {
		return nil, fmt.Errorf("PEM block %s holds another format than its label says; write it anew (openssl pkey -in key.pem -out new.pem)", quote(block.Type))
	}
	if err != nil {
		return nil, fmt.Errorf("PEM block %s does not parse: %v", quote(block.Type), err)
	}
	switch material.(type) {
	case *ecdh.PrivateKey, *ecdh.PublicKey:
		return nil, errors.New("PEM key is for X25519, which agrees on keys and cannot sign; Ed25519 can (openssl genpkey -algorithm Ed25519)")
	}
	return material, nil
}

// defaultAlgorithm returns the algorithm for a key that names none. One that
// does not fit, for a key that fits none, makes NewKey say so.
func defaultAlgorithm(material any) Algorithm {
	curve := ""
	switch m := material.(type) {
	case *rsa.PrivateKey, *rsa.PublicKey:
		return RS256
	case ed25519.PrivateKey, ed25519.PublicKey:
		return EdDSA
	case []byte:
		return HS256
	case *ecdsa.PrivateKey:
		curve = m.Params().Name
	case *ecdsa.PublicKey:
		curve = m.Params().Name
	}
	switch curve {
	case "P-384":
		return ES384
	case "P-521":
		return ES512
	}
	return ES256
}

// MarshalPEM writes k as one PEM block: PRIVATE KEY (PKCS #8) where k has its
// private part at hand, else PUBLIC KEY (SPKI).
func (k *Key) MarshalPEM() ([]byte, error) {
	if k == nil {
		return nil, errors.New("the zero Key has no PEM form")
	}
	if k.Symmetric() {
		return nil, fmt.Errorf("%s keys have no PEM form; keep the secret itself", k.alg)
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

// inProcess returns the private part, nil where there is none or it lies in a
// KMS or HSM.
func (k *Key) inProcess() any {
	if k.private == nil {
		return nil
	}
	private := k.private()
	if _, isExternal := private.(external); isExternal {
		return nil
	}
	return private
}

// quote shows s where it looks like the name of an algorithm or format. Anything
// else may be a secret in the wrong place.
func quote(s string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_. "
	if len(s) > 24 || strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune(plain, r) }) {
		return "(not shown)"
	}
	return strconv.Quote(s)
}
