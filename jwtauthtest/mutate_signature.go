package jwtauthtest

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
)

// unsignedMutations returns tokens without a signature.
func unsignedMutations() (list []mutation) {
	for _, alg := range []string{"none", "None", "NONE", "nOnE"} {
		header := func(k jws) string { return k.headerWith(map[string]any{"alg": alg}) }
		list = append(list,
			text("alg "+alg+", no signature", ruleNone, unauthorized, func(k jws) string { return header(k) + "." + k.payload + "." }),
			text("alg "+alg+", no signature and no dot", ruleNone, unauthorized, func(k jws) string { return header(k) + "." + k.payload }),
			text("alg "+alg+", signature kept", ruleNone, unauthorized, func(k jws) string { return header(k) + "." + k.payload + "." + k.signature }),
		)
	}
	return append(list,
		text("no alg, no signature", ruleNone, unauthorized, func(k jws) string {
			return k.headerWith(map[string]any{"alg": nil}) + "." + k.payload + "."
		}),
		text("alg empty, no signature", ruleNone, unauthorized, func(k jws) string {
			return k.headerWith(map[string]any{"alg": ""}) + "." + k.payload + "."
		}),
		text("alg null, no signature", ruleNone, unauthorized, func(k jws) string {
			return k.headerWith(map[string]any{"alg": json.RawMessage("null")}) + "." + k.payload + "."
		}),
		text("alg none after the valid alg", ruleHeader, unauthorized, func(k jws) string {
			return encode([]byte(`{"alg":"`+k.alg+`","alg":"none"}`)) + "." + k.payload + "."
		}),
		text("alg none before the valid alg", ruleHeader, unauthorized, func(k jws) string {
			return encode([]byte(`{"alg":"none","alg":"`+k.alg+`"}`)) + "." + k.payload + "."
		}),
		text("the valid alg and ALG none", ruleHeader, unauthorized, func(k jws) string {
			return k.headerWith(map[string]any{"ALG": "none"}) + "." + k.payload + "."
		}),
		text("the valid alg without a signature", ruleSignature, unauthorized, func(k jws) string { return k.header + "." + k.payload + "." }),
	)
}

// signatureMutations returns tokens whose signature, header or payload is
// changed.
func signatureMutations() []mutation {
	signature := func(name, rule string, change func(signature []byte, k jws) []byte) mutation {
		return text(name, rule, unauthorized, func(k jws) string {
			old, err := base64.RawURLEncoding.DecodeString(k.signature)
			changed := change(bytes.Clone(old), k)
			if err != nil || changed == nil || bytes.Equal(old, changed) {
				return ""
			}
			return k.header + "." + k.payload + "." + encode(changed)
		})
	}
	claim := func(name, claim string, value any) mutation {
		return text(name, ruleSignature, unauthorized, func(k jws) string {
			return k.header + "." + k.payloadWith(claim, value) + "." + k.signature
		})
	}
	list := []mutation{
		claim("claim added, signature kept", "jwtauthtest", "forged"),
		claim("sub changed, signature kept", "sub", "jwtauthtest-forged"),
		claim("exp changed, signature kept", "exp", int64(253402300799)),
		signature("signature without its last byte", ruleSignature, func(s []byte, _ jws) []byte { return s[:len(s)-1] }),
		signature("signature without its first byte", ruleSignature, func(s []byte, _ jws) []byte { return s[1:] }),
		signature("signature cut in half", ruleSignature, func(s []byte, _ jws) []byte { return s[:len(s)/2] }),
		signature("signature of one byte", ruleSignature, func(s []byte, _ jws) []byte { return s[:1] }),
		signature("signature of zeros", ruleSignature, func(s []byte, _ jws) []byte { return make([]byte, len(s)) }),
		signature("signature with a zero before it", ruleSignature, func(s []byte, _ jws) []byte { return append([]byte{0}, s...) }),
		signature("signature with a zero after it", ruleSignature, func(s []byte, _ jws) []byte { return append(s, 0) }),
		signature("signature twice", ruleSignature, func(s []byte, _ jws) []byte { return append(s, s...) }),
		signature("ECDSA signature as ASN.1", "an ECDSA signature consists of r and s, each with a fixed length (RFC 7518, section 3.4)", func(s []byte, k jws) []byte {
			if !strings.HasPrefix(k.alg, "ES") {
				return nil
			}
			r := new(big.Int).SetBytes(s[:len(s)/2])
			der, err := asn1.Marshal([]*big.Int{r, new(big.Int).SetBytes(s[len(s)/2:])})
			must(err)
			return der
		}),
		text("signature in standard base64", ruleEncoding, unauthorized, func(k jws) string {
			changed := strings.NewReplacer("-", "+", "_", "/").Replace(k.signature)
			if changed == k.signature {
				return ""
			}
			return k.header + "." + k.payload + "." + changed
		}),
		text("signature with padding", ruleEncoding, unauthorized, func(k jws) string {
			return k.String() + strings.Repeat("=", max(1, (4-len(k.signature)%4)%4))
		}),
		text("signature with an unused bit set", ruleEncoding, unauthorized, func(k jws) string {
			changed := withUnusedBit(k.signature)
			if changed == "" {
				return ""
			}
			return k.header + "." + k.payload + "." + changed
		}),
		text("all segments with padding", ruleEncoding, malformed, func(k jws) string {
			pad := func(s string) string { return s + strings.Repeat("=", max(1, (4-len(s)%4)%4)) }
			return pad(k.header) + "." + pad(k.payload) + "." + pad(k.signature)
		}),
	}
	for _, at := range []struct {
		name  string
		index func(n int) int
	}{
		{"first", func(int) int { return 0 }},
		{"middle", func(n int) int { return n / 2 }},
		{"last", func(n int) int { return n - 1 }},
	} {
		flip := func(s string) string {
			decoded, err := base64.RawURLEncoding.DecodeString(s)
			if err != nil || len(decoded) == 0 {
				return ""
			}
			decoded[at.index(len(decoded))] ^= 1
			return encode(decoded)
		}
		list = append(list,
			text("a bit flipped in the "+at.name+" byte of the header", ruleSignature, unauthorized, func(k jws) string { return flip(k.header) + "." + k.payload + "." + k.signature }),
			text("a bit flipped in the "+at.name+" byte of the payload", ruleSignature, unauthorized, func(k jws) string { return k.header + "." + flip(k.payload) + "." + k.signature }),
			text("a bit flipped in the "+at.name+" byte of the signature", ruleSignature, unauthorized, func(k jws) string { return k.header + "." + k.payload + "." + flip(k.signature) }),
		)
	}
	return list
}

// withUnusedBit sets the lowest bit of the last character if that bit belongs
// to no byte. Otherwise it returns "".
func withUnusedBit(segment string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(segment) - 1
	digit := strings.IndexByte(alphabet, segment[last])
	if len(segment)%4 == 0 || digit%2 != 0 {
		return ""
	}
	return segment[:last] + alphabet[digit+1:digit+2]
}
