package keyfetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

const (
	maxBody      = 1 << 20  // bytes of a document
	maxHeader    = 64 << 10 // bytes of a response's header
	maxRedirects = 5
	maxQuoted    = 200 // characters of an error that may quote the provider
)

// client fetches documents.
type client struct {
	http *http.Client
	own  *http.Transport // nil if the caller's transport is used
}

// newClient returns a client that uses transport. If it is nil, the client uses
// a copy of [http.DefaultTransport] with a limit on response headers. The copy
// sends plain http to this machine only, unless insecure is set.
func newClient(transport http.RoundTripper, insecure bool) client {
	var c client
	if transport == nil {
		transport = http.DefaultTransport // which the program may have replaced by another type
		if t, ok := transport.(*http.Transport); ok {
			c.own = t.Clone()
			c.own.MaxResponseHeaderBytes = maxHeader
			if !insecure {
				onlyLoopback(c.own)
			}
			transport = c.own
		}
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: checkRedirect}
	return c
}

// closeIdle closes the connections that the client's own transport keeps open,
// and so ends their goroutines.
func (c client) closeIdle() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// get returns the document at u. Its errors do not quote the document or u.
func (c client) get(ctx context.Context, u *url.URL) ([]byte, http.Header, error) {
	if u.Scheme == "http" {
		ctx = context.WithValue(ctx, plainHTTP{}, true)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, errors.New("the URL cannot be requested")
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json")
	// A fetch runs at most once per cooldown, so caches on the way are asked to
	// revalidate.
	req.Header.Set("Cache-Control", "no-cache")
	resp, err := c.http.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) { // it contains the URL and its query
			err = failed.Err
		}
		return nil, nil, brief(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("the response has status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the response: %w", brief(err))
	}
	if len(body) > maxBody {
		return nil, nil, fmt.Errorf("the response has more than %d bytes", maxBody)
	}
	return body, resp.Header, nil
}

// brief returns an error with the text of err, which may quote the provider:
// the error for a malformed header does. The text is made fit for a log: one
// line of printable characters, and not long.
func brief(err any) error {
	printable := func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}
	return fmt.Errorf("%.*s", maxQuoted, strings.Map(printable, fmt.Sprint(err)))
}

// checkRedirect allows redirects within one host that do not lose encryption.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[0].URL, req.URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("more than %d redirects", maxRedirects)
	case !strings.EqualFold(to.Host, from.Host):
		return errors.New("redirected to another host, which is not followed")
	case to.Scheme != "https" && to.Scheme != via[len(via)-1].URL.Scheme:
		return errors.New("redirected from https to http, which is not followed")
	}
	return nil
}
