package flood

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/seed-0a072700/jwtauth"
)

var short = Plan{
	Flooders: 4, Pause: 5 * time.Millisecond, Rate: 5 * time.Millisecond,
	Rounds: 2, Idle: 50 * time.Millisecond, Settle: 20 * time.Millisecond, Saturated: 200 * time.Millisecond,
	Honest: 2, Fair: 200 * time.Millisecond,
}

// One check of 10 ms at a time and no queue: meanwhile, logins are refused.
func TestLoad(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux all of 127/8 is loopback")
	}
	slot := make(chan struct{}, 1)
	check := func(context.Context, string, string) error {
		select {
		case slot <- struct{}{}:
			time.Sleep(10 * time.Millisecond)
			<-slot
			return nil
		default:
			return jwtauth.ErrBusy
		}
	}
	server, token := testServer(t, check)
	report, err := Load(t.Context(), Hello{URL: server.URL, Token: token, MaxConcurrent: 1}, short)
	if err != nil {
		t.Fatal(err)
	}
	for _, round := range report.Rounds {
		if idle, saturated := len(round.Idle), len(round.Saturated); idle != 10 || saturated != 40 {
			t.Errorf("%d requests while idle, %d while saturated, want 10 and 40", idle, saturated)
		}
	}
	if len(report.Rounds) != 2 {
		t.Errorf("%d rounds, want 2", len(report.Rounds))
	}
	if report.Checked < 2 || report.Checked > 45 || report.Refused < report.Checked {
		t.Errorf("%d checked, %d refused", report.Checked, report.Refused)
	}
	if report.Honest == 0 || report.Served > report.Honest {
		t.Errorf("%d of %d honest logins", report.Served, report.Honest)
	}
	if report.Bcrypt <= 0 || report.Saturated(0.99) < report.Saturated(0.5) {
		t.Errorf("%+v", report)
	}
}

// A login that is refused for another reason than the flood is a fault of the
// setup. A refused honest login does not count as a success.
func TestLoadCountsSuccesses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux all of 127/8 is loopback")
	}
	server, token := testServer(t, func(context.Context, string, string) error { return jwtauth.ErrWrongPassword })
	if _, err := Load(t.Context(), Hello{URL: server.URL, Token: token, MaxConcurrent: 1}, short); err == nil {
		t.Error("logins with status 401 count as checked passwords")
	}
	server, token = testServer(t, func(context.Context, string, string) error { return jwtauth.ErrBusy })
	report, err := Load(t.Context(), Hello{URL: server.URL, Token: token, MaxConcurrent: 1}, short)
	if err != nil || report.Honest == 0 || report.Served != 0 || report.Checked != 0 {
		t.Errorf("a server that refuses all: %+v, %v", report, err)
	}
}

func TestLoadSeesFailures(t *testing.T) {
	server, _ := testServer(t, func(context.Context, string, string) error { return nil })
	if _, err := Load(t.Context(), Hello{URL: server.URL, Token: "bad"}, short); err == nil {
		t.Error("Load measures a protected route that refuses")
	}
	server.Close()
	if _, err := Load(t.Context(), Hello{URL: server.URL}, short); err == nil {
		t.Error("Load measures a server that is closed")
	}
}

func testServer(t *testing.T, check func(context.Context, string, string) error) (*httptest.Server, string) {
	t.Helper()
	issuer, token := newLogin(t)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(routes(issuer, string(hash), check))
	t.Cleanup(server.Close)
	return server, token
}

// The server takes logins, protects its route and ends with its input.
func TestServe(t *testing.T) {
	for _, bounded := range []bool{true, false} {
		in, parent := io.Pipe()
		child, out := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- serve(in, out, bounded, bcrypt.MinCost) }()
		line, err := bufio.NewReader(child).ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var hello Hello
		if err := json.Unmarshal(line, &hello); err != nil {
			t.Fatal(err)
		}
		if (hello.MaxConcurrent > 0) != bounded {
			t.Errorf("bounded %v: %d at a time", bounded, hello.MaxConcurrent)
		}
		c := newClient("127.0.0.1", 1)
		if status, err := login(t.Context(), c, hello.URL); status != http.StatusOK {
			t.Errorf("login: %d, %v", status, err)
		}
		for token, want := range map[string]int{hello.Token: http.StatusOK, "": http.StatusUnauthorized} {
			if status, _, err := send(t.Context(), c, http.MethodGet, hello.URL+"/me", token, ""); status != want {
				t.Errorf("protected route: %d, %v, want %d", status, err, want)
			}
		}
		c.CloseIdleConnections()
		_ = parent.Close()
		if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
}

// newLogin returns an issuer and a token for the protected route.
func newLogin(t *testing.T) (*jwtauth.Issuer, string) {
	t.Helper()
	issuer, err := newIssuer()
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Sign(user, nil)
	if err != nil {
		t.Fatal(err)
	}
	return issuer, token
}
