package sessions_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-0a072700/jwtauth"
)

// organisation is the data of a session, and a private claim.
type organisation struct {
	Org int `json:"org"`
}

func organisationClaims(_ context.Context, s jwtauth.Session) (any, error) {
	var data organisation
	err := s.Data(&data)
	return data, err
}

// changeOrganisation returns a handler that updates the session.
func changeOrganisation(issuer *jwtauth.Issuer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body struct{ RefreshToken, Org string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		org, _ := strconv.Atoi(body.Org)
		tokens, err := issuer.Refresh(r.Context(), body.RefreshToken, jwtauth.SetSessionData(organisation{org}))
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		jwtauth.WriteTokens(w, tokens)
	}
}

func organisationOf(t testing.TB, accessToken string) int {
	t.Helper()
	var data organisation
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(accessToken, ".")[1])
	check(t, err)
	check(t, json.Unmarshal(payload, &data))
	return data.Org
}

// Three tabs refresh one token while a fourth changes the organisation, 200
// times, at three instances. Of the responses 2 percent are lost, and then the
// tab tries again.
func TestUpdates(t *testing.T) {
	const updates = 200
	onAll(t, func(t *testing.T, p place) {
		s := newSetup()
		s.claims = organisationClaims
		instances := s.instances(t, p)
		jar := login(t, instances[0].url, "ada", "secret").RefreshToken
		var lost, refused, unseen atomic.Int32
		for n := 1; n <= updates; n++ {
			s.clock.advance(coalesces)
			presented, next := jar, make([]string, tabs+1)
			var wg sync.WaitGroup
			for tab := range tabs + 1 {
				random := rand.New(rand.NewPCG(uint64(n), uint64(tab)))
				wg.Go(func() {
					url, body := instances[(n+tab)%len(instances)].url, map[string]string{"refresh_token": presented}
					path := "/refresh"
					if tab == tabs {
						path, body = "/organisation", map[string]string{"RefreshToken": presented, "Org": fmt.Sprint(n)}
					}
					a := call(t, "POST", url+path, "", body)
					// On a busy machine, a call of the store can take too long.
					for tries := 0; tries < 10 && (a.isOutage() || a.status == 200 && random.Float64() < lossRate); tries++ {
						lost.Add(1)
						a = call(t, "POST", url+path, "", body)
					}
					if a.status != 200 {
						refused.Add(1)
						t.Errorf("update %d, tab %d: %d %s", n, tab, a.status, a.code)
						return
					}
					next[tab] = a.tokens.RefreshToken
					// The update runs at the same time, and all before it have ended.
					if org := organisationOf(t, a.tokens.AccessToken); org != n && (tab == tabs || org != n-1) {
						unseen.Add(1)
						t.Errorf("update %d, tab %d: organisation %d", n, tab, org)
					}
				})
			}
			wg.Wait()
			if t.Failed() {
				break
			}
			jar = next[0]
		}
		row, err := instances[0].Sessions(t.Context(), "ada")
		check(t, err)
		var data organisation
		if len(row) == 1 {
			check(t, row[0].Data(&data))
		}
		t.Logf("%d updates by a fourth tab: %d responses lost, %d requests refused, %d tokens without an earlier update; events: %v",
			updates, lost.Load(), refused.Load(), unseen.Load(), s.told())
		if len(row) != 1 || data.Org != updates || row[0].Generation < updates || lost.Load() == 0 || s.events.count(jwtauth.EventReuse) != 0 {
			t.Errorf("%d sessions, organisation %d, events %v", len(row), data.Org, s.told())
		}
	})
}
