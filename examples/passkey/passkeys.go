package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/seed-0a072700/jwtauth"
)

// The authentication contexts of this application's sessions. "phr" means
// phishing-resistant (OpenID Connect Extended Authentication Profile).
// "password" is a private name, which RequireFresh(…, acrPasskey) never
// accepts.
const (
	acrPassword = "password"
	acrPasskey  = "phr"
)

// errPasskey is returned when a passkey is refused.
var errPasskey = &refusal{http.StatusForbidden, "passkey_refused", "Passkey refused."}

// newWebAuthn returns the relying party. A passkey must be discoverable, so
// that users need not enter a user name, and must verify the user by a PIN or a
// fingerprint. It is then a second factor by itself.
func newWebAuthn(origin string) (*webauthn.WebAuthn, error) {
	host, err := hostOf(origin)
	if err != nil {
		return nil, fmt.Errorf("-base-url: %w", err)
	}
	return webauthn.New(&webauthn.Config{
		RPID:          host,
		RPDisplayName: "jwtauth passkey",
		RPOrigins:     []string{origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey:      protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired,
		},
	})
}

// beginUse begins a sign-in or a step-up. It names no passkeys, so the response
// does not reveal who has one, and the browser offers the ones it has.
func (s *server) beginUse(purpose purpose) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		options, data, err := s.web.BeginDiscoverableLogin()
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		s.begin(w, r, ceremony{purpose: purpose, subject: subjectOf(r), data: *data}, options)
	}
}

// begin keeps a ceremony and responds with the options for the browser.
func (s *server) begin(w http.ResponseWriter, r *http.Request, c ceremony, options any) {
	c.client = jwtauth.PeerAddress(r) // behind a proxy, use the address that it reports
	id, err := s.ceremonies.begin(c, time.Now())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	setCeremony(w, id, int(ceremonyTTL/time.Second))
	writeJSON(w, options)
}

// finish returns the ceremony that a request ends.
func (s *server) finish(w http.ResponseWriter, r *http.Request, purpose purpose) (webauthn.SessionData, error) {
	cookie, err := r.Cookie(ceremonyCookie)
	if err != nil {
		return webauthn.SessionData{}, errNoCeremony
	}
	setCeremony(w, "", -1)
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	return s.ceremonies.take(cookie.Value, purpose, subjectOf(r), time.Now())
}

// subjectOf returns the subject of a request behind Verify, and "" for others.
func subjectOf(r *http.Request) string {
	if c, ok := jwtauth.FromContext(r.Context()); ok {
		return c.Subject
	}
	return ""
}

// usedPasskey verifies the response of an authenticator. It returns the user
// that the passkey belongs to, and the authentication methods of the passkey.
func (s *server) usedPasskey(w http.ResponseWriter, r *http.Request, purpose purpose) (user, []string, error) {
	data, err := s.finish(w, r, purpose)
	if err != nil {
		return user{}, nil, err
	}
	owner, passkey, err := s.web.FinishPasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		return s.users.byID(string(handle))
	}, data, r)
	if err != nil {
		return user{}, nil, passkeyError(err)
	}
	if passkey.Authenticator.CloneWarning { // its counter went backwards: there may be two of it
		return user{}, nil, fmt.Errorf("%w: counter", errPasskey)
	}
	if err := s.users.savePasskey(owner.(user).id, *passkey); err != nil {
		return user{}, nil, err
	}
	return owner.(user), methodsOf(passkey), nil
}

// methodsOf returns the authentication methods (RFC 8176) of a passkey that has
// verified its user. A passkey that can be copied to other devices is a key in
// software.
func methodsOf(passkey *webauthn.Credential) []string {
	if passkey.Flags.BackupEligible {
		return []string{"swk", "mfa"}
	}
	return []string{"hwk", "mfa"}
}

// signIn begins a session with a passkey. No password is involved.
func (s *server) signIn(w http.ResponseWriter, r *http.Request) {
	owner, methods, err := s.usedPasskey(w, r, toSignIn)
	if err == nil {
		err = s.handlers.BeginSession(w, r, owner.id, jwtauth.AuthenticatedBy(acrPasskey, methods...))
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// stepUp raises a session that is already there. Reauthenticated names the user
// that the passkey belongs to, so the passkey of someone else does not raise
// it.
func (s *server) stepUp(w http.ResponseWriter, r *http.Request) {
	owner, methods, err := s.usedPasskey(w, r, toStepUp)
	if err == nil {
		err = s.handlers.UpdateSession(w, r, jwtauth.Reauthenticated(owner.id, time.Now(), acrPasskey, methods...))
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// mayAdd protects the addition of a passkey. The first one needs a recent
// sign-in. Each further one needs a recent use of a passkey: otherwise a stolen
// password would be enough to add a passkey, and with it to do everything.
func (s *server) mayAdd(fresh time.Duration) func(http.HandlerFunc) http.Handler {
	return func(next http.HandlerFunc) http.Handler {
		first := jwtauth.RequireFresh(fresh)(next)
		further := jwtauth.RequireFresh(fresh, acrPasskey)(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			owner, err := s.users.byID(subjectOf(r))
			switch {
			case err != nil:
				s.refuse(w, r, err)
			case len(owner.passkeys) == 0:
				first.ServeHTTP(w, r)
			default:
				further.ServeHTTP(w, r)
			}
		})
	}
}

// beginAdd begins the registration of a passkey for the user of the session.
func (s *server) beginAdd(w http.ResponseWriter, r *http.Request) {
	owner, err := s.users.byID(subjectOf(r))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	known := webauthn.Credentials(owner.passkeys).CredentialDescriptors() // no authenticator gets a second one
	options, data, err := s.web.BeginRegistration(owner, webauthn.WithExclusions(known))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.begin(w, r, ceremony{purpose: toAdd, subject: owner.id, data: *data}, options)
}

// add stores the new passkey.
func (s *server) add(w http.ResponseWriter, r *http.Request) {
	data, err := s.finish(w, r, toAdd)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	owner, err := s.users.byID(subjectOf(r))
	if err == nil {
		var passkey *webauthn.Credential
		if passkey, err = s.web.FinishRegistration(owner, data, r); err != nil {
			err = passkeyError(err)
		} else {
			err = s.users.savePasskey(owner.id, *passkey)
		}
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// passkeyError keeps the details of the library for the log.
func passkeyError(err error) error {
	if detailed := new(protocol.Error); errors.As(err, &detailed) {
		return fmt.Errorf("%w: %s %s", errPasskey, detailed.Details, detailed.DevInfo)
	}
	return fmt.Errorf("%w: %v", errPasskey, err)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}
