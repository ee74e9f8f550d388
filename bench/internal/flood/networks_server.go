package flood

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// addressHeader is the header in which the proxy in front of the server, which
// is the load itself, reports the address of a client.
const addressHeader = "X-Forwarded-For"

// honestPrefix begins the names of users. The flood tries other names.
const honestPrefix = "user-"

func honestName(n int) string { return fmt.Sprint(honestPrefix, n) }

// networkHasher checks 16 passwords a second on a CPU of 2.5 GHz, with 256
// places in the queue. So does a server with eight CPUs and the default
// options: it checks four at a time, each of which takes four times as long at
// cost 12. A flood of 1,000 logins per second is 60 times the capacity of both.
// With one check at a time the load has a CPU of its own on a small machine.
var networkHasher = jwtauth.HasherOptions{Cost: 10, MaxConcurrent: 1, MaxWaiting: 256}

// ServeNetworks runs the server until in ends: the ready-made login with a
// guard, behind a proxy, and a protected route.
func ServeNetworks(in io.Reader, out io.Writer) error {
	issuer, err := newIssuer()
	if err != nil {
		return err
	}
	handlers, err := networkHandlers(issuer)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", handlers.Login)
	mux.Handle("GET /me", protected(issuer))
	return listen(in, out, issuer, mux, networkHasher.MaxConcurrent)
}

func networkHandlers(issuer *jwtauth.Issuer) (*jwtauth.Handlers, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	g, err := guard.New(guard.Options{Secret: secret})
	if err != nil {
		return nil, err
	}
	hasher, err := jwtauth.NewHasher(networkHasher)
	if err != nil {
		return nil, err
	}
	hash, err := hasher.HashPassword(context.Background(), password)
	if err != nil {
		return nil, err
	}
	return jwtauth.NewHandlers(issuer, jwtauth.HandlerOptions{
		Guard:  g,
		Client: jwtauth.ClientFromHeader(addressHeader, netip.MustParsePrefix("127.0.0.0/8")),
		Authenticate: func(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
			stored := ""
			if strings.HasPrefix(username, honestPrefix) {
				stored = hash
			}
			return username, nil, hasher.CheckPassword(ctx, stored, password)
		},
	})
}
