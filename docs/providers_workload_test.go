package docs_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

func providers() []provider {
	return slices.Concat(cloudProviders(), serverProviders(), loginProviders(),
		[]provider{githubProvider(), gitlabProvider(), kubernetesProvider(), spiffeProvider()})
}

func githubProvider() provider {
	const issuer = "https://token.actions.githubusercontent.com"
	return provider{
		name: "GitHub Actions",
		documents: discovery(issuer, issuer+"/.well-known/jwks", keySet(
			jwk(newRSA(), object{"use": "sig", "kid": "38826b17-6a30-5f9b-b169-8beb8202f723", "alg": "RS256", "x5c": []string{"MIIDrDCC"}, "x5t": "a"}),
			jwk(rsaKey, object{"use": "sig", "kid": "cc413527-173f-5a05-976e-9c52b1d7b431", "alg": "RS256"}),
		)),
		verifier: must(githubActions),
		token: draft{rsaKey, object{"typ": "JWT", "x5t": "a", "kid": "cc413527-173f-5a05-976e-9c52b1d7b431"}, object{
			"jti": "j", "sub": "repo:acme/app:environment:production", "aud": "https://deploy.acme.example", "ref": "refs/heads/main", "sha": "0a1b2c",
			"repository": "acme/app", "repository_owner": "acme", "repository_owner_id": "65", "repository_id": "74", "repository_visibility": "private",
			"run_id": "3", "run_number": "10", "run_attempt": "1", "runner_environment": "github-hosted", "actor": "ann", "actor_id": "4",
			"workflow": "ci", "workflow_ref": "acme/app/.github/workflows/ci.yml@refs/heads/main", "workflow_sha": "0a1b2c", "event_name": "push",
			"ref_type": "branch", "head_ref": "", "base_ref": "", "environment": "production", "iss": issuer, "nbf": now - 600, "exp": now + 3000, "iat": now,
			"job_workflow_ref": "acme/app/.github/workflows/ci.yml@refs/heads/main",
		}},
		cases: []tokenCase{
			{"the default audience", set("aud", "https://github.com/acme"), "aud does not contain"},
			{"another repository", all(set("repository", "acme/other"), set("repository_id", "75")), "repository_id or repository_owner_id is not ours"},
			{"a deleted owner's name used again", all(set("repository_owner_id", "66"), set("repository_id", "76")), "repository_id or repository_owner_id is not ours"},
			{"a name that begins like ours", all(set("sub", "repo:acme-evil/app:environment:production"), set("repository_owner_id", "67"), set("repository_id", "77")), "repository_id or repository_owner_id is not ours"},
			{"IDs as numbers", set("repository_id", 74), "repository_id"},
			{"another branch", set("ref", "refs/heads/feature"), "ref or event_name is not that of a push"},
			{"a tag called main", set("ref", "refs/tags/main"), "ref or event_name is not that of a push"},
			{"a pull request", all(set("event_name", "pull_request"), set("ref", "refs/pull/1/merge"), set("sub", "repo:acme/app:pull_request")), "ref or event_name is not that of a push"},
			{"a pull_request_target run", set("event_name", "pull_request_target"), "ref or event_name is not that of a push"},
			{"no environment", drop("environment"), "environment is not production"},
			{"a self-hosted runner", set("runner_environment", "self-hosted"), "runner_environment is not github-hosted"},
			{"an enterprise's issuer", set("iss", issuer+"/acme"), "iss is not"},
			{"GitHub Enterprise Server", set("iss", "https://github.acme.example/_services/token"), "iss is not"},
		},
	}
}

func gitlabProvider() provider {
	const issuer = "https://gitlab.com"
	return provider{
		name: "GitLab CI",
		documents: discovery(issuer, issuer+"/oauth/discovery/keys", keySet(
			jwk(newRSA(), object{"kid": "kewiQq9jiC84CvSsJYOB-N6A8WFLSV20Mb-y7IlWDSQ", "use": "sig", "alg": "RS256"}),
			jwk(rsaKey, object{"kid": "4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE", "use": "sig", "alg": "RS256"}),
		)),
		verifier: must(gitlabCI),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "4i3sFE7sxqNPOT7FdvcGA1ZVGGI_r-tsDXnEuYT4ZqE"}, object{
			"namespace_id": "72", "namespace_path": "g", "project_id": "20", "project_path": "g/p", "user_id": "1", "user_login": "ann",
			"user_email": "ann@acme.example", "user_access_level": "owner", "pipeline_id": "574", "pipeline_source": "push", "job_id": "302",
			"ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true", "environment": "prod",
			"environment_protected": "false", "runner_id": 1, "runner_environment": "gitlab-hosted", "sha": "0a1b", "project_visibility": "private",
			"jti": "j", "iss": issuer, "iat": now, "nbf": now - 5, "exp": now + 3000, "sub": "project_path:g/p:ref_type:branch:ref:main",
			"aud": "https://deploy.acme.example",
		}},
		cases: []tokenCase{
			{"aud as an array", set("aud", []string{"https://vault.example", "https://deploy.acme.example"}), ""},
			{"another project", set("project_id", "21"), "project_id is not ours"},
			{"the ID as a number", set("project_id", 20), "project_id"},
			{"a branch that is not protected", set("ref_protected", "false"), "ref, ref_type or ref_protected is not"},
			{"ref_protected as a boolean", set("ref_protected", true), "ref_protected"},
			{"a tag called main", all(set("ref_type", "tag"), set("sub", "project_path:g/p:ref_type:tag:ref:main")), "ref, ref_type or ref_protected is not"},
			{"a branch whose name imitates sub", all(set("ref", "x:ref_type:branch:ref:main"), set("sub", "project_path:g/p:ref_type:branch:ref:x:ref_type:branch:ref:main")), "ref, ref_type or ref_protected is not"},
			{"a merge request", set("pipeline_source", "merge_request_event"), "pipeline_source is not push"},
			{"another instance", set("iss", "https://gitlab.acme.example"), "iss is not"},
		},
	}
}

const clusterIssuer = "https://kubernetes.default.svc.cluster.local"

func kubernetesToken() draft {
	return draft{rsaKey, object{"kid": "hsN0bYhN1n0y7mzYvYk3Vw"}, object{
		"aud": []string{"https://orders.acme.example"}, "exp": now + 3607, "iat": now, "nbf": now, "iss": clusterIssuer, "jti": "j",
		"kubernetes.io": object{
			"namespace": "shop", "node": object{"name": "n1", "uid": "u"}, "pod": object{"name": "p", "uid": "u"},
			"serviceaccount": object{"name": "checkout", "uid": "u"}, "warnafter": now + 3607,
		},
		"sub": "system:serviceaccount:shop:checkout",
	}}
}

func clusterSet() object {
	return keySet(jwk(rsaKey, object{"use": "sig", "kid": "hsN0bYhN1n0y7mzYvYk3Vw", "alg": "RS256"}))
}

func kubernetesProvider() provider {
	return provider{
		name: "Kubernetes service accounts", token: kubernetesToken(),
		verifier: func(t testing.TB) jwtauth.TokenVerifier {
			c := newCluster(t)
			keys, err := clusterKeys(c.URL, c.caFile, c.tokenFile)
			if err != nil {
				t.Fatal(err)
			}
			return must(func() (*jwtauth.Verifier, error) { return newKubernetesVerifier(keys) })(t)
		},
		cases: []tokenCase{
			{"for the API server", set("aud", []string{clusterIssuer}), "aud does not contain"},
			{"a legacy token", func(d *draft) {
				d.claims = object{
					"iss": "kubernetes/serviceaccount", "kubernetes.io/serviceaccount/namespace": "shop", "sub": "system:serviceaccount:shop:checkout",
					"kubernetes.io/serviceaccount/service-account.name": "checkout",
				}
			}, "exp is missing"},
			{"another account", setIn("kubernetes.io", "serviceaccount", object{"name": "other"}), "namespace or serviceaccount in kubernetes.io is not ours"},
			{"another namespace", setIn("kubernetes.io", "namespace", "other"), "namespace or serviceaccount in kubernetes.io is not ours"},
			{"no account", drop("kubernetes.io"), "namespace or serviceaccount in kubernetes.io is not ours"},
			{"another cluster", set("iss", "https://oidc.eks.eu-west-1.amazonaws.com/id/0A1B"), "iss is not"},
		},
	}
}

// cluster is an API server that publishes its keys only to pods.
type cluster struct {
	*httptest.Server
	caFile, tokenFile string

	mu   sync.Mutex
	want string   // the token of the pod
	seen []string // Authorization headers
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{caFile: filepath.Join(t.TempDir(), "ca.crt"), tokenFile: filepath.Join(t.TempDir(), "token")}
	c.Server = httptest.NewTLSServer(c)
	t.Cleanup(c.Close)
	c.writeToken(t, "token-1")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate().Raw})
	if err := os.WriteFile(c.caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cluster) writeToken(t testing.TB, token string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.want = "Bearer " + token
	if err := os.WriteFile(c.tokenFile, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, r.Header.Get("Authorization"))
	if r.URL.Path != "/openid/v1/jwks" || r.Header.Get("Authorization") != c.want {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_ = json.NewEncoder(w).Encode(clusterSet())
}

// The token of the pod is read for each request and sent to the API server only.
func TestClusterTransport(t *testing.T) {
	c, other := newCluster(t), newCluster(t)
	keys, err := clusterKeys(c.URL, c.caFile, c.tokenFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	transport := &clusterTransport{host: strings.TrimPrefix(c.URL, "https://"), tokenFile: c.tokenFile, base: other.Client().Transport}
	status := func(url string) int {
		req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/openid/v1/jwks", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := req.Header.Get("Authorization"); got != "" {
			t.Errorf("the request of the caller has got %q", got)
		}
		return resp.StatusCode
	}
	if got := status(c.URL); got != 200 {
		t.Errorf("the API server responds %d", got)
	}
	c.writeToken(t, "token-2") // the kubelet replaces the file
	if got := status(c.URL); got != 200 {
		t.Errorf("the API server responds %d to the new token", got)
	}
	status(other.URL)
	if !slices.Equal(other.seen, []string{""}) {
		t.Errorf("another host has got %q", other.seen)
	}
	// The certificate of another authority is refused.
	stranger := httptest.NewUnstartedServer(c)
	stranger.StartTLS()
	defer stranger.Close()
	if _, err := clusterKeys(c.URL, c.tokenFile, c.tokenFile); err == nil {
		t.Error("a file without a certificate is accepted")
	}
	if _, err := kubernetes(); err == nil {
		t.Error("a program outside of a cluster gets its keys")
	}
}

func spiffeBundle() object {
	return keySet(
		jwk(rsaKey, object{"use": "jwt-svid", "kid": "C6vs25welZOx6WksNYfbMfiw9l96pMnD"}),
		jwk(newEC(), object{"use": "x509-svid", "x5c": []string{"MIIB"}}),
	).with(object{"spiffe_sequence": 12, "spiffe_refresh_hint": 60})
}

func spiffeProvider() provider {
	return provider{
		name: "SPIFFE",
		verifier: must(func() (*jwtauth.Verifier, error) {
			text, err := json.Marshal(spiffeBundle())
			if err != nil {
				return nil, err
			}
			return spiffe(text)
		}),
		token: draft{rsaKey, object{"typ": "JWT", "kid": "C6vs25welZOx6WksNYfbMfiw9l96pMnD"}, object{
			"sub": "spiffe://acme.example/checkout", "aud": []string{"spiffe://acme.example/orders"}, "exp": now + 3000, "iat": now,
		}},
		exempt: []string{"another issuer", "no issuer"}, // iss is optional
		cases: []tokenCase{
			{"without typ", func(d *draft) { delete(d.header, "typ") }, ""},
			{"aud as a string", set("aud", "spiffe://acme.example/orders"), ""},
			{"the other workload", set("sub", "spiffe://acme.example/search"), ""},
			{"typ JOSE", header("typ", "JOSE"), "type"},
			{"another workload", set("sub", "spiffe://acme.example/other"), "sub is not one of our workloads"},
			{"another trust domain", set("sub", "spiffe://other.example/checkout"), "sub is not one of our workloads"},
			{"a trust domain that begins like ours", set("sub", "spiffe://acme.example.attacker.example/checkout"), "sub is not one of our workloads"},
			{"for another workload", set("aud", "spiffe://acme.example/billing"), "aud does not contain"},
		},
	}
}

// RemoteKeys does not use the keys of a bundle: their use is not "sig".
func TestSPIFFEBundle(t *testing.T) {
	internet.publish(t, "https://spire.acme.example/bundle", spiffeBundle())
	keys, err := jwtauth.NewRemoteKeys("https://spire.acme.example/bundle", jwtauth.RemoteKeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), `use "jwt-svid"`) {
		t.Errorf("got %v", err)
	}
	// SPIRE's OIDC discovery provider publishes keys without use.
	internet.publish(t, "https://oidc.acme.example/keys", keySet(jwk(rsaKey, object{"kid": "C6vs25welZOx6WksNYfbMfiw9l96pMnD", "alg": "RS256"})))
	keys, err = jwtauth.NewRemoteKeys("https://oidc.acme.example/keys", jwtauth.RemoteKeysOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	for _, bundle := range []string{"", "{}", `{"keys":[{"use":"x509-svid"}]}`, `{"keys":[{"use":"jwt-svid"}]}`} {
		if _, err := spiffe([]byte(bundle)); err == nil {
			t.Errorf("%s is accepted", bundle)
		}
	}
}

// The segments of the token in x-amzn-oidc-data are padded, which a JWS must
// not be, so even the right key does not verify it.
func TestALBData(t *testing.T) {
	key, err := jwtauth.NewKey(jwtauth.ES256, &ecKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwtauth.StaticKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer: userPool, AnyAudience: true, Check: func(context.Context, *jwtauth.Claims) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	token := draft{ecKey, object{"typ": "JWT", "kid": "0a1b2c3d-1234-1234-1234-0123456789ab", "iss": userPool, "client": "web", "exp": now + 120}, object{
		"sub": "u1", "exp": now + 120, "iss": userPool,
	}}.sign(t)
	padded := ""
	for i, segment := range strings.Split(token, ".") {
		if i > 0 {
			padded += "."
		}
		padded += segment + strings.Repeat("=", (4-len(segment)%4)%4)
	}
	if !strings.HasSuffix(padded, "==") {
		t.Fatal("the signature has no padding")
	}
	var f figures
	f.check(t, v, token, tokenCase{name: "without padding"})
	f.check(t, v, padded, tokenCase{name: "x-amzn-oidc-data", refuse: anyReason})
	t.Logf("%d accepted, %d refused", f.accepted, f.refused)
}
