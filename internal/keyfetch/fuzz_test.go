package keyfetch_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

// FuzzKeySet uses any text as a key set, and as one key of a set. A set is
// accepted only if encoding/json reads the same from it. A key does not affect
// the key beside it.
func FuzzKeySet(f *testing.F) {
	const good = `{"kty":"OKP","crv":"Ed25519","kid":"good","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}` // RFC 8037, appendix A.2
	for _, c := range unusableKeys(f) {
		text, err := json.Marshal(c.jwk)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
		f.Add(`{"keys":[` + string(text) + "," + good + "]}")
	}
	for _, text := range []string{"", "null", `{"keys":null}`, `{"keys":[]}`, `{"Keys":[` + good + `]}`, `{"keys":[],"keys":[` + good + `]}`, `{"keys":[` + good + `],"keys":[]}`, good + good} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, report := fetch(t, text)
		checkReport(t, report)
		var set map[string]json.RawMessage
		var elements []json.RawMessage
		isSet := utf8.ValidString(text) && json.Unmarshal([]byte(text), &set) == nil && json.Unmarshal(set["keys"], &elements) == nil
		if report.Err == nil && (!isSet || report.Keys < 1 || report.Keys+len(report.Skipped) > min(len(elements), 1001)) {
			t.Errorf("%q: %+v", text, report)
		}
		for _, alg := range []jose.Algorithm{jose.HS256, jose.RS256, jose.ES256, jose.EdDSA} {
			keys, err := s.Lookup(t.Context(), alg, "")
			if (err != nil) != (report.Err != nil) && alg != jose.HS256 || len(keys) > 0 && alg == jose.HS256 {
				t.Errorf("%q: %v, %v for %s", text, keys, err, alg)
			}
			for _, key := range keys {
				if key.Algorithm() != alg || key.ID() == "" || len(key.ID()) > 256 || key.CanSign() {
					t.Errorf("%q: %v for %s", text, key, alg)
				}
			}
		}

		beside := `{"keys":[` + good + "," + text + "]}"
		if len(beside) > 1<<20 || !utf8.ValidString(beside) || !json.Valid([]byte(beside)) || !json.Valid([]byte(text)) {
			return
		}
		s, report = fetch(t, beside)
		checkReport(t, report)
		if keys, err := s.Lookup(t.Context(), jose.EdDSA, "good"); err != nil || len(keys) == 0 {
			t.Errorf("beside %q: %v, %v", text, keys, err)
		}
	})
}

// checkReport checks that a report is fit for a log.
func checkReport(t *testing.T, report keyfetch.Report) {
	t.Helper()
	for _, err := range append(report.Skipped, report.Err) {
		if err == nil {
			continue
		}
		if text := err.Error(); len(text) > 4000 || strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("reported %q", text)
		}
	}
}

// FuzzDiscovery uses any text as an OpenID document. The keys are fetched from
// the URL that encoding/json reads there, over https, and only if the document
// is of the right issuer.
func FuzzDiscovery(f *testing.F) {
	for _, c := range discoveries() {
		for _, text := range c.pages {
			f.Add(text)
		}
	}
	set := setOf(f, generate(f, jose.EdDSA))
	f.Fuzz(func(t *testing.T, text string) {
		var fetched []*url.URL
		p := new(provider)
		p.replies(func(r *http.Request) (*http.Response, error) {
			switch r.URL.String() {
			case issuerURL + "/.well-known/openid-configuration":
				return response(http.StatusOK, text), nil
			case issuerURL + "/.well-known/oauth-authorization-server":
				return response(http.StatusNotFound, ""), nil
			}
			fetched = append(fetched, r.URL)
			return response(http.StatusOK, set), nil
		})
		reports := make(chan keyfetch.Report, 1)
		s := p.source(t, fromIssuer(t, issuerURL, false, p), func(c *config) { c.OnFetch = func(r keyfetch.Report) { reports <- r } })
		err := s.Ready(t.Context())
		checkReport(t, <-reports)
		if (err == nil) != (len(fetched) == 1) {
			t.Errorf("%q: %v, fetched %v", text, err, fetched)
		}
		if len(fetched) == 0 {
			return
		}
		var document map[string]any
		if err := json.Unmarshal([]byte(text), &document); err != nil || document["issuer"] != issuerURL {
			t.Errorf("%q led to %v", text, fetched)
		}
		location, _ := document["jwks_uri"].(string)
		want, err := url.Parse(location)
		if err != nil || want.String() != fetched[0].String() || fetched[0].Scheme != "https" || fetched[0].Hostname() == "" {
			t.Errorf("%q led to %v", text, fetched)
		}
	})
}
