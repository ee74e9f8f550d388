package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
	"github.com/seed-0a072700/jwtauth/internal/site"
)

const (
	fetchTimeout    = 5 * time.Second // of all the requests of one fetch
	maxDocument     = 1 << 20
	maxRedirects    = 5
	maxAnswerHeader = 64 << 10
	maxURL          = 2 << 10

	// leastLife keeps a Cache-Control of a few seconds, meant for browsers, from making us ask all day.
	leastLife = 5 * time.Minute
)

// fetched is what one fetch brings.
type fetched struct {
	url     string // for people
	set     *keyset.Set[Key]
	skipped []error
	header  http.Header
}

// fetch asks where the set is, if it has to, and reads it. Keys that last has as well are the same values.
func (r *RemoteKeys) fetch(ctx context.Context, last *keyset.Set[Key]) (got fetched, err error) {
	if r.own != nil { // no connection, and no goroutine of one, outlasts the fetch
		defer r.own.CloseIdleConnections()
	}
	got.url = r.from.name()
	u := r.from.url
	if r.from.issuer != "" {
		if u, err = r.discover(ctx); err != nil {
			return got, err
		}
		got.url = displayURL(u)
	}
	body, header, err := r.get(ctx, u)
	if err != nil {
		return got, err
	}
	got.header = header
	got.set, got.skipped, err = r.readSet(body, last)
	return got, err
}

// get returns the document at u. Its errors do not quote it.
func (r *RemoteKeys) get(ctx context.Context, u *url.URL) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, errors.New("no request can be made of the URL")
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json")
	req.Header.Set("Cache-Control", "no-cache") // at most once a cooldown: caches on the way shall ask the origin
	resp, err := r.client.Do(req)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) { // it names the URL, query included
			err = failed.Err
		}
		return nil, nil, brief(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("answered with status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err != nil {
		return nil, nil, fmt.Errorf("the answer broke off: %w", brief(err))
	}
	if len(body) > maxDocument {
		return nil, nil, fmt.Errorf("answered with more than %d bytes", maxDocument)
	}
	return body, resp.Header, nil
}

// brief makes an error of one that may quote the provider, as that of a malformed header does: for a log it is short, and
// of one line.
func brief(err any) error {
	printable := func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}
	return fmt.Errorf("%.200s", strings.Map(printable, fmt.Sprint(err)))
}

// keyClient returns the client for fetches with transport, or with one of its own where that is nil.
func keyClient(transport http.RoundTripper) (*http.Client, *http.Transport) {
	var own *http.Transport
	if transport == nil {
		transport = http.DefaultTransport // what the program put there, if that is another type
		if t, ok := transport.(*http.Transport); ok {
			own = t.Clone()
			own.MaxResponseHeaderBytes = maxAnswerHeader
			transport = own
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: checkRedirect}, own
}

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

// checkURL reads a URL to fetch from, or adds to f why not.
func checkURL(f *faults.Collector, path, text string, insecure bool) *url.URL {
	u, fault := fetchURL(text, insecure)
	if fault != "" {
		f.Add(path, "%s", fault)
		return nil
	}
	return u
}

// fetchURL says what is wrong with a URL to fetch from, "" where nothing is.
func fetchURL(text string, insecure bool) (u *url.URL, fault string) {
	if text == "" {
		return nil, "is empty"
	}
	if len(text) > maxURL {
		return nil, fmt.Sprintf("is %d bytes long; at most %d are taken", len(text), maxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "is not a URL"
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Opaque != "":
		return nil, "is not an https URL with a host"
	case u.User != nil:
		return nil, "holds a user name or password"
	case strings.Contains(text, "#"):
		return nil, "has a fragment"
	case u.Scheme == "http" && !insecure && !site.IsLoopback(u.Hostname()):
		return nil, "is http: whoever sits on the network between could sign tokens. Use https (http is for the loopback interface, or with InsecureHTTP)"
	}
	return u, ""
}

// displayURL is u without its query.
func displayURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// life is how long an answer is fresh (RFC 9111 §5.2.2): as its Cache-Control says, within bounds.
func (g *fetched) life(maxAge time.Duration) time.Duration {
	life := maxAge
	for _, field := range g.header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				life = 0
			case "max-age":
				life = min(life, seconds(strings.Trim(value, `"`))-seconds(g.header.Get("Age")))
			}
		}
	}
	return max(life, min(leastLife, maxAge))
}

// seconds reads delta-seconds (RFC 9111 §1.2.2), of which more than a year is a year, and anything else nothing.
func seconds(text string) time.Duration {
	const year = 366 * 24 * 60 * 60
	n, err := strconv.ParseUint(text, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange):
		n = year
	case err != nil:
		return 0
	}
	return time.Duration(min(n, year)) * time.Second
}
