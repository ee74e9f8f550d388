package jwtauthtest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// elsewhere returns a mutation that removes the token from the Authorization
// header and may put it in another place.
func elsewhere(name, rule string, status []int, put func(r *http.Request, token string)) mutation {
	return mutation{name, rule, status, func(r *http.Request, k jws) bool {
		r.Header.Del("Authorization")
		put(r, k.String())
		return true
	}}
}

// placeNames are common names of query parameters, form fields and cookies that
// contain a token.
var placeNames = []string{"access_token", "token", "jwt", "id_token", "auth_token", "Authorization"}

// requestMutations returns changes to the place and the form of the
// credentials.
func requestMutations() []mutation {
	unsigned := func(k jws) string { return k.headerWith(map[string]any{"alg": "none"}) + "." + k.payload + "." }
	nowhere := func(*http.Request, string) {}
	method := func(name string) func(*http.Request, string) {
		return func(r *http.Request, _ string) { r.Method = name }
	}
	return []mutation{
		elsewhere("no token", ruleMissing, unauthorized, nowhere),
		elsewhere("no token, method HEAD", ruleMissing, []int{http.StatusUnauthorized, http.StatusMethodNotAllowed}, method(http.MethodHead)),
		elsewhere("no token, method OPTIONS", ruleMissing, []int{http.StatusUnauthorized, http.StatusMethodNotAllowed}, method(http.MethodOptions)),
		fields("empty Authorization header", ruleMissing, malformed, func(jws) []string { return []string{""} }),
		fields("scheme without a token", ruleGrammar, malformed, func(jws) []string { return []string{"Bearer"} }),
		fields("scheme and a space without a token", ruleGrammar, malformed, func(jws) []string { return []string{"Bearer "} }),
		fields("token without a scheme", ruleScheme, malformed, func(k jws) []string { return []string{k.String()} }),
		fields("scheme Basic", ruleScheme, malformed, func(k jws) []string { return []string{"Basic " + k.String()} }),
		fields("scheme Token", ruleScheme, malformed, func(k jws) []string { return []string{"Token " + k.String()} }),
		fields("scheme DPoP", ruleScheme, malformed, func(k jws) []string { return []string{"DPoP " + k.String()} }),
		fields("scheme BearerX", ruleScheme, malformed, func(k jws) []string { return []string{"BearerX " + k.String()} }),
		fields("no space after the scheme", ruleGrammar, malformed, func(k jws) []string { return []string{"Bearer" + k.String()} }),
		fields("colon after the scheme", ruleGrammar, malformed, func(k jws) []string { return []string{"Bearer: " + k.String()} }),
		fields("scheme twice", ruleGrammar, malformed, func(k jws) []string { return []string{"Bearer Bearer " + k.String()} }),
		fields("tab after the scheme", ruleGrammar, malformed, func(k jws) []string { return []string{"Bearer\t" + k.String()} }),
		fields("token in quotes", ruleGrammar, malformed, func(k jws) []string { return []string{`Bearer "` + k.String() + `"`} }),
		fields("token and another word", ruleGrammar, malformed, func(k jws) []string { return []string{"Bearer " + k.String() + " x"} }),
		fields("two tokens, separated by a comma", ruleGrammar, malformed, func(k jws) []string { return []string{"Bearer " + k.String() + ", Bearer " + k.String()} }),
		text("space in the token", ruleGrammar, malformed, func(k jws) string { return k.header + "." + k.payload + ". " + k.signature }),
		text("line break in the signature", ruleEncoding, malformed, func(k jws) string {
			return k.header + "." + k.payload + "." + k.signature[:4] + "\r\n" + k.signature[4:]
		}),
		text("NUL in the token", ruleGrammar, malformed, func(k jws) string { return k.String() + "\x00" }),

		fields("two headers, equal", ruleOneField, malformed, func(k jws) []string { return []string{"Bearer " + k.String(), "Bearer " + k.String()} }),
		fields("two headers, the valid one first", ruleOneField, malformed, func(k jws) []string { return []string{"Bearer " + k.String(), "Bearer " + unsigned(k)} }),
		fields("two headers, the valid one last", ruleOneField, malformed, func(k jws) []string { return []string{"Bearer " + unsigned(k), "Bearer " + k.String()} }),
		fields("two headers, the second one Basic", ruleOneField, malformed, func(k jws) []string { return []string{"Bearer " + k.String(), "Basic YTpi"} }),
		fields("two headers, the first one empty", ruleOneField, malformed, func(k jws) []string { return []string{"", "Bearer " + k.String()} }),

		elsewhere("token in the query", rulePlace, malformed, func(r *http.Request, token string) {
			query := r.URL.Query()
			for _, name := range placeNames {
				query.Set(name, token)
			}
			r.URL.RawQuery = query.Encode()
			r.RequestURI = r.URL.RequestURI()
		}),
		elsewhere("token in a form", rulePlace, malformed, func(r *http.Request, token string) {
			form := make(url.Values)
			for _, name := range placeNames {
				form.Set(name, token)
			}
			body := form.Encode()
			r.Method, r.Form, r.PostForm, r.MultipartForm = http.MethodPost, nil, nil, nil
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}),
		elsewhere("token in a cookie", rulePlace, malformed, func(r *http.Request, token string) {
			for _, name := range placeNames {
				r.AddCookie(&http.Cookie{Name: name, Value: token})
			}
		}),
		elsewhere("token in other headers", rulePlace, malformed, func(r *http.Request, token string) {
			for _, name := range []string{"Proxy-Authorization", "X-Authorization", "X-Access-Token", "X-Auth-Token", "Token"} {
				r.Header.Set(name, "Bearer "+token)
			}
		}),
	}
}
