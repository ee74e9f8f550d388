// Issuer-and-api consists of two small complete services. The issuer logs users
// in, signs tokens with ES256 and publishes the public key. The api only has
// the public key, so it can verify tokens but not sign any.
//
//	go run ./examples/issuer-and-api issuer
//	go run ./examples/issuer-and-api api
//	curl -d 'username=admin&password=password' http://127.0.0.1:8081/login
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8082/hello
//
// After a hangup signal (kill -HUP) the issuer rotates its key while both
// services keep running. It publishes the next key, signs with it 10 minutes
// later, and withdraws the old key when all of its tokens have expired. The api
// needs no signal. It fetches the keys again when it sees a token of an unknown
// key, or when its copy of the keys is old. To watch a rotation in seconds:
//
//	go run ./examples/issuer-and-api issuer -publish 5s -accept 10s
//	go run ./examples/issuer-and-api api -cooldown 1s
//
// Even then, the api accepts tokens of the old key until its next fetch, which
// may be 5 minutes later.
//
// The environment variable SIGNING_KEY holds the ES256 key of the issuer as PEM
// or JWK (see [jwtauth.KeyFromEnv]). This command makes one:
//
//	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256
//
// Without it the issuer generates a key, and the tokens become invalid when it
// stops. A real issuer also stores the keys that it rotates to, for example
// with [jwtauth.Key.MarshalPEM].
//
// The servers speak plain HTTP on the loopback interface. Passwords and tokens
// must not cross a network unencrypted: put a TLS proxy in front.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

const (
	audience     = "https://api.example"
	shutdownTime = 15 * time.Second // longer than the timeouts of a request below
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, log, os.Args[1:]); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// run runs one of the two services until ctx ends.
func run(ctx context.Context, log *slog.Logger, args []string) error {
	if len(args) == 0 {
		return errors.New("the name of the service is missing: issuer or api")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	switch args[0] {
	case "issuer":
		addr := flags.String("addr", "127.0.0.1:8081", "`host:port` to listen on")
		url := flags.String("url", "", "public `URL` of this service (default http:// and the address)")
		publish := flags.Duration("publish", publishTime, "time between publishing the next key and signing with it; shorter only for a demonstration, with a shorter -cooldown of the api")
		accept := flags.Duration("accept", acceptTime, "time that the old key is accepted after that; shorter only for a demonstration")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		listener, err := net.Listen("tcp", *addr)
		if err != nil {
			return err
		}
		if *url == "" {
			*url = "http://" + listener.Addr().String()
		}
		service, err := newIssuer(log, *url)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		service.publish, service.accept = *publish, *accept
		hangup := make(chan os.Signal, 1)
		signal.Notify(hangup, syscall.SIGHUP)
		defer signal.Stop(hangup)
		go service.rotateAt(ctx, hangup, wait)
		return serve(ctx, log, listener, service.routes())

	case "api":
		addr := flags.String("addr", "127.0.0.1:8082", "`host:port` to listen on")
		issuer := flags.String("issuer", "http://127.0.0.1:8081", "`URL` of the issuer")
		cooldown := flags.Duration("cooldown", 0, "minimum time between two fetches of keys (default 30s)")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		service, err := newAPI(log, *issuer, jwtauth.RemoteKeysOptions{Cooldown: *cooldown})
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", *addr)
		if err != nil {
			return err
		}
		return serve(ctx, log, listener, service.routes())
	}
	return fmt.Errorf("unknown service %q: issuer or api", args[0])
}

// serve serves until ctx ends, then waits for the running requests.
func serve(ctx context.Context, log *slog.Logger, listener net.Listener, handler http.Handler) error {
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	log.Info("listening", "addr", listener.Addr().String())

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	log.Info("shutting down")
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	return srv.Shutdown(ctx)
}
