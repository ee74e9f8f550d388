module github.com/seed-0a072700/jwtauth/examples/openid-login

go 1.26.0

require (
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/seed-0a072700/jwtauth v0.1.0
	github.com/seed-0a072700/jwtauth/examples/webapp v0.1.0
	golang.org/x/oauth2 v0.38.0
)

require (
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace github.com/seed-0a072700/jwtauth => ../../

replace github.com/seed-0a072700/jwtauth/examples/webapp => ../webapp
