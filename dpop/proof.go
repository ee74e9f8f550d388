package dpop

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/compact"
	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

const (
	proofType = "dpop+jwt" // RFC 9449, section 4.2
	// maxProofBytes leaves room for an RSA key of 8192 bits and its signature.
	maxProofBytes = 8 << 10
	// maxTextBytes limits "jti" and "nonce".
	maxTextBytes = 512
)

// proofRules are the rules that all proofs of one Verifier must meet.
type proofRules struct {
	base       base
	algorithms []jose.Algorithm
	keys       *keyCache
}

// names returns the names of the algorithms.
func (p proofRules) names() []string {
	names := make([]string, len(p.algorithms))
	for i, alg := range p.algorithms {
		names[i] = string(alg)
	}
	return names
}

func checkAlgorithms(f *faults.Collector, algorithms []jwtauth.Algorithm) []jose.Algorithm {
	var list []jose.Algorithm
	for _, name := range algorithms {
		alg := jose.Algorithm(name)
		switch err := alg.Check(); {
		case err != nil:
			f.Add("dpop.Options.Algorithms", "%w", err)
		case alg.Symmetric():
			f.Add("dpop.Options.Algorithms", "%s is symmetric; a proof needs a private key", alg)
		default:
			list = append(list, alg)
		}
	}
	return list
}

// proof is a proof that was read, but not yet verified.
type proof struct {
	text          string
	first, second int // indexes of the dots
	by            knownKey
	new           bool // by is not in the cache of keys
}

// claims are the claims of a verified proof (RFC 9449, section 4.2).
type claims struct {
	id       string  // "jti"
	method   string  // "htm"
	target   string  // "htu"
	issuedAt float64 // "iat"
	hash     string  // "ath", or empty
	nonce    string  // or empty
}

// read reads the header of a proof and its key (RFC 9449, section 4.3, steps 2
// to 7 without the signature).
func (p proofRules) read(text string) (proof, error) {
	if len(text) > maxProofBytes {
		return proof{}, refused("the proof is longer than 8 KiB")
	}
	first, second, ok := compact.Split(text)
	if !ok {
		return proof{}, refused("the DPoP header is not one compact JWS")
	}
	by, known := p.keys.get(text[:first])
	if !known {
		var err error
		if by, err = p.readKey(text[:first]); err != nil {
			return proof{}, err
		}
	}
	return proof{text: text, first: first, second: second, by: by, new: !known}, nil
}

// readKey reads the header of a proof and returns its key.
func (p proofRules) readKey(segment string) (knownKey, error) {
	h, err := readHeader(segment)
	if err != nil {
		return knownKey{}, err
	}
	alg := jose.Algorithm(h.alg)
	if alg == "Ed25519" { // RFC 9864
		alg = jose.EdDSA
	}
	if !slices.Contains(p.algorithms, alg) {
		return knownKey{}, refused("alg is not one of Options.Algorithms")
	}
	members, err := jose.ScanJWK([]byte(h.jwk))
	if err != nil {
		return knownKey{}, refused("jwk in the header is malformed")
	}
	if members.Secret() != "" {
		return knownKey{}, refused("jwk in the header contains the private key: publish only the public part")
	}
	key, err := members.Key(alg)
	if err != nil {
		return knownKey{}, refused("jwk in the header is not a public key for alg")
	}
	return knownKey{key, key.Thumbprint()}, nil
}

// header holds the parameters of a proof's header.
type header struct{ alg, typ, jwk string }

// readHeader reads a header strictly. "kid" and unknown parameters are ignored.
func readHeader(segment string) (header, error) {
	text, ok := compact.Decode(nil, segment)
	if !ok {
		return header{}, refused("the header is not base64url")
	}
	var h header
	s := jsonscan.New(string(text))
	for s.Next() {
		value := s.Value()
		switch s.Name() {
		case "alg":
			h.alg, ok = value.Str()
		case "typ":
			h.typ, ok = value.Str()
		case "jwk":
			h.jwk, ok = value.Text, value.Kind == jsonscan.Object
		case "crit":
			return header{}, refused("the header has crit")
		case "b64":
			ok = value.Text == "true"
		}
		if !ok {
			return header{}, refused("a header parameter has the wrong type")
		}
	}
	switch {
	case !s.Valid():
		return header{}, refused("the header is not a strict JSON object")
	case h.typ != proofType:
		return header{}, refused(`typ is not "dpop+jwt"`)
	case h.alg == "":
		return header{}, refused("the header has no alg")
	case h.jwk == "":
		return header{}, refused("the header has no jwk")
	}
	return h, nil
}

// verify verifies the signature and reads the claims.
func (p proof) verify() (claims, error) {
	if !p.by.key.Verify(p.text, p.second) {
		return claims{}, refused("the signature is not by the key in jwk")
	}
	var stack [512]byte // larger payloads go to the heap
	payload, ok := compact.Decode(stack[:0], p.text[p.first+1:p.second])
	if !ok {
		return claims{}, refused("the payload is not base64url")
	}
	return readClaims(string(payload))
}

// readClaims reads a payload strictly. Unknown claims are ignored.
func readClaims(payload string) (claims, error) {
	var c claims
	s := jsonscan.New(payload)
	hasTime := false
	for s.Next() {
		name, value := s.Name(), s.Value()
		var into *string
		switch name {
		case "jti":
			into = &c.id
		case "htm":
			into = &c.method
		case "htu":
			into = &c.target
		case "ath":
			into = &c.hash
		case "nonce":
			into = &c.nonce
		case "iat":
			seconds, err := strconv.ParseFloat(value.Text, 64)
			if value.Kind != jsonscan.Number || err != nil || math.Abs(seconds) > 1<<53 {
				return claims{}, refused("iat is not a number of seconds")
			}
			c.issuedAt, hasTime = seconds, true
		}
		if into != nil {
			var ok bool
			if *into, ok = value.Str(); !ok {
				return claims{}, refused(name + " is not a string")
			}
		}
	}
	switch {
	case !s.Valid():
		return claims{}, refused("the claims are not a strict JSON object")
	case c.id == "":
		return claims{}, refused("jti is missing or empty")
	case len(c.id) > maxTextBytes || len(c.nonce) > maxTextBytes:
		return claims{}, refused("jti or nonce is longer than 512 bytes")
	case c.method == "":
		return claims{}, refused("htm is missing or empty")
	case c.target == "":
		return claims{}, refused("htu is missing or empty")
	case !hasTime:
		return claims{}, refused("iat is missing")
	}
	return c, nil
}

// time returns when the proof was made.
func (c claims) time() time.Time {
	seconds, fraction := math.Modf(c.issuedAt)
	return time.Unix(int64(seconds), int64(fraction*1e9))
}
