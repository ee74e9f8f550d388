package keyfetch

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
)

var errNotLoopback = errors.New("the host of the http URL is not this machine, so anyone on the network could replace the keys: use https")

// plainHTTP is the context key of requests without encryption.
type plainHTTP struct{}

// onlyLoopback makes t send requests of plain http to this machine only, and
// not through a proxy. [ParseURL] accepts names below localhost, but a DNS
// server, or a search domain, may resolve them to another address.
func onlyLoopback(t *http.Transport) {
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil || ctx.Value(plainHTTP{}) == nil || isLocal(conn.RemoteAddr()) {
			return conn, err
		}
		_ = conn.Close()
		return nil, errNotLoopback
	}
	if proxy := t.Proxy; proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "http" {
				return nil, nil
			}
			return proxy(r)
		}
	}
}

// isLocal reports whether a is an address of this machine. Connections that are
// not of TCP, such as pipes, are.
func isLocal(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
