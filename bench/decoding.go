package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

// account holds four private claims, and membership one of them as a list.
type account struct {
	Role string `json:"role"`
	Org  int    `json:"org"`
	Plan string `json:"plan"`
	Beta bool   `json:"beta"`
}

type membership struct {
	Role   string   `json:"role"`
	Org    int      `json:"org"`
	Beta   bool     `json:"beta"`
	Groups []string `json:"groups"`
}

// profile holds ten private claims.
type profile struct {
	account
	Groups   []string `json:"groups"`
	Email    string   `json:"email"`
	Locale   string   `json:"locale"`
	Level    float64  `json:"level"`
	Verified bool     `json:"verified"`
	Tenant   string   `json:"tenant"`
}

const (
	accountClaims    = `"role":"admin","org":42,"plan":"pro","beta":true`
	membershipClaims = `"role":"admin","org":42,"beta":true,"groups":["sales","support","staff"]`
	profileClaims    = accountClaims + `,"groups":["sales","support","staff"],"email":"ann@example.com","locale":"en-GB","level":7,"verified":true,"tenant":"t-1234"`
)

func decodeName(kind string) string { return "op=decode/kind=" + kind }

// decoding measures requests with a repeated token whose private claims are
// decoded, and reading single claims of a token that is not remembered.
func decoding() []measurement {
	list := []measurement{
		{decodeName("account/undecoded"), decodingRequests(accountClaims, func(*http.Request) bool { return true })},
		{decodeName("account/decoded"), decodingRequests(accountClaims, decodes(func(a account) bool { return a.Beta }))},
		{decodeName("membership/undecoded"), decodingRequests(membershipClaims, func(*http.Request) bool { return true })},
		{decodeName("membership/decoded"), decodingRequests(membershipClaims, decodes(func(m membership) bool { return len(m.Groups) == 3 }))},
	}
	for _, one := range []struct {
		kind string
		read func(*jwtauth.Claims) error
	}{
		{"all", func(c *jwtauth.Claims) error {
			_, err := jwtauth.ClaimsAs[profile](jwtauth.NewContext(context.Background(), c))
			return err
		}},
		{"string", func(c *jwtauth.Claims) error { var v string; return c.Get("plan", &v) }},
		{"number", func(c *jwtauth.Claims) error { var v int; return c.Get("org", &v) }},
		{"strings", func(c *jwtauth.Claims) error { var v []string; return c.Get("groups", &v) }},
	} {
		list = append(list, measurement{decodeName("get/" + one.kind), func() (workload, error) {
			v, err := impl.OursVerifier("HS256", fixture.KeyOf("HS256"), jwtauth.VerifierOptions{CacheSize: -1})
			if err != nil {
				return nil, err
			}
			claims, err := v.VerifyToken(context.Background(), fixture.With("HS256", profileClaims))
			return once(func(n int) error {
				for range n {
					if err := one.read(claims); err != nil {
						return err
					}
				}
				return nil
			}), err
		}})
	}
	return list
}

func decodes[T any](good func(T) bool) func(*http.Request) bool {
	return func(r *http.Request) bool {
		v, err := jwtauth.ClaimsAs[T](r.Context())
		return err == nil && good(v)
	}
}

// decodingRequests returns requests with one token, whose handler calls good.
func decodingRequests(claims string, good func(*http.Request) bool) func() (workload, error) {
	return func() (workload, error) {
		v, err := impl.OursVerifier("HS256", fixture.KeyOf("HS256"), jwtauth.VerifierOptions{})
		if err != nil {
			return nil, err
		}
		handler := jwtauth.Verify(v)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if good(r) {
				w.WriteHeader(http.StatusNoContent)
			}
		}))
		return &requests{
			handler: handler, fields: []string{"Bearer " + fixture.With("HS256", claims)},
			want: http.StatusNoContent, goroutines: 1,
		}, nil
	}
}

// hitRate is the share of the uses of tokens that keep coming back which find
// them remembered, while others are used once.
type hitRate struct {
	Uses   int
	Rate   float64
	Growth int64 // bytes of heap
}

const hitName = "op=hits"

// runHits sends 1,000 tokens uses times each, with a million other tokens
// between them.
func runHits(active, once, uses int) (hitRate, error) {
	hits := 0
	key := fixture.KeyOf("HS256")
	v, err := impl.OursVerifier("HS256", key, jwtauth.VerifierOptions{
		OnVerify: func(_ context.Context, v jwtauth.Verification) {
			if v.Cached {
				hits++
			}
		},
	})
	if err != nil {
		return hitRate{}, err
	}
	tokens := fixture.Mint("HS256", fixture.Small, 0, active)
	before := heapInUse()
	total := active * uses
	next := active
	var batch []string
	counted := 0
	for i := range total {
		claims, err := v.VerifyToken(context.Background(), tokens[i%active])
		if err != nil || claims.Subject == "" {
			return hitRate{}, errors.Join(err, errors.New("a token is refused"))
		}
		// The share of the others that are due by now.
		for ; counted < (i+1)*once/total; counted++ {
			if len(batch) == 0 {
				batch = fixture.Mint("HS256", fixture.Small, next, 10_000)
				next += len(batch)
			}
			if _, err := v.VerifyToken(context.Background(), batch[0]); err != nil {
				return hitRate{}, err
			}
			batch = batch[1:]
		}
	}
	batch = nil
	growth := int64(heapInUse()) - int64(before)
	runtime.KeepAlive(v)
	return hitRate{uses, float64(hits) / float64(total), growth}, nil
}

func (h hitRate) String() string {
	return fmt.Sprintf("%.4f, heap growth %.1f MiB", h.Rate, float64(h.Growth)/(1<<20))
}
