module github.com/seed-0a072700/jwtauth/examples/frameworks

go 1.26.0

require (
	github.com/go-chi/chi/v5 v5.5.0
	github.com/gorilla/mux v1.8.1
	github.com/seed-0a072700/jwtauth v0.1.0
)

require (
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
)

replace github.com/seed-0a072700/jwtauth => ../..
