// Package dpop binds tokens to a key of the client, so that a copied token is
// useless without that key: DPoP (RFC 9449), and mutual TLS (RFC 8705).
//
// With DPoP, the client sends a proof with each request: a short JWT in the
// header "DPoP", signed with its private key for this method, this URL and this
// access token. A [Verifier] checks the proofs of the requests to a service,
// and of the logins and refreshes that bind a session to the key:
//
//	proofs, err := dpop.NewVerifier(dpop.Options{URL: "https://api.example.com"})
//	…
//	handlers, err := jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
//		Authenticate: authenticate,
//		Confirmation: proofs.Confirmation,
//	})
//	…
//	protect := jwtauth.Verify(issuer, proofs.VerifyOptions()...)
//	mux.Handle("GET /api/me", protect(me))
//
// With mutual TLS, the client proves possession of the key of its certificate
// when it connects. [Certificates] compares that certificate with the token.
//
// # Replay
//
// A proof is good for one request. A Verifier remembers the proofs of the last
// minutes in a [ReplayStore]. The default is in the memory of the process, so
// the instances of a service need a shared store.
//
// # Nonces
//
// A proof says when it was made, by the clock of the client. An attacker who
// can use the key for a moment could make proofs for the future. With
// Options.NonceKey, each proof also contains a value that this service handed
// out within the last minutes, and the client's clock no longer counts (RFC
// 9449, sections 8 and 9).
package dpop
