package keyfetch_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyfetch"
)

// pages is a transport that responds to each URL with a text, or else with 404.
// It records the requests.
type pages struct {
	texts     map[string]string
	requested []string
}

func (p *pages) RoundTrip(r *http.Request) (*http.Response, error) {
	p.requested = append(p.requested, r.URL.String())
	if text, ok := p.texts[r.URL.String()]; ok {
		return response(http.StatusOK, text), nil
	}
	return response(http.StatusNotFound, "not here"), nil
}

func metadata(issuer, jwksURI string) string {
	return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q,"scopes_supported":["openid"]}`, issuer, jwksURI)
}

const discoveredURL = "https://keys.example/set?v=1"

// discovery is an attempt to find the keys of an issuer.
type discovery struct {
	name, issuer string
	insecure     bool
	pages        map[string]string
	requested    []string // if nil, anything
	want         string   // part of the error; empty if the keys are found
}

func discoveries() []discovery {
	const host, keysURL = "https://idp.example", discoveredURL
	const openID, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	return []discovery{
		{name: "OpenID", issuer: host, pages: map[string]string{host + openID: metadata(host, keysURL)}, requested: []string{host + openID, keysURL}},
		{name: "OpenID, trailing slash", issuer: host + "/", pages: map[string]string{host + openID: metadata(host+"/", keysURL)}, requested: []string{host + openID, keysURL}},
		{name: "OpenID, path", issuer: host + "/realms/a", pages: map[string]string{host + "/realms/a" + openID: metadata(host+"/realms/a", keysURL)}, requested: []string{host + "/realms/a" + openID, keysURL}},
		{name: "OpenID, path and slash", issuer: host + "/a/", pages: map[string]string{host + "/a" + openID: metadata(host+"/a/", keysURL)}, requested: []string{host + "/a" + openID, keysURL}},
		{name: "OAuth", issuer: host, pages: map[string]string{host + oauth: metadata(host, keysURL)}, requested: []string{host + openID, host + oauth, keysURL}},
		{name: "OAuth, trailing slash", issuer: host + "/", pages: map[string]string{host + oauth: metadata(host+"/", keysURL)}, requested: []string{host + openID, host + oauth, keysURL}},
		{name: "OAuth, path", issuer: host + "/tenant%2F1/", pages: map[string]string{host + oauth + "/tenant%2F1": metadata(host+"/tenant%2F1/", keysURL)}, requested: []string{host + "/tenant%2F1" + openID, host + oauth + "/tenant%2F1", keysURL}},
		{name: "HTML instead of OpenID", issuer: host, pages: map[string]string{host + openID: "<html>", host + oauth: metadata(host, keysURL)}},
		{name: "no document", issuer: host, pages: nil, want: "status 404", requested: []string{host + openID, host + oauth}},
		{name: "another issuer", issuer: host, pages: map[string]string{host + openID: metadata("https://evil.example", keysURL)}, want: `another issuer, "https://evil.example"`, requested: []string{host + openID}},
		{name: "another issuer, then the right one", issuer: host, pages: map[string]string{host + openID: metadata("https://evil.example", keysURL), host + oauth: metadata(host, keysURL)}, want: "another issuer", requested: []string{host + openID}},
		{name: "another issuer in the second document", issuer: host, pages: map[string]string{host + oauth: metadata("https://evil.example", keysURL)}, want: "another issuer", requested: []string{host + openID, host + oauth}},
		{name: "slash too many", issuer: host, pages: map[string]string{host + openID: metadata(host+"/", keysURL)}, want: "another issuer"},
		{name: "slash too few", issuer: host + "/", pages: map[string]string{host + openID: metadata(host, keysURL)}, want: "another issuer"},
		{name: "issuer in another case", issuer: host, pages: map[string]string{host + openID: metadata("https://IDP.example", keysURL)}, want: "another issuer"},
		{name: "path of another issuer", issuer: host + "/a", pages: map[string]string{host + "/a" + openID: metadata(host+"/b", keysURL)}, want: "another issuer"},
		{name: "template", issuer: host + "/common", pages: map[string]string{host + "/common" + openID: metadata(host+"/{tenantid}", keysURL)}, want: "another issuer"},
		{name: "keys over http", issuer: host, pages: map[string]string{host + openID: metadata(host, "http://keys.example/set?v=1")}, want: "jwks_uri is http"},
		{name: "keys over http on this machine", issuer: host, pages: map[string]string{host + openID: metadata(host, "http://127.0.0.1/set?v=1")}, want: "jwks_uri is http"},
		{name: "keys over http, allowed", issuer: host, insecure: true, pages: map[string]string{host + openID: metadata(host, "http://keys.example/set?v=1")}},
		{name: "all on this machine", issuer: "http://127.0.0.1:8080", pages: map[string]string{"http://127.0.0.1:8080" + openID: metadata("http://127.0.0.1:8080", "http://localhost:8081/set?v=1")}},
		{name: "keys in a file", issuer: host, pages: map[string]string{host + openID: metadata(host, "file:///etc/passwd")}, want: "jwks_uri is not an https URL"},
		{name: "empty jwks_uri", issuer: host, pages: map[string]string{host + openID: metadata(host, "")}, want: "not a JSON object with issuer and jwks_uri"},
		{name: "no issuer", issuer: host, pages: map[string]string{host + openID: `{"jwks_uri":"` + keysURL + `"}`}, want: "not a JSON object with issuer and jwks_uri"},
		{name: "issuer twice", issuer: host, pages: map[string]string{host + openID: `{"issuer":"https://evil.example","issuer":"` + host + `","jwks_uri":"` + keysURL + `"}`}, want: "not a JSON object"},
		{name: "cut short", issuer: host, pages: map[string]string{host + openID: strings.TrimSuffix(metadata(host, keysURL), "}")}, want: "not a JSON object"},
		{name: "member in another case", issuer: host, pages: map[string]string{host + openID: `{"Issuer":"` + host + `","jwks_uri":"` + keysURL + `"}`}, want: "not a JSON object with issuer"},
		{name: "no set at jwks_uri", issuer: host, pages: map[string]string{host + openID: metadata(host, "https://keys.example/gone")}, want: "status 404"},
	}
}

// fromIssuer makes a source find its keys by discovery.
func fromIssuer(t testing.TB, issuer string, insecure bool, transport http.RoundTripper) func(*config) {
	t.Helper()
	location, err := keyfetch.ParseIssuer(issuer, insecure)
	if err != nil {
		t.Fatal(err)
	}
	return func(c *config) { c.Location, c.Transport = location, transport }
}

func TestDiscovery(t *testing.T) {
	key := generate(t, jose.EdDSA)
	set := setOf(t, key)
	for _, c := range discoveries() {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := &pages{texts: map[string]string{
					discoveredURL:                   set,
					"http://keys.example/set?v=1":   set,
					"http://localhost:8081/set?v=1": set,
				}}
				for url, text := range c.pages {
					site.texts[url] = text
				}
				p := new(provider)
				s := p.source(t, fromIssuer(t, c.issuer, c.insecure, site))
				err := s.Ready(t.Context())
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.issuer)) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				if c.requested != nil && !slices.Equal(site.requested, c.requested) {
					t.Errorf("requested %q, want %q", site.requested, c.requested)
				}
				synctest.Wait()
				if r := p.lastReport(t); (r.Err == nil) != (c.want == "") || strings.Contains(r.URL, "?") || r.URL == "" {
					t.Errorf("reported %+v", r)
				}
				if err == nil {
					wantAtOnce(t, s, key, found)
				}
			})
		})
	}
}

// The name of another issuer in an error is cut to 200 characters.
func TestDiscoveryQuotesLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 199) + "é" + "z"
		site := &pages{texts: map[string]string{issuerURL + "/.well-known/openid-configuration": metadata(long, keysURL)}}
		p := new(provider)
		err := p.source(t, fromIssuer(t, issuerURL, false, site)).Ready(t.Context())
		if err == nil || !strings.HasSuffix(err.Error(), `xé"`) {
			t.Errorf("got %v", err)
		}
	})
}

// A provider may move its keys: each fetch starts with discovery.
func TestDiscoveryFollowsAMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, after := generate(t, jose.EdDSA), generate(t, jose.EdDSA)
		const document = issuerURL + "/.well-known/openid-configuration"
		site := &pages{texts: map[string]string{document: metadata(issuerURL, "https://a.example/"), "https://a.example/": setOf(t, before)}}
		p := new(provider)
		s := p.source(t, fromIssuer(t, issuerURL, false, site))
		wantAtOnce(t, s, before, found)
		synctest.Wait()
		if r := p.lastReport(t); r.URL != "https://a.example/" {
			t.Errorf("reported %+v", r)
		}
		site.texts = map[string]string{document: metadata(issuerURL, "https://b.example/"), "https://b.example/": setOf(t, after)}
		time.Sleep(30 * time.Second)
		wantAtOnce(t, s, after, found)
		wantAtOnce(t, s, before, unknown)
	})
}

// If the first document hangs, there is time left for the second.
func TestDiscoveryHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, key := new(provider), generate(t, jose.EdDSA)
		var oauth string
		p.replies(func(r *http.Request) (*http.Response, error) {
			switch r.URL.Path {
			case "/.well-known/openid-configuration":
				return hang(r)
			case "/.well-known/oauth-authorization-server":
				if oauth == "" {
					return response(http.StatusNotFound, ""), nil
				}
				return response(http.StatusOK, oauth), nil
			}
			return response(http.StatusOK, setOf(t, key)), nil
		})
		s := p.source(t, fromIssuer(t, issuerURL, false, p))
		begun := time.Now()
		if err := s.Ready(t.Context()); time.Since(begun) != 2*time.Second || err == nil || !strings.Contains(err.Error(), "openid-configuration: no response within 2s") {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		oauth = metadata(issuerURL, keysURL)
		begun = time.Now()
		if err := s.Ready(t.Context()); err != nil || time.Since(begun) != 2*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

// All requests of a fetch share one time limit.
func TestDiscoverySharesTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		p.replies(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "openid-configuration") {
				time.Sleep(1500 * time.Millisecond)
				return response(http.StatusOK, metadata(issuerURL, keysURL)), nil
			}
			return hang(r)
		})
		begun := time.Now()
		err := p.source(t, fromIssuer(t, issuerURL, false, p)).Ready(t.Context())
		if time.Since(begun) != 5*time.Second || err == nil || !strings.Contains(err.Error(), "no response within 5s") {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}
