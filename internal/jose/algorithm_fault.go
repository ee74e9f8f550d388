package jose

import (
	"fmt"
	"strings"
)

// AlgorithmFault returns the reason why name, the "alg" of a header, is not a
// supported algorithm, or "" if it is one. It contains names of this package
// only.
func AlgorithmFault(name string) string {
	for i := range suites {
		if string(suites[i].alg) == name {
			return ""
		}
	}
	if len(name) > 64 { // longer than any name
		return unsupported
	}
	if fault := misspelled[strings.ToLower(name)]; fault != "" {
		return fault
	}
	// The last part of a URI, without punctuation: rsa-sha256 and RSASHA256 are
	// the same name.
	last := name[strings.LastIndexAny(name, "#/")+1:]
	plain := strings.ToLower(strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_. ", r) {
			return -1
		}
		return r
	}, last))
	if fault := otherNames[plain]; fault != "" {
		return fault
	}
	if plain == "dir" || strings.HasSuffix(plain, "kw") {
		return encryption
	}
	for _, prefix := range []string{"rsaoaep", "rsa15", "ecdhes", "pbes2"} {
		if strings.HasPrefix(plain, prefix) {
			return encryption
		}
	}
	return unsupported
}

const encryption = "is an algorithm for encryption (RFC 7518, section 4.1), but the token has the form of a signed one"

const unsupported = "is not supported; the algorithms are HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA"

// misspelled are the faults of names in small letters.
var misspelled = func() map[string]string {
	m := map[string]string{"none": "is none: the token is not signed"}
	for _, s := range suites {
		m[strings.ToLower(string(s.alg))] = fmt.Sprintf("must be spelled %s: names of algorithms are case-sensitive (RFC 7515, section 4.1.1)", s.alg)
	}
	return m
}()

// otherNames are the faults of names of algorithms elsewhere: in Java, in XML
// signatures and in libraries of cryptography.
var otherNames = func() map[string]string {
	m := make(map[string]string)
	add := func(name string, alg Algorithm) {
		m[name] = fmt.Sprintf("is not a name of JWS (RFC 7518, section 3.1); if the issuer means %s, it must write that", alg)
	}
	add("ed25519", EdDSA)
	for _, group := range []struct {
		bits           string
		hs, rs, ps, es Algorithm
	}{{"256", HS256, RS256, PS256, ES256}, {"384", HS384, RS384, PS384, ES384}, {"512", HS512, RS512, PS512, ES512}} {
		for _, kind := range []struct {
			alg   Algorithm
			names []string
		}{
			{group.hs, []string{"hs", "hmac", "hmacsha"}},
			{group.rs, []string{"rs", "rsa", "rsasha"}},
			{group.ps, []string{"ps", "rsapss", "rsapsssha"}},
			{group.es, []string{"es", "ecdsa", "ecdsasha"}},
		} {
			for _, name := range kind.names {
				add(name+group.bits, kind.alg)
			}
		}
		add("sha"+group.bits+"withrsa", group.rs)
		add("sha"+group.bits+"withecdsa", group.es)
	}
	return m
}()
