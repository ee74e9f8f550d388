package jwtauthtest

import "strings"

// structureMutations returns tokens that are not a compact JWS, or are too
// large.
func structureMutations() []mutation {
	junk := func(size int) string { return strings.Repeat("QUJD", size/4) }
	return []mutation{
		text("one segment", ruleStructure, unauthorized, func(k jws) string { return k.payload }),
		text("two segments", ruleStructure, unauthorized, func(k jws) string { return k.header + "." + k.payload }),
		text("three empty segments", ruleStructure, unauthorized, func(jws) string { return ".." }),
		text("header empty", ruleStructure, unauthorized, func(k jws) string { return "." + k.payload + "." + k.signature }),
		text("payload empty", ruleStructure, unauthorized, func(k jws) string { return k.header + ".." + k.signature }),
		text("an empty segment after the signature", ruleStructure, unauthorized, func(k jws) string { return k.String() + "." }),
		text("an empty segment before the header", ruleStructure, unauthorized, func(k jws) string { return "." + k.String() }),
		text("a fourth segment", ruleStructure, unauthorized, func(k jws) string { return k.String() + "." + k.signature }),
		text("five segments, as of a JWE", ruleStructure, unauthorized, func(k jws) string {
			header := k.headerWith(map[string]any{"alg": "dir", "enc": "A256GCM"})
			return header + ".." + encode(make([]byte, 12)) + "." + k.payload + "." + encode(make([]byte, 16))
		}),
		text("header and payload swapped", ruleStructure, unauthorized, func(k jws) string { return k.payload + "." + k.header + "." + k.signature }),
		text("signature first", ruleStructure, unauthorized, func(k jws) string { return k.signature + "." + k.header + "." + k.payload }),
		text("JSON serialization", ruleGrammar, malformed, func(k jws) string {
			return `{"protected":"` + k.header + `","payload":"` + k.payload + `","signature":"` + k.signature + `"}`
		}),
		text("JSON serialization in base64url", ruleStructure, unauthorized, func(k jws) string {
			return encode([]byte(`{"protected":"` + k.header + `","payload":"` + k.payload + `","signature":"` + k.signature + `"}`))
		}),
		text("the token inside an unsigned one", ruleNested, unauthorized, func(k jws) string {
			return segment(map[string]any{"alg": "none", "cty": "JWT"}) + "." + encode([]byte(k.String())) + "."
		}),
		text("the token inside one signed by another key", ruleNested, unauthorized, func(k jws) string {
			f := newForger(k.alg)
			input := segment(map[string]any{"alg": f.alg, "cty": "JWT"}) + "." + encode([]byte(k.String()))
			return input + "." + encode(f.sign(input))
		}),
		text("header is an array", ruleHeader, unauthorized, func(k jws) string {
			return encode([]byte(`["`+k.alg+`"]`)) + "." + k.payload + "." + k.signature
		}),
		text("header is null", ruleHeader, unauthorized, func(k jws) string { return encode([]byte(`null`)) + "." + k.payload + "." + k.signature }),
		text("header is not JSON", ruleHeader, unauthorized, func(k jws) string { return encode([]byte("\xff\xfe{")) + "." + k.payload + "." + k.signature }),
		text("header is not base64url", ruleEncoding, unauthorized, func(k jws) string { return "~~~~." + k.payload + "." + k.signature }),
		text("header with alg in an array", ruleHeader, unauthorized, func(k jws) string {
			return k.headerWith(map[string]any{"alg": []string{k.alg}}) + "." + k.payload + "." + k.signature
		}),
		text("header 5,000 arrays deep", ruleHuge, huge, func(k jws) string {
			return encode([]byte(`{"alg":"`+k.alg+`","x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+"}")) + "." + k.payload + "." + k.signature
		}),
		text("payload of 100 KB", ruleHuge, huge, func(k jws) string { return k.header + "." + junk(100<<10) + "." + k.signature }),
		text("payload of 1 MB", ruleHuge, huge, func(k jws) string { return k.header + "." + junk(1<<20) + "." + k.signature }),
		text("header of 100 KB", ruleHuge, huge, func(k jws) string { return junk(100<<10) + "." + k.payload + "." + k.signature }),
		text("signature of 100 KB", ruleHuge, huge, func(k jws) string { return k.header + "." + k.payload + "." + junk(100<<10) }),
		text("100,000 dots", ruleHuge, huge, func(jws) string { return strings.Repeat(".", 100_000) }),
		fields("100 Authorization headers", ruleOneField, huge, func(k jws) []string {
			list := make([]string, 100)
			for i := range list {
				list[i] = "Bearer " + k.String()
			}
			return list
		}),
	}
}
