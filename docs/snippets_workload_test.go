package docs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

// githubActions verifies the tokens of the workflows that may deploy.
func githubActions() (*jwtauth.Verifier, error) {
	const issuer = "https://token.actions.githubusercontent.com"
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   issuer,
		Audience: []string{"https://deploy.acme.example"}, // the workflow requests it
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				RepositoryID string `json:"repository_id"` // names can be used again, IDs not
				OwnerID      string `json:"repository_owner_id"`
				Ref          string `json:"ref"`
				Event        string `json:"event_name"`
				Environment  string `json:"environment"`
				Runner       string `json:"runner_environment"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case t.RepositoryID != "74" || t.OwnerID != "65":
				return errors.New("repository_id or repository_owner_id is not ours")
			case t.Ref != "refs/heads/main" || t.Event != "push":
				return errors.New("ref or event_name is not that of a push to main")
			case t.Environment != "production":
				return errors.New("environment is not production")
			case t.Runner != "github-hosted":
				return errors.New("runner_environment is not github-hosted")
			}
			return nil
		},
	})
}

// gitlabCI verifies the ID tokens of jobs of a protected branch.
func gitlabCI() (*jwtauth.Verifier, error) {
	const issuer = "https://gitlab.com"
	keys, err := jwtauth.NewRemoteKeysFromIssuer(issuer, jwtauth.RemoteKeysOptions{})
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   issuer,
		Audience: []string{"https://deploy.acme.example"}, // id_tokens in .gitlab-ci.yml
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				ProjectID string `json:"project_id"`
				Ref       string `json:"ref"`
				RefType   string `json:"ref_type"`
				Protected string `json:"ref_protected"` // "true", not true
				Source    string `json:"pipeline_source"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			switch {
			case t.ProjectID != "20":
				return errors.New("project_id is not ours")
			case t.RefType != "branch" || t.Ref != "main" || t.Protected != "true":
				return errors.New("ref, ref_type or ref_protected is not that of our protected branch")
			case t.Source != "push":
				return errors.New("pipeline_source is not push")
			}
			return nil
		},
	})
}

// kubernetes verifies tokens of service accounts of the cluster in which the
// program runs.
func kubernetes() (*jwtauth.Verifier, error) {
	const mounted = "/var/run/secrets/kubernetes.io/serviceaccount/"
	keys, err := clusterKeys("https://kubernetes.default.svc", mounted+"ca.crt", mounted+"token")
	if err != nil {
		return nil, err
	}
	return newKubernetesVerifier(keys)
}

// clusterKeys returns the keys of the cluster whose API server has this URL.
func clusterKeys(apiServer, caFile, tokenFile string) (*jwtauth.RemoteKeys, error) {
	u, err := url.Parse(apiServer)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("no certificate in " + caFile)
	}
	return jwtauth.NewRemoteKeys(apiServer+"/openid/v1/jwks", jwtauth.RemoteKeysOptions{
		Transport: &clusterTransport{
			host:      u.Host,
			tokenFile: tokenFile,
			base:      &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		},
	})
}

// clusterTransport adds the token of the pod to requests for the API server.
type clusterTransport struct {
	host      string // the only one that gets the token
	tokenFile string // replaced about once an hour, so it is read each time
	base      http.RoundTripper
}

func (t *clusterTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" && r.URL.Host == t.host {
		token, err := os.ReadFile(t.tokenFile)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context()) // a RoundTripper must not change the request
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	return t.base.RoundTrip(r)
}

func newKubernetesVerifier(keys jwtauth.KeySource) (*jwtauth.Verifier, error) {
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		Issuer:   "https://kubernetes.default.svc.cluster.local", // --service-account-issuer
		Audience: []string{"https://orders.acme.example"},        // of a projected token; never the API server's
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			var t struct {
				Kubernetes struct {
					Namespace      string `json:"namespace"`
					ServiceAccount struct {
						Name string `json:"name"`
					} `json:"serviceaccount"`
				} `json:"kubernetes.io"`
			}
			if err := c.Decode(&t); err != nil {
				return err
			}
			if t.Kubernetes.Namespace != "shop" || t.Kubernetes.ServiceAccount.Name != "checkout" {
				return errors.New("namespace or serviceaccount in kubernetes.io is not ours")
			}
			return nil
		},
	})
}

// spiffe verifies JWT-SVIDs of one trust domain with the keys of its bundle.
func spiffe(bundle []byte) (*jwtauth.Verifier, error) {
	keys, err := bundleKeys(bundle)
	if err != nil {
		return nil, err
	}
	return jwtauth.NewVerifier(keys, jwtauth.VerifierOptions{
		AnyIssuer: true, // iss is optional; Check compares the trust domain of sub
		Audience:  []string{"spiffe://acme.example/orders"},
		Check: func(_ context.Context, c *jwtauth.Claims) error {
			if !slices.Contains([]string{"spiffe://acme.example/checkout", "spiffe://acme.example/search"}, c.Subject) {
				return errors.New("sub is not one of our workloads")
			}
			return nil
		},
	})
}

// bundleKeys returns the keys of a SPIFFE bundle with the use jwt-svid.
func bundleKeys(bundle []byte) (jwtauth.KeySource, error) {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(bundle, &set); err != nil {
		return nil, err
	}
	var keys []jwtauth.Key
	for _, jwk := range set.Keys {
		if jwk["use"] != "jwt-svid" { // x509-svid: certificates
			continue
		}
		jwk["use"] = "sig"
		text, err := json.Marshal(jwk)
		if err != nil {
			return nil, err
		}
		key, err := jwtauth.ParseKey("", text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key.Public())
	}
	return jwtauth.StaticKeys(keys...)
}

// behindALB protects a service behind an Application Load Balancer that signs
// users in. It verifies the access token of the provider, not the header
// x-amzn-oidc-data.
func behindALB(provider jwtauth.TokenVerifier) func(http.Handler) http.Handler {
	return jwtauth.Verify(provider, jwtauth.From(jwtauth.Header("X-Amzn-Oidc-Accesstoken")))
}
