// Mcp is a Model Context Protocol server whose tools need a token. An
// authorization server such as Keycloak or Auth0 issues the tokens.
//
//	go run -C examples/mcp . -issuer https://login.example/
//
// No test runs this, because it needs your authorization server. The README has
// commands that need none.
//
// A client that calls http://127.0.0.1:8080/mcp without a token gets a 401 with
// the URL of the metadata of this server (RFC 9728). There it finds the issuer,
// signs the user in and requests a token for this resource (RFC 8707) with the
// scope "tools". Clients of the protocol do all of that on their own.
//
// The issuer must equal the "iss" of the tokens, including a final slash.
//
// The server speaks plain HTTP on the loopback interface. Behind a TLS proxy,
// set -resource to the public URL of /mcp, as clients know it. The proxy must
// also pass on /.well-known/oauth-protected-resource/mcp.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const shutdownTime = 15 * time.Second // longer than the timeouts of a request below

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	issuer := flag.String("issuer", "", "`URL` of the authorization server")
	resource := flag.String("resource", "", "public `URL` of /mcp, and the aud of the tokens (default http://addr/mcp)")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, log, *addr, *issuer, *resource); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then waits for the running requests.
func run(ctx context.Context, log *slog.Logger, addr, issuer, resource string) error {
	if issuer == "" {
		return errors.New("-issuer is required")
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	if resource == "" {
		resource = "http://" + listener.Addr().String() + path
	}
	handler, err := newHandler(log, issuer, resource)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second, // longer than the wait for keys
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	log.Info("listening", "url", resource)

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
