// Issuer-and-api is two small complete services. One logs users in, signs tokens with ES256 and
// publishes the public key; the other has only that, and can verify tokens but not make any.
//
//	go run ./examples/issuer-and-api issuer
//	go run ./examples/issuer-and-api api
//	curl -H 'Content-Type: application/json' -d '{"username":"admin","password":"password"}' http://127.0.0.1:8081/login
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8082/hello
//
// A hangup signal (kill -HUP) has the issuer change its key while both go on serving: it publishes the next
// key, signs with it 10 minutes later, and withdraws the old one when the last token of it has expired. The api needs no
// signal: it meets the next key in a token, or before that when it fetches the keys anew. To watch a rotation in seconds:
//
//	go run ./examples/issuer-and-api issuer -publish 5s -accept 10s
//	go run ./examples/issuer-and-api api -cooldown 1s
//
// Even then the api takes tokens of the old key until it fetches the keys anew, which may be 5 minutes.
//
// SIGNING_KEY holds the issuer's key for ES256 (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256), PEM or JWK, as [jwtauth.KeyFromEnv] reads it; without one, a key is generated, and
// tokens end with the process. A real issuer keeps the keys that it changes to, as [jwtauth.Key.MarshalPEM] writes them.
//
// The servers speak plain HTTP on the loopback interface. Passwords and tokens
// must not cross a network like that: put a proxy that speaks TLS in front.
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
	shutdownTime = 15 * time.Second // longer than any request takes, by the timeouts below
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

// run is one of the two services, until ctx ends.
func run(ctx context.Context, log *slog.Logger, args []string) error {
	if len(args) == 0 {
		return errors.New("say which service to run: issuer or api")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	switch args[0] {
	case "issuer":
		addr := flags.String("addr", "127.0.0.1:8081", "`host:port` to listen on")
		url := flags.String("url", "", "`URL` that others reach this service at (default http:// and the address)")
		publish := flags.Duration("publish", publishTime, "how long the next key is published before it signs; shorter only to try it, with an api -cooldown below it")
		accept := flags.Duration("accept", acceptTime, "how long the old key is accepted after that; shorter only to try it")
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
		cooldown := flags.Duration("cooldown", 0, "least time between two fetches of keys (default 30s)")
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
	return fmt.Errorf("there is no service %q: issuer or api", args[0])
}

// serve serves until ctx ends, then lets the requests under way end.
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
