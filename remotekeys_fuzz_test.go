package jwtauth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/seed-0a072700/jwtauth"
)

// FuzzKeySet has any text for a key set, and for one key of a set. Of the set only what encoding/json sees there as well is
// taken; a key, whatever it is, does not spoil the one beside it.
func FuzzKeySet(f *testing.F) {
	const good = `{"kty":"OKP","crv":"Ed25519","kid":"good","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}` // RFC 8037 A.2
	odd, _ := oddKeys(f)
	for _, c := range odd {
		text, err := json.Marshal(c.odd)
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
		keys, report := fetched(t, text, jwtauth.RemoteKeysOptions{})
		checkReport(t, report)
		var set map[string]json.RawMessage
		var elements []json.RawMessage
		isSet := utf8.ValidString(text) && json.Unmarshal([]byte(text), &set) == nil && json.Unmarshal(set["keys"], &elements) == nil
		if report.Err == nil && (!isSet || report.Keys < 1 || report.Keys+len(report.Skipped) > min(len(elements), 1001)) {
			t.Errorf("%q: %+v", text, report)
		}
		for _, alg := range []jwtauth.Algorithm{jwtauth.HS256, jwtauth.RS256, jwtauth.ES256, jwtauth.EdDSA} {
			found, err := keys.VerificationKeys(t.Context(), alg, "")
			if (err != nil) != (report.Err != nil) && alg != jwtauth.HS256 || len(found) > 0 && alg == jwtauth.HS256 {
				t.Errorf("%q: %v, %v for %s", text, found, err, alg)
			}
			for _, key := range found {
				if key.Algorithm() != alg || key.ID() == "" || len(key.ID()) > 256 || key.Public() != key {
					t.Errorf("%q: %v for %s", text, key, alg)
				}
			}
		}

		beside := `{"keys":[` + good + "," + text + "]}"
		if len(beside) > 1<<20 || !utf8.ValidString(beside) || !json.Valid([]byte(beside)) || !json.Valid([]byte(text)) {
			return
		}
		keys, report = fetched(t, beside, jwtauth.RemoteKeysOptions{})
		checkReport(t, report)
		if found, err := keys.VerificationKeys(t.Context(), jwtauth.EdDSA, "good"); err != nil || len(found) == 0 {
			t.Errorf("beside %q: %v, %v", text, found, err)
		}
	})
}

// checkReport checks that a report is good for a log.
func checkReport(t *testing.T, report jwtauth.KeyFetch) {
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

// FuzzDiscovery has any text for an OpenID document. Where it leads is what encoding/json reads there, https, and in a document of
// the issuer that was asked for.
func FuzzDiscovery(f *testing.F) {
	for _, c := range discoveries() {
		for _, text := range c.pages {
			f.Add(text)
		}
	}
	set := keySetOf(f, generate(f, jwtauth.EdDSA))
	f.Fuzz(func(t *testing.T, text string) {
		var led []*url.URL
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			switch r.URL.String() {
			case providerIssuer + "/.well-known/openid-configuration":
				return answerText(200, text), nil
			case providerIssuer + "/.well-known/oauth-authorization-server":
				return answerText(404, ""), nil
			}
			led = append(led, r.URL)
			return answerText(200, set), nil
		})
		told := make(chan jwtauth.KeyFetch, 1)
		keys, err := jwtauth.NewRemoteKeysFromIssuer(providerIssuer, jwtauth.RemoteKeysOptions{Transport: transport, OnFetch: func(f jwtauth.KeyFetch) { told <- f }})
		if err != nil {
			t.Fatal(err)
		}
		err = keys.Ready(t.Context())
		checkReport(t, <-told)
		if err != nil && !errors.Is(err, jwtauth.ErrUnavailable) || (err == nil) != (len(led) == 1) {
			t.Errorf("%q: %v, led to %v", text, err, led)
		}
		if len(led) == 0 {
			return
		}
		var document map[string]any
		if err := json.Unmarshal([]byte(text), &document); err != nil || document["issuer"] != providerIssuer {
			t.Errorf("%q led to %v", text, led)
		}
		location, _ := document["jwks_uri"].(string)
		want, err := url.Parse(location)
		if err != nil || want.String() != led[0].String() || led[0].Scheme != "https" || led[0].Hostname() == "" {
			t.Errorf("%q led to %v", text, led)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzCacheControl has any header say how long keys are fresh.
func FuzzCacheControl(f *testing.F) {
	for _, c := range cacheControls {
		f.Add(strings.Join(c.header.Values("Cache-Control"), ","), c.header.Get("Age"), int64(c.maxAge/time.Minute))
	}
	f.Fuzz(func(t *testing.T, field, age string, minutes int64) {
		maxAge := time.Duration(1+uint64(minutes)%(24*60)) * time.Minute
		least := min(maxAge, 5*time.Minute)
		header := http.Header{"Cache-Control": {field}}
		young := jwtauth.KeysLife(header, maxAge)
		header.Set("Age", age)
		life := jwtauth.KeysLife(header, maxAge)
		if life < least || life > maxAge || life > young {
			t.Errorf("%q, age %q, at most %v: fresh for %v (without the age %v)", field, age, maxAge, life, young)
		}
		header.Add("Cache-Control", "NO-STORE")
		if life := jwtauth.KeysLife(header, maxAge); life != least {
			t.Errorf("%q and no-store, age %q, at most %v: fresh for %v", field, age, maxAge, life)
		}
	})
}
