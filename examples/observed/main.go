// Observed is a server with logins and sessions whose metrics Prometheus
// collects. Package otelauth reports every verification, session event, fetch
// of keys and password check to OpenTelemetry. The log has one JSON object for
// each line.
//
//	go run -C examples/observed .
//	curl -d 'username=admin&password=password' http://127.0.0.1:8080/login
//	curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/dashboard
//	curl -d "refresh_token=$REFRESH_TOKEN" http://127.0.0.1:8080/refresh
//	curl http://127.0.0.1:8080/metrics
//
// With the flags -issuer, -keys and -audience, the server also accepts the
// tokens of an identity provider at /reports, if they have the scope reports.
//
// The environment variable TOKEN_SECRET holds the key that signs the tokens, in
// the forms of [jwtauth.KeyFromEnv]. Without it the server generates a key, and
// the tokens become invalid when it stops.
//
// The server speaks plain HTTP on the loopback interface. Passwords and tokens
// must not cross a network unencrypted: put a TLS proxy in front, and do not
// let it forward /metrics.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// shutdownTime is longer than the timeouts of a request below.
const shutdownTime = 15 * time.Second

// config holds the flags.
type config struct {
	addr     string
	issuer   string // of the identity provider; empty for none
	keys     string
	audience string
	cooldown time.Duration
}

func main() {
	var c config
	flag.StringVar(&c.addr, "addr", "127.0.0.1:8080", "`host:port` to listen on")
	flag.StringVar(&c.issuer, "issuer", "", "`URL` of an identity provider, as in the iss of its tokens")
	flag.StringVar(&c.keys, "keys", "", "`URL` of the key set of the provider (default: found by discovery)")
	flag.StringVar(&c.audience, "audience", "", "`name` of this service in the aud of the provider's tokens")
	flag.DurationVar(&c.cooldown, "cooldown", 0, "minimum time between two fetches of keys (default 30s)")
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	slog.SetDefault(log)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, log, c); err != nil {
		log.Error("stopped", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then waits for the running requests.
func run(ctx context.Context, log *slog.Logger, c config) error {
	s, err := newServer(log, c)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second, // longer than the wait for keys
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
