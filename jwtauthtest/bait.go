package jwtauthtest

import (
	"encoding/json"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// bait is a server at the address that forged tokens name for their keys. It
// serves the attacker's keys. A nil bait does not listen.
type bait struct {
	address string
	server  *http.Server
	done    chan struct{}
	count   atomic.Int64 // connections, including those without an HTTP request
}

// newBait starts a bait that serves an attacker's key for alg.
func newBait(alg string) (*bait, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &bait{address: listener.Addr().String(), done: make(chan struct{})}
	keys, err := json.Marshal(map[string]any{"keys": []any{newForger(alg).jwk}})
	must(err)
	b.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/jwk-set+json")
			_, _ = w.Write(keys)
		}),
		ReadHeaderTimeout: time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				b.count.Add(1)
			}
		},
	}
	go func() {
		defer close(b.done)
		_ = b.server.Serve(listener)
	}()
	return b, nil
}

// host returns the address of the bait. For a nil bait it returns an address at
// which no server should listen.
func (b *bait) host() string {
	if b == nil {
		return "127.0.0.1:9"
	}
	return b.address
}

// bitten reports whether a client has connected since the last call.
func (b *bait) bitten() bool { return b != nil && b.count.Swap(0) > 0 }

func (b *bait) close() {
	if b != nil {
		_ = b.server.Close()
		<-b.done
	}
}
