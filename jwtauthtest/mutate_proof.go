package jwtauthtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

const (
	ruleBoundPlain = "a token that is bound to a key must come with a proof (RFC 9449, section 7.2)"
	ruleOneProof   = "there is exactly one DPoP header (RFC 9449, section 4.3, item 1)"
	ruleProofForm  = "a proof is one compact JWS of strict JSON (RFC 9449, section 4.3, item 2)"
	ruleClaims     = "all claims of RFC 9449, section 4.2, are present (section 4.3, item 3)"
	ruleProofType  = `typ is "dpop+jwt" (RFC 9449, section 4.3, item 4)`
	ruleProofAlg   = "alg is an asymmetric algorithm that the service allows (RFC 9449, section 4.3, item 5)"
	ruleProofSign  = "the signature is by the key in jwk (RFC 9449, section 4.3, item 6)"
	rulePrivate    = "jwk has no private part (RFC 9449, section 4.3, item 7)"
	ruleMethod     = "htm is the method of the request (RFC 9449, section 4.3, item 8)"
	ruleTarget     = "htu is the URL of the request without query and fragment (RFC 9449, section 4.3, item 9)"
	ruleNonce      = "nonce is the nonce of the server (RFC 9449, section 4.3, item 10)"
	ruleIssuedAt   = "iat is within an acceptable time (RFC 9449, section 4.3, item 11)"
	ruleHash       = "ath is the hash of the access token (RFC 9449, section 4.3, item 12)"
	ruleBound      = "the key of the proof is the key that the token is bound to (RFC 9449, section 4.3, item 12)"
	ruleOnce       = "a proof is accepted once (RFC 9449, section 11.1)"
)

// proofMutation is one change of a request with a proof.
type proofMutation struct {
	name, rule string
	apply      func(k *proof, a *attack) error
}

// onRequest changes the request alone.
func onRequest(name, rule string, change func(r *http.Request, k *proof)) proofMutation {
	return proofMutation{name, rule, func(k *proof, _ *attack) error {
		change(k.request, k)
		return nil
	}}
}

// onText changes the text of the proof.
func onText(name, rule string, change func(text string) string) proofMutation {
	return onRequest(name, rule, func(r *http.Request, k *proof) { r.Header.Set("DPoP", change(k.text)) })
}

// onParts changes the header or the claims of the proof, and signs it again.
func onParts(name, rule string, change func(k *proof)) proofMutation {
	return proofMutation{name, rule, func(k *proof, _ *attack) error {
		change(k)
		text, err := k.sign(k.key)
		k.request.Header.Set("DPoP", text)
		return err
	}}
}

// onClaim sets a claim. nil removes it.
func onClaim(name, rule, claim string, value any) proofMutation {
	return onParts(name, rule, func(k *proof) { k.claims[claim] = value })
}

// onHeader sets a header parameter. nil removes it.
func onHeader(name, rule, parameter string, value any) proofMutation {
	return onParts(name, rule, func(k *proof) { k.header[parameter] = value })
}

// proofMutations returns the changes for proofs like k.
func proofMutations(k *proof) []proofMutation {
	list := append(placeMutations(), formMutations()...)
	list = append(list, headerMutations()...)
	list = append(list, claimMutations(k)...)
	return append(list, keyOfProofMutations()...)
}

func placeMutations() []proofMutation {
	return []proofMutation{
		onRequest("no proof", ruleOneProof, func(r *http.Request, _ *proof) { r.Header.Del("DPoP") }),
		onRequest("bearer with a proof", ruleBoundPlain, func(r *http.Request, k *proof) { r.Header.Set("Authorization", "Bearer "+k.token) }),
		onRequest("bearer without a proof", ruleBoundPlain, func(r *http.Request, k *proof) {
			r.Header.Set("Authorization", "Bearer "+k.token)
			r.Header.Del("DPoP")
		}),
		onRequest("the same proof in two headers", ruleOneProof, func(r *http.Request, k *proof) { r.Header["Dpop"] = []string{k.text, k.text} }),
		onRequest("an empty header before the proof", ruleOneProof, func(r *http.Request, k *proof) { r.Header["Dpop"] = []string{"", k.text} }),
		onRequest("another proof after the proof", ruleOneProof, func(r *http.Request, k *proof) { r.Header["Dpop"] = []string{k.text, "x"} }),
		onText("two proofs in one header", ruleOneProof, func(text string) string { return text + ", " + text }),
		onRequest("the token as proof", ruleProofForm, func(r *http.Request, k *proof) { r.Header.Set("DPoP", k.token) }),
		{"the same proof again", ruleOnce, func(k *proof, a *attack) error {
			if o := a.send(k.request.Clone(k.request.Context())); o.calls != 1 {
				return fmt.Errorf("the first request with this proof is refused with status %d", o.status)
			}
			return nil
		}},
		{"the same proof for another method", ruleMethod, func(k *proof, _ *attack) error {
			k.request.Method = map[bool]string{true: http.MethodPost, false: http.MethodGet}[k.request.Method == http.MethodGet]
			return nil
		}},
		{"the same proof for another path", ruleTarget, func(k *proof, _ *attack) error {
			k.request.URL.Path += "/other"
			k.request.URL.RawPath = ""
			k.request.RequestURI = k.request.URL.RequestURI()
			return nil
		}},
	}
}

func formMutations() []proofMutation {
	segments := func(change func(s []string)) func(string) string {
		return func(text string) string {
			s := strings.Split(text, ".")
			change(s)
			return strings.Join(s, ".")
		}
	}
	return []proofMutation{
		onText("empty", ruleProofForm, func(string) string { return "" }),
		onText("one segment", ruleProofForm, func(string) string { return "proof" }),
		onText("a fourth segment", ruleProofForm, func(text string) string { return text + "." }),
		onText("a space", ruleProofForm, func(text string) string { return text + " x" }),
		onText("huge", ruleProofForm, func(text string) string { return text + strings.Repeat("A", 64<<10) }),
		onText("no signature", ruleProofSign, segments(func(s []string) { s[2] = "" })),
		onText("half a signature", ruleProofSign, segments(func(s []string) { s[2] = s[2][:len(s[2])/2] })),
		onText("altered signature", ruleProofSign, segments(func(s []string) { s[2] = strings.Map(swapCase, s[2]) })),
		onText("padding", ruleProofForm, segments(func(s []string) { s[2] += "=" })),
		onText("altered claims", ruleProofSign, segments(func(s []string) { s[1] += "AA" })),
		{"htm twice", ruleProofForm, func(k *proof, _ *attack) error {
			claims := encodeMembers(k.claims)
			text, err := k.signRaw(k.key, encodeMembers(k.header), claims[:len(claims)-1]+`,"htm":"GET"}`)
			k.request.Header.Set("DPoP", text)
			return err
		}},
		{"claims that are not an object", ruleProofForm, func(k *proof, _ *attack) error {
			text, err := k.signRaw(k.key, encodeMembers(k.header), "[]")
			k.request.Header.Set("DPoP", text)
			return err
		}},
	}
}

// swapCase changes letters, so that the text stays base64url.
func swapCase(c rune) rune {
	switch {
	case 'a' <= c && c <= 'z':
		return c - 'a' + 'A'
	case 'A' <= c && c <= 'Z':
		return c - 'A' + 'a'
	}
	return c
}

func headerMutations() []proofMutation {
	return []proofMutation{
		onHeader("no typ", ruleProofType, "typ", nil),
		onHeader("typ JWT", ruleProofType, "typ", "JWT"),
		onHeader("typ at+jwt", ruleProofType, "typ", "at+jwt"),
		onHeader("no alg", ruleProofAlg, "alg", nil),
		onHeader("alg none", ruleProofAlg, "alg", "none"),
		onHeader("alg HS256", ruleProofAlg, "alg", "HS256"),
		onParts("alg none without a signature", ruleProofAlg, func(k *proof) { k.header["alg"] = "none" }),
		onHeader("crit", ruleCritical, "crit", []string{"exp"}),
		onHeader("no jwk", ruleProofSign, "jwk", nil),
		onHeader("jwk a string", ruleProofSign, "jwk", "key"),
		onHeader("jwk a symmetric key", rulePrivate, "jwk", map[string]any{"kty": "oct", "k": "AAAA"}),
		{"jwk with the private part", rulePrivate, func(k *proof, _ *attack) error {
			private, err := k.key.MarshalJWK()
			if err != nil {
				return err
			}
			var jwk map[string]any
			if err := json.Unmarshal(private, &jwk); err != nil {
				return err
			}
			if jwk["d"] == nil { // a signer that does not export its key
				jwk["d"] = "AAAA"
			}
			k.header["jwk"] = jwk
			text, err := k.sign(k.key)
			k.request.Header.Set("DPoP", text)
			return err
		}},
	}
}

func claimMutations(k *proof) []proofMutation {
	list := []proofMutation{
		onClaim("no jti", ruleClaims, "jti", nil),
		onClaim("empty jti", ruleClaims, "jti", ""),
		onClaim("jti a number", ruleClaims, "jti", 1),
		onClaim("no htm", ruleClaims, "htm", nil),
		onClaim("htm of another method", ruleMethod, "htm", "TRACE"),
		onParts("htm in lower case", ruleMethod, func(k *proof) { k.claims["htm"] = strings.ToLower(k.request.Method) }),
		onClaim("no htu", ruleClaims, "htu", nil),
		onParts("htu of another path", ruleTarget, changeTarget(func(u *url.URL) { u.Path += "/other" })),
		onParts("htu of another host", ruleTarget, changeTarget(func(u *url.URL) { u.Host = "other.example" })),
		onParts("htu of another port", ruleTarget, changeTarget(func(u *url.URL) { u.Host = u.Hostname() + ":4711" })),
		onParts("htu of another scheme", ruleTarget, changeTarget(func(u *url.URL) { u.Scheme = map[string]string{"https": "http", "http": "https"}[u.Scheme] })),
		onParts("htu with a user", ruleTarget, changeTarget(func(u *url.URL) { u.User = url.User("ann") })),
		onParts("htu the path alone", ruleTarget, changeTarget(func(u *url.URL) { u.Scheme, u.Host = "", "" })),
		onParts("htu the beginning of the URL", ruleTarget, changeTarget(func(u *url.URL) { u.Path = "" })),
		onClaim("no iat", ruleClaims, "iat", nil),
		onClaim("iat a string", ruleClaims, "iat", "1"),
		onClaim("no ath", ruleHash, "ath", nil),
		onClaim("empty ath", ruleHash, "ath", ""),
		onClaim("ath of another token", ruleHash, "ath", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"),
		onParts("ath the token itself", ruleHash, func(k *proof) { k.claims["ath"] = k.token }),
	}
	if k.claims["nonce"] != nil { // the nonce replaces iat
		return append(list,
			onClaim("no nonce", ruleNonce, "nonce", nil),
			onClaim("empty nonce", ruleNonce, "nonce", ""),
			onClaim("another nonce", ruleNonce, "nonce", "nonce"),
			onParts("altered nonce", ruleNonce, func(k *proof) { k.claims["nonce"] = fmt.Sprint(k.claims["nonce"], "A") }),
		)
	}
	return append(list,
		onParts("iat a day ago", ruleIssuedAt, func(k *proof) { k.claims["iat"] = time.Now().Add(-24 * time.Hour).Unix() }),
		onParts("iat in a day", ruleIssuedAt, func(k *proof) { k.claims["iat"] = time.Now().Add(24 * time.Hour).Unix() }),
		onParts("iat in milliseconds", ruleIssuedAt, func(k *proof) { k.claims["iat"] = time.Now().UnixMilli() }),
		onClaim("iat 0", ruleIssuedAt, "iat", 0),
	)
}

func changeTarget(change func(u *url.URL)) func(k *proof) {
	return func(k *proof) {
		text, _ := k.claims["htu"].(string)
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		change(u)
		k.claims["htu"] = u.String()
	}
}

// keyOfProofMutations sign with the key of an attacker.
func keyOfProofMutations() []proofMutation {
	attacker := func(replace bool) func(k *proof, _ *attack) error {
		return func(k *proof, _ *attack) error {
			other, err := jose.Generate(k.key.Algorithm())
			if err != nil {
				return err
			}
			if replace {
				jwk, err := other.Public().MarshalJWK()
				if err != nil {
					return err
				}
				k.header["jwk"] = json.RawMessage(jwk)
			}
			text, err := k.sign(other)
			k.request.Header.Set("DPoP", text)
			return err
		}
	}
	return []proofMutation{
		{"signed with another key", ruleProofSign, attacker(false)},
		{"another key in jwk, too", ruleBound, attacker(true)},
		{"signature of another proof", ruleProofSign, func(k *proof, _ *attack) error {
			text, err := k.sign(k.key)
			other, mine := strings.LastIndexByte(text, '.'), strings.LastIndexByte(k.text, '.')
			k.request.Header.Set("DPoP", k.text[:mine]+text[other:])
			return err
		}},
	}
}
