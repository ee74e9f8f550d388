package jwtauthtest

import "net/http"

// mutation is one change to a request that passes, by which it must not pass any more.
type mutation struct {
	name   string
	rule   string                            // that a protection breaks which is fooled by it
	status []int                             // that it may be refused with
	apply  func(r *http.Request, k jws) bool // false where the token leaves no room for it
}

var (
	unauthorized = []int{http.StatusUnauthorized}
	malformed    = []int{http.StatusUnauthorized, http.StatusBadRequest}
	huge         = []int{http.StatusUnauthorized, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge}
)

const (
	ruleMissing   = "without credentials nobody passes, whatever the method (RFC 6750 §3, RFC 9110 §15.5.2)"
	ruleGrammar   = `credentials are "Bearer", spaces, and one b64token, nothing else (RFC 6750 §2.1)`
	ruleScheme    = "the credentials of another scheme are no bearer token (RFC 9110 §11.6.2)"
	ruleOneField  = "Authorization is one field with one value: where two readers take different ones of several, each judges another token (RFC 9110 §5.3, RFC 6750 §2)"
	rulePlace     = "a token counts in the Authorization field alone, unless a service chose otherwise for itself: addresses are logged, cookies and forms are sent by other sites (RFC 6750 §2, §5.3)"
	ruleNone      = "a token without a signature proves nothing, in whatever case alg says so (RFC 7519 §6, RFC 7518 §8.5, RFC 8725 §3.2)"
	ruleSignature = "the signature must cover exactly the header and the payload that are used, and be whole (RFC 7515 §5.2, RFC 8725 §3.3)"
	ruleEncoding  = "base64url has no padding, no other characters and no spare bits: a token that can be written in two ways slips past lists of revoked ones (RFC 7515 §2, RFC 4648 §3.3, §3.5)"
	ruleAlgorithm = "the key alone says by which algorithm it verifies, never the token (RFC 8725 §3.1)"
	ruleSecret    = "an HMAC key is as long as its hash and random; with a public or a guessable one anybody mints tokens (RFC 7518 §3.2, RFC 8725 §2.1, §3.5)"
	ruleForeign   = "only keys that the service itself was given are trusted (RFC 7515 §10.3, RFC 8725 §3.10)"
	ruleAddress   = "a token does not say where its keys are: whoever fetches from there trusts the attacker, and calls whom the attacker wants called (RFC 8725 §3.10)"
	ruleKeyID     = "kid looks up one of the keys that the service knows; it is no path and no query (RFC 8725 §3.10)"
	ruleCritical  = "an extension in crit that is not understood refuses the token (RFC 7515 §4.1.11, RFC 7797 §6)"
	ruleHeader    = "the header is one JSON object, with each member once, and alg a string (RFC 7515 §4, §5.2)"
	ruleStructure = "a compact JWS has three segments, in this order, and none of a JWT is empty (RFC 7515 §7.1, RFC 7519 §7.2)"
	ruleNested    = "the signature of a token within a token does not make up for that of the outer one (RFC 7519 §5.2, RFC 8725 §3.3)"
	ruleStatus    = "a missing or bad token is 401, a malformed request may be 400; another status tells the client that the fault is not in its credentials (RFC 6750 §3.1, RFC 9110 §15.5.2)"
	ruleChallenge = "a 401 has a WWW-Authenticate field that says what would do (RFC 6750 §3, RFC 9110 §11.6.1)"
	ruleEcho      = "what is refused must get neither into logs nor into pages (RFC 6750 §5.3)"
	rulePanic     = "what a client sends must not be able to break the service"
	ruleTrace     = "what becomes of one request must not depend on what others sent, or anyone can lock out everybody"
	ruleHuge      = "what is longer than any good token is refused before it is taken apart"
)

// mutations returns all changes; bait is where the addresses in their tokens lead to.
func mutations(bait *bait) (list []mutation) {
	list = append(list, requestMutations()...)
	list = append(list, unsignedMutations()...)
	list = append(list, signatureMutations()...)
	list = append(list, algorithmMutations()...)
	list = append(list, keyMutations(bait)...)
	return append(list, structureMutations()...)
}

func setBearer(r *http.Request, token string) { r.Header.Set("Authorization", "Bearer "+token) }

// fields is a mutation of the Authorization field lines.
func fields(name, rule string, status []int, change func(k jws) []string) mutation {
	return mutation{name, rule, status, func(r *http.Request, k jws) bool {
		r.Header["Authorization"] = change(k)
		return true
	}}
}

// text is a mutation of the token alone; "" says that there is no room for it.
func text(name, rule string, status []int, change func(k jws) string) mutation {
	return mutation{name, rule, status, func(r *http.Request, k jws) bool {
		token := change(k)
		setBearer(r, token)
		return token != ""
	}}
}
