package jose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// JWK holds the members of a JSON Web Key (RFC 7517) by their exact names.
// Members with the value null are left out, because some software writes null
// for every member that a key does not have.
type JWK map[string]json.RawMessage

// jwkNames are the names with a meaning. A name that differs from one of them
// only in case is refused, because other software ignores case.
var jwkNames = []string{"kty", "alg", "use", "key_ops", "kid", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi", "oth", "k", "keys", "issuer"}

// secretNames are the members that hold a part of a private or symmetric key.
var secretNames = []string{"k", "d", "p", "q", "dp", "dq", "qi", "oth"}

// ScanJWK reads the members of one JWK, which may be untrusted. It checks their
// names but not their values.
func ScanJWK(data []byte) (JWK, error) {
	m, err := scanJWK(data)
	if err != nil {
		return nil, fmt.Errorf("JWK %w", err)
	}
	return m, nil
}

// scanJWK does not return the text of syntax errors: it quotes the data, which
// may be secret.
func scanJWK(data []byte) (JWK, error) {
	if len(data) > maxKeyText {
		return nil, fmt.Errorf("is %d bytes; the maximum is %d", len(data), maxKeyText)
	}
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, jsonFault(data)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("is not a JSON object")
	}
	m, seen := make(JWK), make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.New("is not valid JSON")
		}
		if seen[name] {
			return nil, fmt.Errorf("has member %s twice", quote(name))
		}
		if i := slices.IndexFunc(jwkNames, func(known string) bool { return known != name && strings.EqualFold(known, name) }); i >= 0 {
			return nil, fmt.Errorf("has a member that differs from %s only in case", jwkNames[i])
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, errors.New("is not valid JSON")
		}
		seen[name] = true
		if string(value) != "null" {
			m[name] = value
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("is not valid JSON")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("is followed by other data")
	}
	if m["keys"] != nil && m["kty"] == nil {
		return nil, errors.New("is a set of keys; pass one of its keys")
	}
	return m, nil
}

// jsonFault returns the reason why data is not JSON.
func jsonFault(data []byte) error {
	s := jsonscan.New(string(data))
	for s.Next() {
	}
	if fault := s.Fault(); fault != nil && fault != jsonscan.ErrNotObject {
		return fault
	}
	return jsonscan.ErrSyntax // in spite of a repeated member, which came first
}

// Text returns the member name, which must be a string if it is present.
func (m JWK) Text(name string) (value string, ok bool, err error) {
	raw, ok := m[name]
	if !ok {
		return "", false, nil
	}
	if raw[0] != '"' || json.Unmarshal(raw, &value) != nil {
		return "", true, fmt.Errorf("member %s is not a string", name)
	}
	return value, true, nil
}

// ID returns the "kid", or "" if it is absent or cannot be a key ID.
func (m JWK) ID() string {
	kid, _, err := m.Text("kid")
	if err != nil || checkKeyID(kid) != nil {
		return ""
	}
	return kid
}

// Secret returns the name of a member that holds a part of a private or
// symmetric key, or "" if the JWK is public.
func (m JWK) Secret() string {
	for _, name := range secretNames {
		if _, ok := m[name]; ok {
			return name
		}
	}
	return ""
}

// Key returns the key. If alg is "", the key is for the algorithm that the JWK
// names, or for the default of its type.
func (m JWK) Key(alg Algorithm) (*Key, error) {
	k, err := m.read(alg)
	if err != nil {
		return nil, fmt.Errorf("JWK %w", err)
	}
	return k, nil
}

func (m JWK) read(alg Algorithm) (*Key, error) {
	declared, err := m.algorithm()
	if err != nil {
		return nil, err
	}
	if alg != "" && declared != "" && alg != declared {
		return nil, fmt.Errorf("has alg %s, not %s (RFC 7517, section 4.4)", declared, alg)
	}
	material, hasPrivate, err := m.material()
	if err != nil {
		return nil, err
	}
	signs, err := m.uses(hasPrivate)
	if err != nil {
		return nil, err
	}
	kid, _, err := m.Text("kid")
	if err != nil {
		return nil, err
	}
	issuer, bound, err := m.Text("issuer")
	if err != nil {
		return nil, err
	}
	if bound && issuer == "" {
		return nil, errors.New("has an empty issuer, which no token can match")
	}
	if err := checkKeyID(kid); err != nil {
		return nil, fmt.Errorf("member kid cannot be used: %w", err)
	}

	if alg == "" {
		alg = declared
	}
	if alg == "" {
		alg = defaultAlgorithm(material)
	}
	k, err := m.newKey(alg, material)
	if err != nil {
		return nil, fmt.Errorf("is refused: %w", err)
	}
	switch {
	case signs:
	case k.Symmetric():
		k.verifyOnly = true
	default:
		k.private = nil
	}
	if kid != "" {
		k.id, k.assigned = kid, true
	}
	k.issuer = issuer
	return k, nil
}

// newKey is like New, but accepts secrets that can be guessed. Parse refuses
// them. Here they are accepted because test vectors use them.
func (m JWK) newKey(alg Algorithm, material any) (*Key, error) {
	secret, isSecret := material.([]byte)
	s, err := alg.suite()
	if err != nil || !isSecret || s.family != familyHMAC {
		return New(alg, material)
	}
	if kind := keyLike(secret); kind != "" {
		return nil, fmt.Errorf("member k is %s, not a secret", kind)
	}
	return newSecret(s, secret)
}

// checkGuessable returns an error if k, which was read from a JWK, has a secret
// that can be guessed.
func checkGuessable(k *Key) error {
	if !k.Symmetric() {
		return nil
	}
	secret, _ := k.inProcess().([]byte)
	if fault := guessable(secret); fault != "" {
		return fmt.Errorf("JWK is refused: member k %s; use a random one (GenerateKey and MarshalJWK)", fault)
	}
	return nil
}

// algorithm returns the algorithm of the member alg, or "" if it is absent.
func (m JWK) algorithm() (Algorithm, error) {
	text, ok, err := m.Text("alg")
	if err != nil || !ok {
		return "", err
	}
	if text == "Ed25519" { // the name in RFC 9864, section 2.2
		return EdDSA, nil
	}
	if err := Algorithm(text).Check(); err != nil {
		return "", fmt.Errorf("has an unsupported alg: %w", err)
	}
	return Algorithm(text), nil
}

// uses reports whether the key may sign. It returns an error if the key may not
// even verify (RFC 7517, sections 4.2 and 4.3).
func (m JWK) uses(hasPrivate bool) (signs bool, err error) {
	use, hasUse, err := m.Text("use")
	if err != nil {
		return false, err
	}
	if hasUse && use != "sig" {
		return false, fmt.Errorf(`has use %s; for signatures it must be "sig" or absent`, quote(use))
	}
	raw, ok := m["key_ops"]
	if !ok {
		return hasPrivate, nil
	}
	var ops []*string
	if raw[0] != '[' || json.Unmarshal(raw, &ops) != nil || slices.Contains(ops, nil) {
		return false, errors.New("member key_ops is not an array of strings")
	}
	if len(ops) == 0 { // some software writes an empty list for "any"
		return hasPrivate, nil
	}
	seen := make(map[string]bool)
	for _, op := range ops {
		if seen[*op] {
			return false, fmt.Errorf("has key_ops %s twice", quote(*op))
		}
		if hasUse && *op != "sign" && *op != "verify" {
			return false, fmt.Errorf(`has key_ops %s, which contradicts use "sig"`, quote(*op))
		}
		seen[*op] = true
	}
	_, symmetric := m["k"]
	switch {
	case seen["verify"]:
		return hasPrivate && seen["sign"], nil
	case seen["sign"] && hasPrivate && !symmetric: // the public part may verify
		return true, nil
	default:
		return false, errors.New(`has key_ops without "verify"`)
	}
}
