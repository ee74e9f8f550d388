package jwtauthtest

import "net/http"

// mutation is one change to a valid request. The changed request must be
// refused.
type mutation struct {
	name   string
	rule   string // the rule that middleware breaks if it accepts the request
	status []int  // the permitted status codes

	// apply changes r. It returns false if the change is impossible for the
	// token.
	apply func(r *http.Request, k jws) bool
}

var (
	unauthorized = []int{http.StatusUnauthorized}
	malformed    = []int{http.StatusUnauthorized, http.StatusBadRequest}
	huge         = []int{http.StatusUnauthorized, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge}
)

const (
	ruleMissing   = "a request without credentials must be refused, with every method (RFC 6750, section 3; RFC 9110, section 15.5.2)"
	ruleGrammar   = `the credentials must be "Bearer", spaces and one b64token (RFC 6750, section 2.1)`
	ruleScheme    = "credentials of another scheme are not a bearer token (RFC 9110, section 11.6.2)"
	ruleOneField  = "a request must have one Authorization header with one value; of several, a proxy and the service might read different tokens (RFC 9110, section 5.3; RFC 6750, section 2)"
	rulePlace     = "a token must be in the Authorization header unless the service has chosen another place; URLs are logged, and other sites can send cookies and forms (RFC 6750, sections 2 and 5.3)"
	ruleNone      = "an unsigned token must be refused, for every spelling of alg none (RFC 7519, section 6; RFC 7518, section 8.5; RFC 8725, section 3.2)"
	ruleSignature = "the complete signature must match exactly the header and the payload that are used (RFC 7515, section 5.2; RFC 8725, section 3.3)"
	ruleEncoding  = "base64url has no padding, no other characters and no unused bits; a second spelling of a token would not match a list of revoked tokens (RFC 7515, section 2; RFC 4648, sections 3.3 and 3.5)"
	ruleAlgorithm = "the key determines the algorithm, and the token must not (RFC 8725, section 3.1)"
	ruleSecret    = "an HMAC secret must be random and as long as the hash; with a public or guessable secret, anyone can sign tokens (RFC 7518, section 3.2; RFC 8725, sections 2.1 and 3.5)"
	ruleForeign   = "only the keys in the configuration of the service are trusted (RFC 7515, section 10.3; RFC 8725, section 3.10)"
	ruleAddress   = "keys must not be fetched from an address in the token: the attacker chooses the keys, and the service sends requests to hosts of the attacker's choice (RFC 8725, section 3.10)"
	ruleKeyID     = "kid may only select one of the known keys; it is not a path and not a query (RFC 8725, section 3.10)"
	ruleCritical  = "a token with an unknown extension in crit must be refused (RFC 7515, section 4.1.11; RFC 7797, section 6)"
	ruleHeader    = "the header is one JSON object without duplicate members, and alg is a string (RFC 7515, sections 4 and 5.2)"
	ruleStructure = "a compact JWS has three segments in a fixed order, and in a JWT each of them is not empty (RFC 7515, section 7.1; RFC 7519, section 7.2)"
	ruleNested    = "a signed token inside a token does not replace the signature of the outer token (RFC 7519, section 5.2; RFC 8725, section 3.3)"
	ruleStatus    = "the status is 401 for a missing or invalid token, and may be 400 for a malformed request; with another status, the client does not know that its credentials are at fault (RFC 6750, section 3.1; RFC 9110, section 15.5.2)"
	ruleChallenge = "a 401 has a WWW-Authenticate header that names the accepted scheme (RFC 6750, section 3; RFC 9110, section 11.6.1)"
	ruleEcho      = "refused credentials must not appear in responses, which can be logged or shown (RFC 6750, section 5.3)"
	rulePanic     = "input from clients must not cause a panic"
	ruleTrace     = "the result of a request must not depend on other requests; otherwise one client can lock out all others"
	ruleHuge      = "a token that is longer than any valid one must be refused before it is parsed"
)

// mutations returns all changes. Addresses in their tokens lead to bait.
func mutations(bait *bait) (list []mutation) {
	list = append(list, requestMutations()...)
	list = append(list, unsignedMutations()...)
	list = append(list, signatureMutations()...)
	list = append(list, algorithmMutations()...)
	list = append(list, keyMutations(bait)...)
	return append(list, structureMutations()...)
}

func setBearer(r *http.Request, token string) { r.Header.Set("Authorization", "Bearer "+token) }

// fields returns a mutation of the Authorization headers.
func fields(name, rule string, status []int, change func(k jws) []string) mutation {
	return mutation{name, rule, status, func(r *http.Request, k jws) bool {
		r.Header["Authorization"] = change(k)
		return true
	}}
}

// text returns a mutation of the token only. change returns "" if the change is
// impossible for the token.
func text(name, rule string, status []int, change func(k jws) string) mutation {
	return mutation{name, rule, status, func(r *http.Request, k jws) bool {
		token := change(k)
		setBearer(r, token)
		return token != ""
	}}
}
