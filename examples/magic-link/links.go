package main

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// Limits of the links that are not used yet. Requesting a link is free, so
// without limits a visitor could fill the memory. Package guard limits the
// mails to one address.
const (
	maxLinks          = 10_000
	maxLinksPerClient = 5
)

var (
	errLinkUnknown = &refusal{http.StatusGone, "link_unknown",
		"That link was used, or it has expired. Please request another one."}
	errOtherBrowser = &refusal{http.StatusForbidden, "link_of_another_browser",
		"That link works only in the browser in which it was requested. Open it there, or request another one here."}
	errTooManyLinks = &refusal{http.StatusTooManyRequests, "too_many_links",
		"Too many links were requested and not used. Please look into your mail, or try again later."}
)

// links holds the links that were sent and not used yet. It stores no secret,
// only hashes, so reading it gives no access.
//
// A table of a database does the same. One statement that
// removes and returns the row, such as DELETE … RETURNING, then makes a link
// single-use: of two requests at the same time, only one gets it.
type links struct {
	ttl time.Duration
	now func() time.Time

	mu     sync.Mutex
	byHash map[hash]link
}

type link struct {
	email   string
	browser hash   // of the cookie of the browser that requested it
	client  string // address of that browser
	expires time.Time
}

type hash = [sha256.Size]byte

func newLinks(ttl time.Duration, now func() time.Time) *links {
	return &links{ttl: ttl, now: now, byHash: map[hash]link{}}
}

// add returns the secret of a new link for an e-mail address. The link works
// only in the browser that has this cookie.
func (l *links) add(email, browser, client string) (secret string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	ofClient := 0
	for h, link := range l.byHash {
		if !now.Before(link.expires) {
			delete(l.byHash, h)
			continue
		}
		if link.client == client {
			ofClient++
		}
	}
	if len(l.byHash) >= maxLinks || ofClient >= maxLinksPerClient {
		return "", errTooManyLinks
	}
	secret = rand.Text()
	l.byHash[hashOf(secret)] = link{email: email, browser: hashOf(browser), client: client, expires: now.Add(l.ttl)}
	return secret, nil
}

// look returns the e-mail address of a link and leaves the link as it is.
func (l *links) look(secret, browser string) (email string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.find(secret, browser)
	return found.email, err
}

// take returns the e-mail address of a link and uses the link up.
func (l *links) take(secret, browser string) (email string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, err := l.find(secret, browser)
	if err == nil {
		delete(l.byHash, hashOf(secret))
	}
	return found.email, err
}

func (l *links) find(secret, browser string) (link, error) {
	found, ok := l.byHash[hashOf(secret)]
	switch {
	case !ok || !l.now().Before(found.expires):
		return link{}, errLinkUnknown
	case hashOf(browser) != found.browser:
		return link{}, errOtherBrowser
	}
	return found, nil
}

func hashOf(secret string) hash { return sha256.Sum256([]byte(secret)) }
