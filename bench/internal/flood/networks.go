package flood

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Origin says where a flood comes from, as the proxy in front of the server
// reports it.
type Origin struct {
	Name     string
	Attacker func(i int) string // the address of the i-th login of the flood
	Honest   func(n int) string // the address of an honest user
	Known    bool               // honest users have device cookies
}

// Origins are the floods that RunNetworks measures. The honest users of the
// second one have networks of their own, so that all clients have IPv6.
var Origins = []Origin{
	{Name: "one IPv6 /56", Honest: honestIPv4, Attacker: func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i%256) }},
	{Name: "one IPv6 /48", Honest: honestIPv6, Attacker: func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i%65536) }},
	{Name: "500 IPv4 addresses, device cookies", Honest: honestIPv4, Attacker: attackerIPv4, Known: true},
	{Name: "500 IPv4 addresses, no device cookies", Honest: honestIPv4, Attacker: attackerIPv4},
}

func honestIPv4(n int) string   { return fmt.Sprintf("198.51.100.%d", n+1) }
func honestIPv6(n int) string   { return fmt.Sprintf("2001:db8:%x::1", n+1) }
func attackerIPv4(i int) string { return fmt.Sprintf("203.0.%d.%d", i%500/250, i%250) }

// NetworkPlan is the load of one flood.
type NetworkPlan struct {
	Every  time.Duration // interval of the logins of the flood
	Honest time.Duration // interval of the logins of honest users, together
	Users  int           // honest users, who log in in turn
	Rate   time.Duration // interval of the requests to the protected route

	// Honest users log in all the time. The protected route is measured
	// before the flood and, after it has settled, during the flood.
	Before, Settle, During time.Duration
}

// NetworkReport holds the results of one flood.
type NetworkReport struct {
	Name             string
	Before, During   Latencies // of the protected route
	Honest, Served   int       // logins of honest users during the flood
	Checked, Refused int       // logins of the flood with status 401 and 503
	Lasted           time.Duration
}

// LoadNetworks floods the server that said hello.
func LoadNetworks(ctx context.Context, hello Hello, origin Origin, plan NetworkPlan) (*NetworkReport, error) {
	n := &networkLoad{hello: hello, origin: origin, plan: plan, client: newClient("127.0.0.1", 1024), cookies: make([]string, plan.Users)}
	defer n.client.CloseIdleConnections()
	if origin.Known {
		for user := range plan.Users {
			if status, err := n.loginHonest(ctx, user); status != http.StatusOK {
				return nil, fmt.Errorf("the login before the flood: status %d, %v", status, err)
			}
		}
	}
	r := &NetworkReport{Name: origin.Name}
	begin := time.Now()
	flood := begin.Add(plan.Before)
	end := flood.Add(plan.Settle + plan.During)
	r.Lasted = end.Sub(flood)

	var wg sync.WaitGroup
	wg.Go(func() {
		steady(begin, end, plan.Honest, func(i int, at time.Time) {
			status, err := n.loginHonest(ctx, i%plan.Users)
			n.count(err, !at.Before(flood), &r.Honest)
			n.count(nil, !at.Before(flood) && status == http.StatusOK, &r.Served)
		})
	})
	wg.Go(func() {
		steady(flood, end, plan.Every, func(i int, _ time.Time) {
			status, err := n.loginFlood(ctx, i)
			n.count(err, status == http.StatusUnauthorized, &r.Checked)
			n.count(nil, status == http.StatusServiceUnavailable, &r.Refused)
		})
	})
	var err, after error
	r.Before, err = probe(ctx, hello, plan.Rate, plan.Before)
	time.Sleep(time.Until(flood.Add(plan.Settle)))
	r.During, after = probe(ctx, hello, plan.Rate, plan.During)
	wg.Wait()
	for _, e := range []error{err, after, n.err} {
		if e != nil {
			return nil, e
		}
	}
	return r, nil
}

// steady calls do at fixed times, each in a goroutine of its own, so a slow
// response does not make the load lighter. It returns when all calls have.
func steady(begin, end time.Time, every time.Duration, do func(i int, at time.Time)) {
	var wg sync.WaitGroup
	for i, at := 0, begin; at.Before(end); i, at = i+1, at.Add(every) {
		time.Sleep(time.Until(at))
		wg.Go(func() { do(i, at) })
	}
	wg.Wait()
}

// networkLoad is the state of the clients.
type networkLoad struct {
	hello  Hello
	origin Origin
	plan   NetworkPlan
	client *http.Client

	mu      sync.Mutex
	cookies []string // of the honest users
	err     error    // the first one
}

// count adds one to a figure if the condition holds, and keeps the first error.
func (n *networkLoad) count(err error, counts bool, figure *int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		n.err = err
	}
	if counts {
		*figure++
	}
}

// loginHonest logs an honest user in. Refusals of the queue are no error.
func (n *networkLoad) loginHonest(ctx context.Context, user int) (status int, err error) {
	n.mu.Lock()
	cookie := n.cookies[user]
	n.mu.Unlock()
	status, cookie, err = n.login(ctx, honestName(user), password, n.origin.Honest(user), cookie)
	if err == nil && status != http.StatusOK && status != http.StatusServiceUnavailable {
		err = fmt.Errorf("an honest login had status %d", status)
	}
	if n.origin.Known && cookie != "" {
		n.mu.Lock()
		n.cookies[user] = cookie
		n.mu.Unlock()
	}
	return status, err
}

// loginFlood tries a name that was not tried before, because a guard would
// refuse guesses at few accounts without checking a password.
func (n *networkLoad) loginFlood(ctx context.Context, i int) (status int, err error) {
	status, _, err = n.login(ctx, fmt.Sprintf("%s-%d", strings.ToLower(n.origin.Name), i), "guess", n.origin.Attacker(i), "")
	if err == nil && status != http.StatusUnauthorized && status != http.StatusServiceUnavailable {
		err = fmt.Errorf("a login of the flood had status %d", status)
	}
	return status, err
}

// login returns the status and the new device cookie.
func (n *networkLoad) login(ctx context.Context, username, password, address, cookie string) (status int, device string, err error) {
	body, err := json.Marshal(map[string]string{"username": username, "password": password})
	if err != nil {
		return 0, "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.hello.URL+"/login", strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(addressHeader, address)
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	response, err := n.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, "", err
	}
	for _, c := range response.Cookies() {
		device = c.Name + "=" + c.Value
	}
	return response.StatusCode, device, nil
}
