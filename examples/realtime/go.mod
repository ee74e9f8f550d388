module github.com/seed-0a072700/jwtauth/examples/realtime

go 1.26.0

require (
	github.com/coder/websocket v1.8.15
	github.com/seed-0a072700/jwtauth v0.1.0
	github.com/seed-0a072700/jwtauth/examples/webapp v0.1.0
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace github.com/seed-0a072700/jwtauth => ../../

replace github.com/seed-0a072700/jwtauth/examples/webapp => ../webapp
