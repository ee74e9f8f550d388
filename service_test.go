package jwtauth_test

import (
	"context"
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// spyStore is a store that a test can observe and disturb.
type spyStore struct {
	jwtauth.SessionStore // does the work

	// before, if not nil, is called before an operation, and may block. If it
	// returns an error, so does the operation, without effect.
	before func(ctx context.Context, op string) error
	// after, if not nil, is called after an operation. Its error replaces the
	// result.
	after func(op string) error
	// loaded, if not nil, changes the result of Load.
	loaded func(*jwtauth.Session)

	mu    sync.Mutex
	ops   []string
	wrote jwtauth.Session // last
}

func (s *spyStore) write(session jwtauth.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range []*time.Time{&session.CreatedAt, &session.AuthTime, &session.RotatedAt, &session.ExpiresAt, &session.EndsAt} {
		*t = t.UTC()
	}
	s.wrote = session
}

func (s *spyStore) call(ctx context.Context, op string, do func() error) error {
	s.mu.Lock()
	s.ops = append(s.ops, op)
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(ctx, op); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	if s.after != nil {
		return s.after(op)
	}
	return nil
}

// took returns the operations since the last call.
func (s *spyStore) took() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ops := s.ops
	s.ops = nil
	return ops
}

func (s *spyStore) Create(ctx context.Context, session jwtauth.Session) error {
	s.write(session)
	return s.call(ctx, "Create", func() error { return s.SessionStore.Create(ctx, session) })
}

func (s *spyStore) Load(ctx context.Context, id string, now time.Time) (session jwtauth.Session, err error) {
	err = s.call(ctx, "Load", func() (err error) {
		session, err = s.SessionStore.Load(ctx, id, now)
		return err
	})
	if err == nil && s.loaded != nil {
		s.loaded(&session)
	}
	return session, err
}

func (s *spyStore) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (won bool, err error) {
	s.write(next)
	err = s.call(ctx, "Swap", func() (err error) {
		won, err = s.SessionStore.Swap(ctx, old, next, now)
		return err
	})
	return won && err == nil, err
}

func (s *spyStore) Delete(ctx context.Context, id string) error {
	return s.call(ctx, "Delete", func() error { return s.SessionStore.Delete(ctx, id) })
}

func (s *spyStore) DeleteSubject(ctx context.Context, subject string) error {
	return s.call(ctx, "DeleteSubject", func() error { return s.SessionStore.DeleteSubject(ctx, subject) })
}

func (s *spyStore) List(ctx context.Context, subject string, now time.Time) (list []jwtauth.Session, err error) {
	err = s.call(ctx, "List", func() (err error) {
		list, err = s.SessionStore.List(ctx, subject, now)
		return err
	})
	return list, err
}

// service is an Issuer with sessions, whose store, clock and events a test
// controls.
type service struct {
	*jwtauth.Issuer
	store  *spyStore
	clock  *clock
	forger forger // of refresh tokens, with the key RefreshKeys[0]

	mu     sync.Mutex
	events []jwtauth.Event
}

// start is the first time of a service's clock, with more digits than a session
// stores.
var start = time.Unix(now, 250_123_456)

// live checks sessions for each request.
func (s *service) live() jwtauth.TokenVerifier { return jwtauth.Live(s.Issuer, s.store, 0) }

func newService(t testing.TB, change ...func(*jwtauth.IssuerOptions)) *service {
	t.Helper()
	secret := keySecret(32)
	s := &service{store: &spyStore{SessionStore: memstore.New()}, clock: newClock(start)}
	s.forger.key = keyMust(jwtauth.NewKey(jwtauth.HS256, secret))
	opts := jwtauth.IssuerOptions{
		Sessions:    s.store,
		RefreshKeys: []jwtauth.Key{s.forger.key},
		Now:         s.clock.Now,
		OnEvent: func(_ context.Context, e jwtauth.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	}
	for _, c := range change {
		c(&opts)
	}
	s.forger = refreshForger(secret, opts.Issuer)
	issuer, err := jwtauth.NewIssuer(generate(t, jwtauth.HS256), opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Issuer = issuer
	return s
}

// refreshForger signs refresh tokens like an Issuer of that name with that
// secret in RefreshKeys.
func refreshForger(secret []byte, issuer string) forger {
	derived := keyMust(hkdf.Key(sha256.New, secret, nil, "jwtauth refresh token\x00"+issuer, sha256.Size))
	return forger{jwtauth.HS256, keyMust(jwtauth.NewKey(jwtauth.HS256, secret)), func(input string) []byte {
		mac := hmac.New(sha256.New, derived)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}}
}

// at sets the clock to a time after the start.
func (s *service) at(after time.Duration) { s.clock.Set(start.Add(after)) }

// login creates a session of user-1, and forgets its operations and events.
func (s *service) login(t testing.TB) jwtauth.Tokens {
	t.Helper()
	tokens, err := s.Login(t.Context(), "user-1")
	if err != nil {
		t.Fatal(err)
	}
	s.store.took()
	s.told()
	return tokens
}

// refresh calls Refresh, which must succeed.
func (s *service) refresh(t testing.TB, token string) jwtauth.Tokens {
	t.Helper()
	tokens, err := s.Refresh(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// row returns the session of a refresh token, or the zero Session.
func (s *service) row(token string) jwtauth.Session {
	row, _ := s.store.SessionStore.Load(context.Background(), refreshPayload(token).SessionID, s.clock.Now())
	return row
}

// told returns the events since the last call.
func (s *service) told() []jwtauth.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := s.events
	s.events = nil
	return events
}

// forge returns a refresh token of another generation of the same session.
func (s *service) forge(real string, generation int64) string {
	claims := refreshPayload(real)
	return s.forger.token(`{"alg":"ALG","typ":"rt+jwt"}`,
		fmt.Sprintf(`{"sid":%q,"gen":%d,"sub":%q,"exp":%d}`, claims.SessionID, generation, claims.Subject, claims.Expires))
}

var sentinels = []error{
	jwtauth.ErrTokenInvalid, jwtauth.ErrTokenType, jwtauth.ErrClaimsInvalid, jwtauth.ErrSignatureInvalid, jwtauth.ErrKeyUnknown, jwtauth.ErrTokenMalformed,
	jwtauth.ErrSessionEnded, jwtauth.ErrTokenReused, jwtauth.ErrSubjectDisabled, jwtauth.ErrUnavailable, jwtauth.ErrBusy, jwtauth.ErrForbidden,
}

// wantError checks that err matches each of want, and no other sentinel.
func wantError(t *testing.T, what string, err error, want ...error) {
	t.Helper()
	for _, sentinel := range sentinels {
		if is := errors.Is(err, sentinel); is != slices.Contains(want, sentinel) {
			t.Errorf("%s: errors.Is(%v, %v) is %v", what, err, sentinel, is)
		}
	}
}

// wantKinds checks the kinds of the events since the last call of told.
// Refreshes must be rotations.
func (s *service) wantKinds(t *testing.T, what string, want ...jwtauth.EventKind) {
	t.Helper()
	var got []jwtauth.EventKind
	for _, e := range s.told() {
		got = append(got, e.Kind)
		switch e.Kind {
		case jwtauth.EventRefresh:
			if e.Reason != jwtauth.ReasonRotated {
				t.Errorf("%s: event %q has the reason %q", what, e.Kind, e.Reason)
			}
		case jwtauth.EventLogin, jwtauth.EventLogout:
			if e.Reason != "" {
				t.Errorf("%s: event %q has the reason %q", what, e.Kind, e.Reason)
			}
		default:
			if e.Reason == "" {
				t.Errorf("%s: event %q has no reason", what, e.Kind)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: events %v, want %v", what, got, want)
	}
}

// wantReasons checks that the events since the last call of told are refreshes
// for these reasons.
func (s *service) wantReasons(t *testing.T, what string, want ...jwtauth.EventReason) {
	t.Helper()
	var got []jwtauth.EventReason
	for _, e := range s.told() {
		got = append(got, e.Reason)
		if e.Kind != jwtauth.EventRefresh {
			t.Errorf("%s: event %q", what, e.Kind)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: refreshes %v, want %v", what, got, want)
	}
}

// wantOps checks the operations of the store since the last call of took.
func (s *service) wantOps(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := s.store.took(); !slices.Equal(got, want) {
		t.Errorf("%s: the store's operations are %v, want %v", what, got, want)
	}
}

// verificationKeys is a KeySource that may contain symmetric keys.
type verificationKeys []jwtauth.Key

func (v verificationKeys) VerificationKeys(context.Context, jwtauth.Algorithm, string) ([]jwtauth.Key, error) {
	return v, nil
}

// publicPart returns the key with which golang-jwt verifies, given the one with
// which it signs.
func publicPart(private any) any {
	if signer, ok := private.(crypto.Signer); ok {
		return signer.Public()
	}
	return private
}

// opaqueSigner hides its private key, like a hardware module.
type opaqueSigner struct{ crypto.Signer }
