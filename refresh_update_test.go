package jwtauth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// organisation is session data.
type organisation struct {
	Org string `json:"org"`
}

// withOrganisation makes Claims return the session data.
func withOrganisation(o *jwtauth.IssuerOptions) {
	o.Claims = func(_ context.Context, s jwtauth.Session) (any, error) {
		var data organisation
		err := s.Data(&data)
		return data, err
	}
}

// organisationOf returns the claim "org" of an access token.
func (s *service) organisationOf(t *testing.T, tokens jwtauth.Tokens) string {
	t.Helper()
	claims, err := s.VerifyToken(t.Context(), tokens.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	var data organisation
	if err := claims.Decode(&data); err != nil {
		t.Fatal(err)
	}
	return data.Org
}

// What is known at the login survives rotations.
func TestLoginDataSurvives(t *testing.T) {
	s := newService(t, withOrganisation)
	tokens, err := s.Login(t.Context(), "user-1", jwtauth.SessionData(organisation{"acme"}),
		jwtauth.AuthenticatedBy("phr", "hwk", "user"), jwtauth.Confirmation("x5t#S256", "thumbprint"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		claims, err := s.VerifyToken(context.Background(), tokens.AccessToken)
		if err == nil || !errors.Is(err, jwtauth.ErrTokenInvalid) {
			t.Errorf("a bound token verifies as a bearer token: %v, %v", claims, err)
		}
		payload := payloadOf(t, tokens.AccessToken)
		for _, want := range []string{`"org":"acme"`, `"acr":"phr"`, `"amr":["hwk","user"]`, `"cnf":{"x5t#S256":"thumbprint"}`} {
			if !strings.Contains(payload, want) {
				t.Errorf("after %d refreshes: %s lacks %s", n, payload, want)
			}
		}
		s.at(time.Duration(n+1) * afterwards)
		tokens, err = s.Refresh(t.Context(), tokens.RefreshToken, jwtauth.ConfirmedBy("x5t#S256", "thumbprint"))
		if err != nil {
			t.Fatal(err)
		}
		if tokens.RefreshExpiresIn != 7*24*3600 {
			t.Errorf("refresh_expires_in %d", tokens.RefreshExpiresIn)
		}
	}
}

// payloadOf returns the payload of a token, without verifying it.
func payloadOf(t *testing.T, token string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

// An update leaves the generation, the rotation time and the expiry alone.
func TestRefreshUpdate(t *testing.T) {
	s := newService(t, withOrganisation)
	tokens, err := s.Login(t.Context(), "user-1", jwtauth.SessionData(organisation{"acme"}), jwtauth.Label("Firefox"))
	if err != nil {
		t.Fatal(err)
	}
	s.at(afterwards)
	before := s.row(tokens.RefreshToken)
	s.store.took()
	s.told()
	changed, err := s.Refresh(t.Context(), tokens.RefreshToken, jwtauth.SetSessionData(organisation{"globex"}), jwtauth.Relabel("laptop\x00"))
	if err != nil {
		t.Fatal(err)
	}
	s.wantOps(t, "update", "Load", "Swap")
	s.wantReasons(t, "update", jwtauth.ReasonUpdated)
	if changed.RefreshToken != tokens.RefreshToken {
		t.Error("an update changes the refresh token")
	}
	if got := s.organisationOf(t, changed); got != "globex" {
		t.Errorf("the token after the update is for %q", got)
	}
	row := s.row(tokens.RefreshToken)
	want := before
	want.Revision, want.Label, want.Attributes = before.Revision+1, "laptop", row.Attributes
	if row != want || row.Attributes == before.Attributes {
		t.Errorf("the row is %+v, want %+v", row, want)
	}
	// The next rotation keeps it.
	next := s.refresh(t, tokens.RefreshToken)
	if got := s.organisationOf(t, next); got != "globex" || s.row(next.RefreshToken).Label != "laptop" {
		t.Errorf("the next token is for %q", got)
	}
}

// A rotation between the load and the update loses neither, and Claims sees the
// row that is issued.
func TestRefreshUpdateRaces(t *testing.T) {
	s := newService(t, withOrganisation)
	tokens, err := s.Login(t.Context(), "user-1", jwtauth.SessionData(organisation{"acme"}))
	if err != nil {
		t.Fatal(err)
	}
	s.at(afterwards)
	var rotated jwtauth.Tokens
	raced := false
	s.store.before = func(_ context.Context, op string) error {
		if op == "Swap" && !raced {
			raced = true
			rotated = s.refresh(t, tokens.RefreshToken)
		}
		return nil
	}
	changed, err := s.Refresh(t.Context(), tokens.RefreshToken, jwtauth.SetSessionData(organisation{"globex"}))
	if err != nil {
		t.Fatal(err)
	}
	row := s.row(rotated.RefreshToken)
	if got := s.organisationOf(t, changed); got != "globex" || row.Generation != 2 || row.Revision != 3 {
		t.Errorf("organisation %q, generation %d, revision %d", got, row.Generation, row.Revision)
	}
	if changed.RefreshToken != rotated.RefreshToken {
		t.Error("the update does not return the current refresh token")
	}

	// The other way: an update between the load and the rotation.
	s.at(2 * afterwards)
	raced = false
	s.store.before = func(_ context.Context, op string) error {
		if op == "Swap" && !raced {
			raced = true
			if _, err := s.Refresh(t.Context(), rotated.RefreshToken, jwtauth.SetSessionData(organisation{"initech"})); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	last := s.refresh(t, rotated.RefreshToken)
	if got := s.organisationOf(t, last); got != "initech" {
		t.Errorf("a rotation undoes an update: the token is for %q", got)
	}
}

// Updates that win a race do not count toward the limit of lost swaps, but 16
// end the attempt.
func TestRefreshManyUpdates(t *testing.T) {
	for _, updates := range []int{5, 15, 16} {
		s := newService(t)
		token := s.login(t).RefreshToken
		s.at(afterwards)
		n := 0
		s.store.before = func(ctx context.Context, op string) error {
			if op != "Swap" || n == updates {
				return nil
			}
			n++
			old := s.row(token)
			next := old
			next.Revision++
			next.Label = fmt.Sprint(n)
			if won, err := s.store.SessionStore.Swap(ctx, old, next, s.clock.Now()); !won || err != nil {
				t.Errorf("won %v, error %v", won, err)
			}
			return nil
		}
		_, err := s.Refresh(t.Context(), token)
		if updates < 16 {
			if err != nil {
				t.Errorf("%d updates: %v", updates, err)
			}
			continue
		}
		wantError(t, "16 updates", err, jwtauth.ErrUnavailable)
	}
}

func TestReauthenticated(t *testing.T) {
	s := newService(t)
	tokens, err := s.Login(t.Context(), "user-1", jwtauth.AuthenticatedBy("mail", "otp"), jwtauth.AuthenticatedAt(start.Add(-time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	before := s.row(tokens.RefreshToken)
	_, err = s.Refresh(t.Context(), tokens.RefreshToken, jwtauth.SetSessionData(1), jwtauth.Reauthenticated("user-2", start, "phr", "hwk"))
	wantError(t, "another subject", err, jwtauth.ErrForbidden)
	if row := s.row(tokens.RefreshToken); row != before {
		t.Errorf("the refused update changes the session to %+v", row)
	}
	changed, err := s.Refresh(t.Context(), tokens.RefreshToken, jwtauth.Reauthenticated("user-1", start.Add(time.Hour), "phr"))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := s.VerifyToken(t.Context(), changed.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	// The time, acr and amr are replaced together, and the time is not in the
	// future.
	if claims.AuthContext != "phr" || claims.AuthMethods != nil || claims.AuthTime.Unix() != now {
		t.Errorf("acr %q, amr %q, auth_time %v", claims.AuthContext, claims.AuthMethods, claims.AuthTime)
	}
}

// A session that is bound to a key refuses a refresh without a proof, and goes
// on.
func TestRefreshConfirmation(t *testing.T) {
	s := newService(t)
	tokens, err := s.Login(t.Context(), "user-1", jwtauth.Confirmation("jkt", "key-1"))
	if err != nil || tokens.TokenType != "DPoP" {
		t.Fatal(tokens, err)
	}
	s.at(afterwards)
	s.told()
	for name, opts := range map[string][]jwtauth.RefreshOption{
		"no proof":       nil,
		"another key":    {jwtauth.ConfirmedBy("jkt", "key-2")},
		"another member": {jwtauth.ConfirmedBy("x5t#S256", "key-1")},
		"an update":      {jwtauth.SetSessionData(1)},
	} {
		_, err := s.Refresh(t.Context(), tokens.RefreshToken, opts...)
		wantError(t, name, err, jwtauth.ErrTokenInvalid)
		s.wantKinds(t, name)
	}
	next, err := s.Refresh(t.Context(), tokens.RefreshToken, jwtauth.ConfirmedBy("jkt", "key-1"))
	if err != nil || next.TokenType != "DPoP" {
		t.Fatal(next, err)
	}
	// Coalescing and recovery need the proof as well.
	for _, token := range []string{tokens.RefreshToken, next.RefreshToken} {
		_, err = s.Refresh(t.Context(), token)
		wantError(t, "repeated without a proof", err, jwtauth.ErrTokenInvalid)
	}
}

// A token that the store has lost is adopted together with the update, in one
// Swap.
func TestRefreshAdoptAndUpdate(t *testing.T) {
	s := newService(t, withOrganisation)
	token := s.login(t).RefreshToken
	s.store.took()
	tokens, err := s.Refresh(t.Context(), s.forge(token, 7), jwtauth.SetSessionData(organisation{"globex"}))
	if err != nil {
		t.Fatal(err)
	}
	s.wantOps(t, "adopt and update", "Load", "Swap")
	if row := s.row(token); row.Generation != 7 || s.organisationOf(t, tokens) != "globex" {
		t.Errorf("generation %d, organisation %q", row.Generation, s.organisationOf(t, tokens))
	}
}

// Reuse ends the session with options as well.
func TestRefreshReuseWithOptions(t *testing.T) {
	s := newService(t)
	token := s.login(t).RefreshToken
	s.at(afterwards)
	s.refresh(t, token)
	s.at(3 * afterwards)
	_, err := s.Refresh(t.Context(), token, jwtauth.SetSessionData(1))
	wantError(t, "reuse", err, jwtauth.ErrTokenReused)
	if row := s.row(token); row.ID != "" {
		t.Error("the session goes on")
	}
}

// Options with invalid values are refused before the store is called, all at
// once.
func TestSessionOptionFaults(t *testing.T) {
	s := newService(t)
	long := strings.Repeat("x", 257)
	_, err := s.Login(t.Context(), "", jwtauth.SessionData(func() {}), jwtauth.AuthenticatedBy(long, "a", long),
		jwtauth.CredentialVersion(long), jwtauth.Confirmation("", "v"))
	checkFaults(t, err, []string{
		"Login: subject: is empty", "SessionData: v: contains the type func(), which JSON cannot represent", "AuthenticatedBy: acr: is 257 bytes long; the maximum is 256",
		"AuthenticatedBy: amr[1]: is 257 bytes long", "CredentialVersion: v: is 257 bytes long", "Confirmation: member: is empty",
	})
	for n, want := range map[int]string{1022: "", 1023: "SessionData: v: is 1025 bytes of JSON; the maximum is 1024"} {
		_, err := s.Login(t.Context(), "user-1", jwtauth.SessionData(strings.Repeat("x", n)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d bytes: %v, want %q", n, err, want)
		}
	}
	methods := slices.Repeat([]string{"a"}, 17)
	if _, err := s.Login(t.Context(), "user-1", jwtauth.AuthenticatedBy("", methods[:16]...)); err != nil {
		t.Error(err)
	}
	_, err = s.Login(t.Context(), "user-1", jwtauth.AuthenticatedBy("", methods...))
	checkFaults(t, err, []string{"AuthenticatedBy: amr: has 17 methods; the maximum is 16"})

	token := s.login(t).RefreshToken
	s.store.took()
	_, err = s.Refresh(t.Context(), token, jwtauth.SetSessionData(func() {}), jwtauth.Reauthenticated("user-1", time.Unix(-1, 0), long))
	checkFaults(t, err, []string{"SetSessionData: v: contains the type func(), which JSON cannot represent", "Reauthenticated: acr: is 257 bytes long", "Reauthenticated: at: is before 1970"})
	s.wantOps(t, "faults")
}
