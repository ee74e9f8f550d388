package impl

import (
	"net/http"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
)

const oursModule = "github.com/seed-0a072700/jwtauth"

var ours = Impl{
	Name:    "ours",
	Module:  oursModule,
	About:   "`Verify(verifier)`; private claims are decoded only if a handler reads them",
	Handler: oursHandler(jwtauth.VerifierOptions{}, readSubject),
	Signer: func(alg string, key fixture.Key) (func(string) (string, error), error) {
		k, err := jwtauth.NewKey(jwtauth.Algorithm(alg), key.Private)
		if err != nil {
			return nil, err
		}
		issuer, err := jwtauth.NewIssuer(k, jwtauth.IssuerOptions{Issuer: fixture.Issuer, Audience: []string{fixture.Audience}})
		if err != nil {
			return nil, err
		}
		return func(subject string) (string, error) { return issuer.Sign(subject, fixture.ThePrivate) }, nil
	},
}

// oursDecoded also decodes the private claims. All peers except kataras/jwt do
// that at every request.
var oursDecoded = Impl{
	Name:    "ours-decoded",
	Module:  oursModule,
	About:   "the same, and the handler decodes the private claims with `ClaimsAs`",
	Handler: oursHandler(jwtauth.VerifierOptions{}, readPrivate),
}

// OursWithoutCache is ours without its cache. It shows the cost of the cache.
var OursWithoutCache = oursHandler(jwtauth.VerifierOptions{CacheSize: -1}, readSubject)

func oursHandler(opts jwtauth.VerifierOptions, behind http.HandlerFunc) func(string, fixture.Key) (http.Handler, error) {
	return func(alg string, key fixture.Key) (http.Handler, error) {
		verifier, err := OursVerifier(alg, key, opts)
		if err != nil {
			return nil, err
		}
		return jwtauth.Verify(verifier)(behind), nil
	}
}

// OursVerifier returns a verifier for tokens of alg. It sets the issuer and the
// audience of opts.
func OursVerifier(alg string, key fixture.Key, opts jwtauth.VerifierOptions) (*jwtauth.Verifier, error) {
	k, err := jwtauth.NewKey(jwtauth.Algorithm(alg), key.Public)
	if err != nil {
		return nil, err
	}
	keys, err := jwtauth.StaticKeys(k)
	if err != nil {
		return nil, err
	}
	opts.Issuer, opts.Audience = fixture.Issuer, []string{fixture.Audience}
	return jwtauth.NewVerifier(keys, opts)
}

func readSubject(w http.ResponseWriter, r *http.Request) {
	if claims, ok := jwtauth.FromContext(r.Context()); ok {
		found(w, claims.Subject)
	}
}

func readPrivate(w http.ResponseWriter, r *http.Request) {
	if private, err := jwtauth.ClaimsAs[fixture.Private](r.Context()); err == nil {
		found(w, private.Role)
	}
}
