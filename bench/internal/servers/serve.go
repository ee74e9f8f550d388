// Package servers compares whole servers with one protected route. Each is a
// process of its own, so that its CPU time can be measured, and all are driven
// by the same clients.
package servers

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

// Prefix begins the command of this program that [Serve] runs.
const Prefix = "server-"

// secretVariable is the environment variable with the secret, in base64.
const secretVariable = "BENCH_SECRET"

// profile is the response of every server.
type profile struct {
	Subject string `json:"subject"`
	Role    string `json:"role"`
}

// Serve runs the server of this name until in ends. It prints its URL.
func Serve(name string, in io.Reader, out io.Writer) error {
	secret, err := base64.StdEncoding.DecodeString(os.Getenv(secretVariable))
	if err != nil {
		return err
	}
	handler, err := handlerOf(name, fixture.Key{Private: secret, Public: secret})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /me", handler)
	server := http.Server{Handler: mux}
	go func() {
		_, _ = io.Copy(io.Discard, in) // ends with the parent process
		_ = server.Close()
	}()
	if _, err := fmt.Fprintf(out, "http://%s/me\n", listener.Addr()); err != nil {
		return err
	}
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func handlerOf(name string, key fixture.Key) (http.Handler, error) {
	switch name {
	case "none":
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			respond(w, profile{fixture.Subject(0), fixture.ThePrivate.Role})
		}), nil
	case "ours":
		v, err := impl.OursVerifier("HS256", key, jwtauth.VerifierOptions{})
		if err != nil {
			return nil, err
		}
		return jwtauth.Verify(v)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, _ := jwtauth.FromContext(r.Context())
			private, err := jwtauth.ClaimsAs[fixture.Private](r.Context())
			if err != nil {
				jwtauth.WriteError(w, r, err)
				return
			}
			respond(w, profile{claims.Subject, private.Role})
		})), nil
	case "golang-jwt":
		return impl.GolangJWT("HS256", key.Public, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			subject, private := impl.GolangJWTClaims(r)
			respond(w, profile{subject, private.Role})
		})), nil
	}
	return nil, fmt.Errorf("no server %q", name)
}

func respond(w http.ResponseWriter, p profile) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(p)
}
