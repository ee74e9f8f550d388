package sessions_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
)

// passwords are the two passwords of a user, with hashes of the lowest cost, so
// that many rounds fit into a test.
var passwords = [2]struct{ text, hash string }{
	{"first password", "$2a$04$.YzTmtlN750J1/eq4fUd3ux3ygXyIXdwqK9DIbS0LdM6DZsO1BnXG"},
	{"second password", "$2a$04$JDPuVH6lds5u/Sv.1ZhBH.uziv/DeoFLmLp73vg3sHaFhadm/Ucka"},
}

// account is the row of one user.
type account struct {
	mu      sync.Mutex
	version int // the password is that of version modulo 2

	read chan struct{} // receives a value when a login has read the row
	hold chan struct{} // if not nil, logins wait for it after bcrypt
}

func (a *account) current() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.version
}

func (a *account) change() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
}

func (a *account) authenticate(ctx context.Context, username, password string) (string, []jwtauth.LoginOption, error) {
	version, hold := a.current(), a.hold
	a.read <- struct{}{}
	err := jwtauth.CheckPassword(ctx, passwords[version%2].hash, password)
	if hold != nil {
		<-hold
	}
	return username, []jwtauth.LoginOption{jwtauth.CredentialVersion(fmt.Sprint(version))}, err
}

// A thief knows the password and logs in while the owner changes it and ends
// all sessions. Half of these logins end only after that.
func TestPasswordChange(t *testing.T) {
	const rounds = 100
	onAll(t, func(t *testing.T, p place) {
		survivors, refused := stealPassword(t, p, rounds, true)
		t.Logf("%d rounds: %d logins of the thief refused, %d sessions of the thief survive", rounds, refused, survivors)
		if survivors != 0 || refused < rounds/2 {
			t.Errorf("%d sessions survive, %d logins were refused", survivors, refused)
		}
	})
}

// Without IssuerOptions.CredentialVersion, the thief survives. So the test
// above can fail.
func TestPasswordChangeUnnoticed(t *testing.T) {
	store := memstore.New()
	p := place{open: func(testing.TB) jwtauth.SessionStore { return store }}
	if survivors, _ := stealPassword(t, p, 10, false); survivors < 5 {
		t.Errorf("%d of 10 sessions survive", survivors)
	}
}

// stealPassword returns how many sessions of the thief survive, and how many of
// its logins were refused.
func stealPassword(t *testing.T, p place, rounds int, compares bool) (survivors, refused int) {
	t.Helper()
	user := &account{read: make(chan struct{}, 1)}
	s := newSetup()
	s.authenticate = user.authenticate
	if compares {
		s.version = func(context.Context, string) (string, error) { return fmt.Sprint(user.current()), nil }
	}
	thiefs, owners := s.instance(t, p.open(t), 0), s.instance(t, p.open(t), 0)
	for round := range rounds {
		user.hold = nil
		if round%2 == 0 {
			user.hold = make(chan struct{})
		}
		stolen := passwords[user.current()%2].text
		var thief answer
		var wg sync.WaitGroup
		wg.Go(func() {
			thief = call(t, "POST", thiefs.url+"/login", "", map[string]string{"username": "ada", "password": stolen})
		})
		<-user.read
		user.change()
		logoutAll(t, owners)
		if user.hold != nil {
			close(user.hold)
		}
		wg.Wait()
		if thief.status != 200 {
			if thief.status != 503 { // as on a busy machine
				thief.want(t, "the login of the thief", 401, "login_failed")
			}
			refused++
		} else if a := refresh(t, owners.url, thief.tokens.RefreshToken); a.status == 200 {
			survivors++
		}
		list, err := owners.Sessions(t.Context(), "ada")
		check(t, err)
		if len(list) > 0 && compares {
			t.Errorf("round %d: %d sessions are left", round, len(list))
		}
		logoutAll(t, owners)
	}
	return survivors, refused
}

// logoutAll tries again if the store takes too long, as on a busy machine.
func logoutAll(t *testing.T, i instance) {
	t.Helper()
	err := i.LogoutAll(t.Context(), "ada")
	for tries := 0; tries < 10 && err != nil; tries++ {
		err = i.LogoutAll(t.Context(), "ada")
	}
	check(t, err)
}
