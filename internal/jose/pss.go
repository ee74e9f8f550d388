package jose

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
)

var (
	oidPSS  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidMGF1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
)

// pssHashes are the hashes that JOSE uses with PSS, and their algorithms.
var pssHashes = []struct {
	oid  asn1.ObjectIdentifier
	alg  Algorithm
	size int
}{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, PS256, 32},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, PS384, 48},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, PS512, 64},
}

// splitKey returns the algorithm and the key of PKCS #8 or SPKI. It reports
// whether the key is private.
func splitKey(der []byte) (identifier pkix.AlgorithmIdentifier, key []byte, private bool) {
	var pkcs8 struct {
		Version    int
		Algorithm  pkix.AlgorithmIdentifier
		PrivateKey []byte
		Attributes asn1.RawValue `asn1:"optional,tag:0"`
	}
	if rest, err := asn1.Unmarshal(der, &pkcs8); err == nil && len(rest) == 0 {
		return pkcs8.Algorithm, pkcs8.PrivateKey, true
	}
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}
	if rest, err := asn1.Unmarshal(der, &spki); err == nil && len(rest) == 0 {
		return spki.Algorithm, spki.PublicKey.RightAlign(), false
	}
	return pkix.AlgorithmIdentifier{}, nil, false
}

// readPSS reads a key of the type RSA-PSS (RFC 4055), which crypto/x509 does
// not support. It returns nothing for keys of other types or forms.
func readPSS(der []byte, f *derForm) (keyMaterial, error) {
	identifier, key, private := splitKey(der)
	if !identifier.Algorithm.Equal(oidPSS) || private != f.private {
		return keyMaterial{}, nil
	}
	algs, err := pssAlgorithms(identifier.Parameters)
	if err != nil {
		return keyMaterial{}, err
	}
	inner := findForm("RSA PUBLIC KEY")
	if private {
		inner = findForm("RSA PRIVATE KEY")
	}
	value, err := inner.parse(key)
	if err != nil {
		return keyMaterial{}, fmt.Errorf("%w RSA-PSS, and its content is damaged", errOtherType)
	}
	return keyMaterial{value, algs}, nil
}

// pssAlgorithms returns the algorithms that the parameters of an RSA-PSS key
// allow. Without parameters, these are all.
func pssAlgorithms(parameters asn1.RawValue) ([]Algorithm, error) {
	if len(parameters.FullBytes) == 0 || parameters.Tag == asn1.TagNull {
		return []Algorithm{PS256, PS384, PS512}, nil
	}
	// The salt is the least length that the key may be used with.
	var p struct {
		Hash    pkix.AlgorithmIdentifier `asn1:"explicit,optional,tag:0"`
		MGF     pkix.AlgorithmIdentifier `asn1:"explicit,optional,tag:1"`
		Salt    int                      `asn1:"explicit,optional,tag:2,default:20"`
		Trailer int                      `asn1:"explicit,optional,tag:3,default:1"`
	}
	rest, err := asn1.Unmarshal(parameters.FullBytes, &p)
	var mgfHash pkix.AlgorithmIdentifier
	if err == nil && p.MGF.Algorithm.Equal(oidMGF1) {
		_, _ = asn1.Unmarshal(p.MGF.Parameters.FullBytes, &mgfHash)
	}
	for _, h := range pssHashes {
		if err == nil && len(rest) == 0 && p.Trailer == 1 && h.oid.Equal(p.Hash.Algorithm) && h.oid.Equal(mgfHash.Algorithm) && p.Salt >= 0 && p.Salt <= h.size {
			return []Algorithm{h.alg}, nil
		}
	}
	return nil, fmt.Errorf("%w RSA-PSS with parameters that no JOSE algorithm has; create one without parameters (openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem)", errOtherType)
}

// allows returns an error if the encoding of the key restricts it to other
// algorithms than alg.
func (m keyMaterial) allows(alg Algorithm) error {
	switch {
	case m.algs == nil || slices.Contains(m.algs, alg):
		return nil
	case len(m.algs) == 1:
		return fmt.Errorf("%s key is an RSA-PSS key whose parameters restrict it to %s", alg, m.algs[0])
	default:
		return fmt.Errorf("%s key is an RSA-PSS key, which is only for PS256, PS384 and PS512 (RFC 4055, section 1.2)", alg)
	}
}
