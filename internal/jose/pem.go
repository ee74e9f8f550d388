package jose

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const (
	pemBegin  = "-----BEGIN "
	pemEnd    = "-----END "
	pemDashes = "-----"
)

// pemBlock is a PEM block before its body is decoded.
type pemBlock struct{ label, endLabel, body string }

// parsePEM reads the only key of text.
func parsePEM(alg Algorithm, text string) (*Key, error) {
	blocks, err := splitPEM(unescapePEM(text))
	if err != nil {
		return nil, err
	}
	block := blocks[len(blocks)-1]
	if len(blocks) > 1 && (len(blocks) > 2 || blocks[0].label != "EC PARAMETERS" || block.label != "EC PRIVATE KEY") {
		return nil, severalBlocks(blocks)
	}
	m, err := block.material()
	if err != nil {
		return nil, err
	}
	return m.key(alg)
}

// splitPEM returns the blocks of text, of which there is at least one. Unlike
// pem.Decode, it does not depend on line breaks, and does not skip other text.
func splitPEM(text string) ([]pemBlock, error) {
	if !strings.Contains(text, pemBegin) {
		return nil, errors.New("PEM block has no BEGIN line; pass the text from -----BEGIN to END-----")
	}
	var blocks []pemBlock
	other := "" // where there is text that belongs to no block
	for {
		before, rest, found := strings.Cut(text, pemBegin)
		switch {
		case strings.TrimSpace(before) == "":
		case len(blocks) > 0:
			other = "followed"
		default:
			other = "preceded"
		}
		switch {
		case !found && other != "":
			return nil, otherText(other, blocks)
		case !found:
			return blocks, nil
		}
		label, rest, found := strings.Cut(rest, pemDashes)
		if !found {
			return nil, errors.New("PEM block is damaged or cut short: its BEGIN line does not end with -----")
		}
		body, rest, found := strings.Cut(rest, pemEnd)
		if !found || strings.Contains(body, pemBegin) {
			return nil, errors.New("PEM block is damaged or cut short: it has no END line")
		}
		endLabel, rest, found := strings.Cut(rest, pemDashes)
		if !found {
			return nil, errors.New("PEM block is damaged or cut short: its END line does not end with -----")
		}
		blocks = append(blocks, pemBlock{label, endLabel, body})
		text = rest
	}
}

// material returns the key in b.
func (b pemBlock) material() (keyMaterial, error) {
	form := findForm(b.label)
	switch {
	case b.label != b.endLabel:
		return keyMaterial{}, fmt.Errorf("PEM block is damaged or cut short: it begins as %s and ends as %s", quote(b.label), quote(b.endLabel))
	case b.label == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.body, "ENCRYPTED"):
		return keyMaterial{}, errors.New("PEM key is encrypted; decrypt it first (openssl pkey -in key.pem -out decrypted.pem)")
	case form == nil:
		return keyMaterial{}, unsupportedPEM(b)
	case strings.Contains(b.body, ":"):
		return keyMaterial{}, errors.New("PEM key has header lines, which are not supported; remove the lines with a colon")
	}
	text := strings.TrimRight(strings.Join(strings.Fields(b.body), ""), "=")
	der, err := base64.RawStdEncoding.DecodeString(text)
	switch size := derSize(der); {
	case len(text) == 0:
		return keyMaterial{}, fmt.Errorf("PEM block %s does not parse: it is empty", quote(b.label))
	case err != nil && strings.ContainsAny(text, "…."):
		return keyMaterial{}, fmt.Errorf("PEM block %s does not parse: a part of it was replaced by dots", quote(b.label))
	case err != nil && len(text)%4 != 1:
		return keyMaterial{}, fmt.Errorf("PEM block %s is damaged or cut short: it contains characters that are not base64", quote(b.label))
	case err != nil || size > len(der):
		return keyMaterial{}, fmt.Errorf("PEM block %s does not parse: it is cut short", quote(b.label))
	case size > 0 && size < len(der):
		return keyMaterial{}, fmt.Errorf("PEM block %s has %d bytes after its content", quote(b.label), len(der)-size)
	}
	return form.readAny(der)
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
