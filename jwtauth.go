// Package jwtauth adds token authentication to a net/http service.
//
// An [Issuer] signs access tokens and runs login sessions. [Verify] wraps any
// [http.Handler] and rejects requests without a valid token. [CheckPassword]
// checks the password of a login.
//
//	key, err := jwtauth.KeyFromEnv("TOKEN_SECRET")
//	…
//	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
//	…
//	protect := jwtauth.Verify(issuer)
//	mux.Handle("GET /dashboard", protect(dashboard))
//
// Tokens are JSON Web Tokens (RFC 7519), signed as a compact JWS (RFC 7515).
// They are verified by the rules of RFC 8725.
//
// Options have safe defaults. A mistake in a configuration is an error from a
// constructor, never a failing request. The results of all constructors are
// safe for concurrent use.
//
// # Signing
//
// [NewIssuer] makes an Issuer from a [Key]. [Issuer.Sign] returns an access
// token for a subject, with private claims from a struct or a map. [ExpiresIn]
// and [ForAudience] change a single token. [Issuer.Login] returns the tokens of
// a user who has just logged in, and [WriteTokens] sends them. [NewHandlers]
// returns complete endpoints for login, refresh and logout.
//
// # Verifying
//
// [Verify] accepts a [TokenVerifier]: an Issuer for its own tokens, a
// [Verifier] for those of another issuer, or [ByIssuer] or [ByIssuerFunc] for
// those of several. A service that only verifies needs public keys and never
// holds a signing key. The option Check of an Issuer or a Verifier adds rules
// of your own. OnVerify reports outcomes; module otelauth provides one for
// OpenTelemetry. Tokens that are bound to a key need [ProofOfPossession].
// Package dpop provides the check for mutual TLS, and for DPoP a Verifier,
// whose method VerifyOptions returns all options of Verify.
//
// The token comes from the Authorization header ([Bearer]) unless [From] lists
// other sources: [Header], [HeaderScheme], [Query], [Form], [Cookie] or any
// [Source]. [Optional] also admits requests without a token.
//
// Behind Verify, [FromContext] returns the [Claims], [ClaimsAs] decodes private
// claims into a struct, and [Claims.Get] decodes a single one. [Require],
// [RequireScope] and [RequireFresh] check whether the claims permit a request.
// [VerifyRequest] makes the decision of Verify without writing a response, for
// frameworks and HTML pages. [Verifier.VerifyToken] and [Issuer.VerifyToken]
// verify a token that comes without a request, such as with a message.
//
// # Errors
//
// Compare errors with [errors.Is]. [ErrTokenMissing] means that there is no
// token, [ErrTokenInvalid] that it was rejected for any reason, and
// [ErrUnavailable] that it could not be verified, such as during an outage.
//
// [WriteError] writes the response for an error: the status, the challenge
// (RFC 6750) and a JSON body with a stable code (RFC 9457). [ProblemOf] returns
// the same as a [Problem], and [OnError] replaces the response. [Realm],
// [Challenge] and [ResourceMetadataURL] set parts of the challenge.
//
// # Sessions and refresh
//
// With IssuerOptions.Sessions, Issuer.Login creates a session and returns a
// refresh token as well. [Issuer.Refresh] exchanges that for new tokens.
// Concurrent refreshes and lost responses are tolerated for
// IssuerOptions.ReuseWindow. Later reuse of an old refresh token is treated as
// theft: the session ends, and the error is [ErrTokenReused].
//
// [Issuer.Sessions] lists the sessions of a subject. [Issuer.Logout],
// [Issuer.LogoutAll] and [Issuer.EndSession] end sessions. An access token
// remains valid until it expires, except behind [Live], which also checks the
// session. IssuerOptions.OnEvent receives an [Event] for each login, refresh
// and end of a session.
//
// By itself, a change of the password ends no session. With [CredentialVersion]
// and IssuerOptions.CredentialVersion, the sessions that began with the old one
// end at their next refresh. LogoutAll ends all sessions at once. To disable a
// user, return [ErrSubjectDisabled] from IssuerOptions.Claims, which refuses
// logins and refreshes, and then call LogoutAll.
//
// # Cookies
//
// For browsers, [NewCookies] and HandlerOptions.Cookies keep the tokens in
// cookies that no script can read and no other site can use ([ErrCrossSite]).
// [Cookies.Access] is the source for Verify. [Handlers.Renew] keeps pages
// without script logged in. [Handlers.BeginSession] begins a session without a
// password, such as after a sign-in at a provider.
//
// # Passwords
//
// [HashPassword], [CheckPassword] and [NeedsRehash] use bcrypt. They run a
// limited number of checks at a time. The others wait and are served in turn by
// network and client ([WithClient], [ClientFromHeader]), or fail with
// [ErrBusy]. [NewHasher] changes these limits. Known devices have a queue of
// their own ([WithKnownClient]). Package guard recognizes them, and limits the
// guesses at the password of one account.
//
// # Keys and rotation
//
// A [Key] is bound to one [Algorithm], so a token never chooses how it is
// verified. [KeyFromEnv] reads a key from the environment, [ParseKey] from PEM
// or JWK, and [NewKey] from a Go value, such as a [crypto.Signer].
// [GenerateKey] makes a new one. [StaticKeys] holds the keys of a Verifier.
//
// [Issuer.JWKS] publishes the public keys of an Issuer. [Issuer.SetKeys]
// replaces them while the service runs, and explains a rotation step by step.
//
// # Remote keys
//
// [NewRemoteKeysFromIssuer] finds the key set of an identity provider by
// discovery. [NewRemoteKeys] reads it from a URL. [RemoteKeys] fetches keys
// when they are needed, refreshes them in the background and bridges outages of
// the provider. [ResourceMetadata] tells clients which provider to use.
//
// # Stores
//
// A [SessionStore] keeps the sessions:
//
//   - [github.com/seed-0a072700/jwtauth/memstore] in memory, for one
//     process: others do not know its sessions.
//   - [github.com/seed-0a072700/jwtauth/sqlstore] in PostgreSQL, SQLite, MySQL
//     or MariaDB. Its method Migrate creates the table.
//   - [github.com/seed-0a072700/jwtauth/redisstore] in Redis or Valkey, also
//     with Sentinel or in a Cluster. It is a module of its own.
//
// Several instances can share an sqlstore or a redisstore. A failover of the
// database can lose the last writes. A lost refresh logs no user out. After a
// lost login, the user must log in again. After a lost logout, the session is
// active again.
//
// # Testing
//
// [NewContext] passes claims to a handler without a token. Package
// [github.com/seed-0a072700/jwtauth/jwtauthtest] makes tokens for tests: its
// Verifier accepts those of Token, unless the option Expired or Claim makes one
// that a handler must refuse. Attack changes valid requests in many ways, but
// cannot sign tokens. RunSessionStore tests a store.
package jwtauth

import (
	"context"
	"fmt"

	"github.com/seed-0a072700/jwtauth/internal/decoded"
)

// FromContext returns the claims of the verified token. It returns false if the
// request was not verified, or if it is anonymous and [Optional] allows that.
func FromContext(ctx context.Context) (*Claims, bool) {
	c := requestOf(ctx)
	if c == nil || c.claims == nil {
		return nil, false
	}
	return c.claims, true
}

// NewContext returns a copy of ctx that holds claims, like the context that
// [Verify] passes to the next handler. Use it to test handlers, or if requests
// are authenticated in another way. It panics if claims is nil.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	if claims == nil {
		panic("jwtauth: NewContext: claims is nil")
	}
	return &requestContext{Context: ctx, claims: claims, verify: defaultVerify}
}

// ClaimsAs decodes the claims of the verified token into a T, like
// [Claims.Decode]. It returns [ErrTokenMissing] if ctx holds no claims.
//
// For a remembered token (VerifierOptions.CacheSize) the result is remembered
// as well, if T is a struct of strings, numbers, booleans, times, arrays and
// structs of these, and slices of these. Other types, such as those with maps
// or pointers, are decoded for each request. In both cases the caller owns the
// result and may change it.
func ClaimsAs[T any](ctx context.Context) (T, error) {
	claims, ok := FromContext(ctx)
	if !ok {
		var zero T
		return zero, errNoClaims
	}
	if claims.payload != nil {
		if v, ok := decoded.Load[T](claims.payload.decoded); ok {
			return v, nil
		}
	}
	return decodeNew[T](claims)
}

// decodeNew is a function of its own because its dst moves to the heap.
func decodeNew[T any](claims *Claims) (T, error) {
	var dst T
	err := claims.Decode(&dst)
	return dst, err
}

var errNoClaims = fmt.Errorf("%w: the context holds no claims", ErrTokenMissing)

// contextKey is the only key under which this package stores a value in a
// context.
type contextKey struct{}

// requestContext is the context of a request behind [Verify]. A type of its
// own, unlike context.WithValue, needs one allocation for the context and its
// values.
type requestContext struct {
	context.Context
	claims *Claims // nil for an anonymous request
	verify *verify // around the handler
}

func (c *requestContext) Value(key any) any {
	if key == (contextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func requestOf(ctx context.Context) *requestContext {
	c, _ := ctx.Value(contextKey{}).(*requestContext)
	return c
}
