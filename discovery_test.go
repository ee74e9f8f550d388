package jwtauth_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// site answers each URL with a text, 404 otherwise, and notes what was asked.
type site struct {
	pages map[string]string
	asked []string
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.URL.String())
	if text, ok := s.pages[r.URL.String()]; ok {
		return answerText(200, text), nil
	}
	return answerText(404, "not here"), nil
}

func metadata(issuer, keys string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"scopes_supported":["openid"]}`, issuer, keys)
}

const discoveredKeys = "https://keys.example/set?v=1"

// discovery is an attempt to find the keys of an issuer.
type discovery struct {
	name, issuer string
	opts         jwtauth.RemoteKeysOptions
	pages        map[string]string
	asked        []string // nil: not looked at
	want         string   // part of the error; "" = none
}

func discoveries() []discovery {
	const openID, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	const host = "https://idp.example"
	const keysURL = discoveredKeys
	return []discovery{
		{name: "OpenID", issuer: host, pages: map[string]string{host + openID: metadata(host, keysURL)}, asked: []string{host + openID, keysURL}},
		{name: "OpenID, trailing slash", issuer: host + "/", pages: map[string]string{host + openID: metadata(host+"/", keysURL)}, asked: []string{host + openID, keysURL}},
		{name: "OpenID, path", issuer: host + "/realms/a", pages: map[string]string{host + "/realms/a" + openID: metadata(host+"/realms/a", keysURL)}, asked: []string{host + "/realms/a" + openID, keysURL}},
		{name: "OpenID, path and slash", issuer: host + "/a/", pages: map[string]string{host + "/a" + openID: metadata(host+"/a/", keysURL)}, asked: []string{host + "/a" + openID, keysURL}},
		{name: "OAuth", issuer: host, pages: map[string]string{host + oauth: metadata(host, keysURL)}, asked: []string{host + openID, host + oauth, keysURL}},
		{name: "OAuth, trailing slash", issuer: host + "/", pages: map[string]string{host + oauth: metadata(host+"/", keysURL)}, asked: []string{host + openID, host + oauth, keysURL}},
		{name: "OAuth, path", issuer: host + "/tenant%2F1/", pages: map[string]string{host + oauth + "/tenant%2F1": metadata(host+"/tenant%2F1/", keysURL)}, asked: []string{host + "/tenant%2F1" + openID, host + oauth + "/tenant%2F1", keysURL}},
		{name: "HTML instead of OpenID", issuer: host, pages: map[string]string{host + openID: "<html>", host + oauth: metadata(host, keysURL)}},
		{name: "neither", issuer: host, pages: nil, want: "status 404", asked: []string{host + openID, host + oauth}},
		{name: "another issuer", issuer: host, pages: map[string]string{host + openID: metadata("https://evil.example", keysURL)}, want: `another issuer, "https://evil.example"`, asked: []string{host + openID}},
		{name: "another issuer, then the one asked for", issuer: host, pages: map[string]string{host + openID: metadata("https://evil.example", keysURL), host + oauth: metadata(host, keysURL)}, want: "another issuer", asked: []string{host + openID}},
		{name: "slash too many", issuer: host, pages: map[string]string{host + openID: metadata(host+"/", keysURL)}, want: "another issuer"},
		{name: "slash too few", issuer: host + "/", pages: map[string]string{host + openID: metadata(host, keysURL)}, want: "another issuer"},
		{name: "issuer in another case", issuer: host, pages: map[string]string{host + openID: metadata("https://IDP.example", keysURL)}, want: "another issuer"},
		{name: "path of another", issuer: host + "/a", pages: map[string]string{host + "/a" + openID: metadata(host+"/b", keysURL)}, want: "another issuer"},
		{name: "template", issuer: host + "/common", pages: map[string]string{host + "/common" + openID: metadata(host+"/{tenantid}", keysURL)}, want: "another issuer"},
		{name: "keys over http", issuer: host, pages: map[string]string{host + openID: metadata(host, "http://keys.example/set?v=1")}, want: "jwks_uri is http"},
		{name: "keys over http, here", issuer: host, pages: map[string]string{host + openID: metadata(host, "http://127.0.0.1/set?v=1")}, want: "jwks_uri is http"},
		{name: "keys over http, allowed", issuer: host, opts: jwtauth.RemoteKeysOptions{InsecureHTTP: true}, pages: map[string]string{host + openID: metadata(host, "http://keys.example/set?v=1")}},
		{name: "all of it here", issuer: "http://127.0.0.1:8080", pages: map[string]string{"http://127.0.0.1:8080" + openID: metadata("http://127.0.0.1:8080", "http://localhost:8081/set?v=1")}},
		{name: "keys in a file", issuer: host, pages: map[string]string{host + openID: metadata(host, "file:///etc/passwd")}, want: "jwks_uri is not an https URL"},
		{name: "keys nowhere", issuer: host, pages: map[string]string{host + openID: metadata(host, "")}, want: "not a JSON object with issuer and jwks_uri"},
		{name: "no issuer", issuer: host, pages: map[string]string{host + openID: `{"jwks_uri":"` + keysURL + `"}`}, want: "not a JSON object with issuer and jwks_uri"},
		{name: "issuer twice", issuer: host, pages: map[string]string{host + openID: `{"issuer":"https://evil.example","issuer":"` + host + `","jwks_uri":"` + keysURL + `"}`}, want: "not a JSON object"},
		{name: "broken behind what is looked for", issuer: host, pages: map[string]string{host + openID: strings.TrimSuffix(metadata(host, keysURL), "}")}, want: "not a JSON object"},
		{name: "issuer spelt otherwise", issuer: host, pages: map[string]string{host + openID: `{"Issuer":"` + host + `","jwks_uri":"` + keysURL + `"}`}, want: "not a JSON object with issuer"},
		{name: "no set there", issuer: host, pages: map[string]string{host + openID: metadata(host, "https://keys.example/gone")}, want: "status 404"},
	}
}

func TestRemoteKeysFromIssuer(t *testing.T) {
	key := generate(t, jwtauth.EdDSA)
	set := keySetOf(t, key)
	for _, c := range discoveries() {
		t.Run(c.name, func(t *testing.T) {
			s := &site{pages: map[string]string{discoveredKeys: set, strings.Replace(discoveredKeys, "https", "http", 1): set, "http://localhost:8081/set?v=1": set}}
			for url, text := range c.pages {
				s.pages[url] = text
			}
			told := make(chan jwtauth.KeyFetch, 1)
			c.opts.Transport, c.opts.OnFetch = s, func(f jwtauth.KeyFetch) { told <- f }
			keys, err := jwtauth.NewRemoteKeysFromIssuer(c.issuer, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			err = keys.Ready(t.Context())
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.issuer)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if c.asked != nil && !slices.Equal(s.asked, c.asked) {
				t.Errorf("asked for %q, want %q", s.asked, c.asked)
			}
			if f := <-told; (f.Err == nil) != (c.want == "") || strings.Contains(f.URL, "?") || f.URL == "" {
				t.Errorf("OnFetch was told %+v", f)
			}
			if err != nil {
				return
			}
			got, err := keys.VerificationKeys(t.Context(), jwtauth.EdDSA, key.ID())
			if err != nil || len(got) != 1 {
				t.Error(got, err)
			}
		})
	}
}

// A provider may move its keys: each fetch asks anew where they are.
func TestRemoteKeysFromIssuerMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := generate(t, jwtauth.EdDSA), generate(t, jwtauth.EdDSA)
		const document = providerIssuer + "/.well-known/openid-configuration"
		s := &site{pages: map[string]string{document: metadata(providerIssuer, "https://a.example/"), "https://a.example/": keySetOf(t, before)}}
		keys, err := jwtauth.NewRemoteKeysFromIssuer(providerIssuer, jwtauth.RemoteKeysOptions{Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		v := newVerifier(t, keys, jwtauth.VerifierOptions{Issuer: providerIssuer, Audience: []string{"api"}})
		wantVerify(t, v, signed(t, before), nil)
		s.pages = map[string]string{document: metadata(providerIssuer, "https://b.example/"), "https://b.example/": keySetOf(t, after)}
		time.Sleep(30 * time.Second)
		wantVerify(t, v, signed(t, after), nil)
		wantVerify(t, v, signed(t, before), jwtauth.ErrKeyUnknown)
	})
}

// An OpenID document that never comes leaves the other one its time.
func TestRemoteKeysFromIssuerHungDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := generate(t, jwtauth.EdDSA)
		p := new(provider)
		var oauth string
		p.does(func(r *http.Request) (*http.Response, error) {
			switch r.URL.Path {
			case "/.well-known/openid-configuration":
				return hang(r)
			case "/.well-known/oauth-authorization-server":
				if oauth == "" {
					return answerText(404, ""), nil
				}
				return answerText(200, oauth), nil
			}
			return answerText(200, keySetOf(t, key)), nil
		})
		keys, err := jwtauth.NewRemoteKeysFromIssuer(providerIssuer, jwtauth.RemoteKeysOptions{Transport: p})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := keys.Ready(t.Context()); time.Since(begun) != 2*time.Second || err == nil || !strings.Contains(err.Error(), "openid-configuration: no answer within 2s") {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		oauth = metadata(providerIssuer, providerKeys)
		begun = time.Now()
		if err := keys.Ready(t.Context()); err != nil || time.Since(begun) != 2*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

func TestRemoteKeysFromIssuerFaults(t *testing.T) {
	for url, want := range map[string]string{
		"":                            "issuer: is empty",
		"http://idp.example":          "issuer: is http",
		"https://idp.example?":        "query",
		"https://idp.example/?a=b":    "query",
		"https://idp.example/#a":      "fragment",
		"idp.example":                 "not an https URL",
		"https://user@idp.example/":   "user name",
		"https://idp.example:99x/":    "not a URL",
		"urn:idp":                     "not an https URL",
		"https://idp.example/\x7f":    "not a URL",
		"https://%69dp.example/a b\n": "not a URL",
	} {
		keys, err := jwtauth.NewRemoteKeysFromIssuer(url, jwtauth.RemoteKeysOptions{Cooldown: -1})
		if err == nil || keys != nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Cooldown") {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
}
