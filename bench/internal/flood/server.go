// Package flood measures the effect of a flood of logins on the rest of a
// service. The server is its own process. Some clients keep its login
// saturated while others use a protected route.
package flood

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth"
)

// Hello is the line of JSON that a server prints when it listens.
type Hello struct {
	URL           string
	Token         string // for the protected route
	MaxConcurrent int    // concurrent password checks; 0 for no limit
}

// The only user.
const user, password = "alice", "correct horse battery staple"

// hashCost is the cost of the user's password hash, the default of jwtauth.
const hashCost = 12

// Serve runs the server until in ends. If bounded is set, it checks passwords
// with [jwtauth.CheckPassword] and its defaults, otherwise with bcrypt itself,
// as in tutorials.
func Serve(in io.Reader, out io.Writer, bounded bool) error { return serve(in, out, bounded, hashCost) }

func serve(in io.Reader, out io.Writer, bounded bool, cost int) error {
	issuer, err := newIssuer()
	if err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return err
	}
	concurrent := 0
	check := func(_ context.Context, hash, password string) error {
		if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil {
			return jwtauth.ErrWrongPassword
		}
		return nil
	}
	if bounded {
		check = jwtauth.CheckPassword
		concurrent = max(1, runtime.GOMAXPROCS(0)/2) // the default
	}
	return listen(in, out, issuer, routes(issuer, string(hash), check), concurrent)
}

// listen prints a Hello and serves on loopback until in ends.
func listen(in io.Reader, out io.Writer, issuer *jwtauth.Issuer, handler http.Handler, maxConcurrent int) error {
	token, err := issuer.Sign(user, nil)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	hello := Hello{URL: "http://" + listener.Addr().String(), Token: token, MaxConcurrent: maxConcurrent}
	server := http.Server{Handler: handler}
	go func() {
		_, _ = io.Copy(io.Discard, in) // ends with the parent process
		_ = server.Close()
	}()
	if err := json.NewEncoder(out).Encode(hello); err != nil {
		return err
	}
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// protected is the protected route.
func protected(issuer *jwtauth.Issuer) http.Handler {
	return jwtauth.Verify(issuer)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Fprintln(w, claims.Subject)
	}))
}

func routes(issuer *jwtauth.Issuer, hash string, check func(context.Context, string, string) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Username, Password string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&body); err != nil {
			http.Error(w, "not a login", http.StatusBadRequest)
			return
		}
		stored := ""
		if body.Username == user {
			stored = hash
		}
		peer, _, _ := net.SplitHostPort(r.RemoteAddr)
		if err := check(jwtauth.WithClient(r.Context(), peer), stored, body.Password); err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		tokens, err := issuer.Login(r.Context(), user)
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		jwtauth.WriteTokens(w, tokens)
	})
	mux.Handle("GET /me", protected(issuer))
	// The time of one bcrypt on the idle server.
	mux.HandleFunc("GET /bcrypt", func(w http.ResponseWriter, _ *http.Request) {
		times := make([]time.Duration, 7)
		for i := range times {
			start := time.Now()
			_ = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
			times[i] = time.Since(start)
		}
		slices.Sort(times)
		fmt.Fprintln(w, int64(times[len(times)/2]))
	})
	return mux
}

// newIssuer returns an issuer with a new key.
func newIssuer() (*jwtauth.Issuer, error) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		return nil, err
	}
	return jwtauth.NewIssuer(key, jwtauth.IssuerOptions{})
}
