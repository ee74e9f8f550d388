package main

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
)

// ceremony is a use or registration of a passkey that has begun and not
// finished. It holds the challenge that the authenticator signs.
type ceremony struct {
	purpose purpose
	subject string // of the session in which it began; empty for a sign-in
	data    webauthn.SessionData
	client  string
	expires time.Time
}

// purpose keeps a ceremony from being finished as another one.
type purpose string

const (
	toSignIn purpose = "sign in"
	toStepUp purpose = "step up"
	toAdd    purpose = "add a passkey"
)

// Limits of the ceremonies in progress. Every visitor can begin one, so
// without limits a visitor could fill the memory.
const (
	maxCeremonies          = 10_000
	maxCeremoniesPerClient = 50
	ceremonyTTL            = 5 * time.Minute
)

var (
	errNoCeremony = &refusal{http.StatusForbidden, "passkey_refused",
		"No such ceremony is in progress in this browser."}
	errTooManyCeremonies = &refusal{http.StatusTooManyRequests, "too_many_ceremonies",
		"Too many ceremonies are in progress."}
)

// ceremonies holds the ceremonies in progress. They are kept on the server, so
// that each challenge is accepted once. Several instances need a shared place
// for them, such as Redis with GETDEL.
type ceremonies struct {
	mu   sync.Mutex
	byID map[string]ceremony
}

func newCeremonies() *ceremonies { return &ceremonies{byID: map[string]ceremony{}} }

// begin keeps a ceremony and returns its ID.
func (c *ceremonies) begin(next ceremony, now time.Time) (id string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ofClient := 0
	for id, other := range c.byID {
		switch {
		case !now.Before(other.expires):
			delete(c.byID, id)
		case other.client == next.client:
			ofClient++
		}
	}
	if len(c.byID) >= maxCeremonies || ofClient >= maxCeremoniesPerClient {
		return "", errTooManyCeremonies
	}
	id = rand.Text()
	next.expires = now.Add(ceremonyTTL)
	c.byID[id] = next
	return id, nil
}

// take returns a ceremony and forgets it, even if it is the wrong one.
func (c *ceremonies) take(id string, purpose purpose, subject string, now time.Time) (webauthn.SessionData, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.byID[id]
	delete(c.byID, id)
	if !ok || found.purpose != purpose || found.subject != subject || !now.Before(found.expires) {
		return webauthn.SessionData{}, errNoCeremony
	}
	return found.data, nil
}

// ceremonyCookie binds a ceremony to the browser in which it began. Without it,
// a user could be made to finish the sign-in of someone else.
const ceremonyCookie = "__Host-passkey-ceremony"

func setCeremony(w http.ResponseWriter, id string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name:     ceremonyCookie,
		Value:    id,
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   true,
		HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
	})
}
