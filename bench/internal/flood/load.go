package flood

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Plan is the number of clients and the duration of each part.
type Plan struct {
	Flooders int           // clients that log in without end, from one address
	Pause    time.Duration // of a flooder after a 503
	Rate     time.Duration // interval of the requests to the protected route

	// Each round measures the idle server, starts the flood, waits until it
	// has settled, and measures the saturated server.
	Rounds                  int
	Idle, Settle, Saturated time.Duration

	Honest int           // clients that log in now and then, each from its own address
	Fair   time.Duration // how long they log in while one address floods
}

// Report holds the results of one server.
type Report struct {
	Rounds         []Round
	Bcrypt         time.Duration // one bcrypt on the idle server, before and after the flood
	Checked        int           // passwords that were checked while saturated
	Refused        int           // logins with status 503 meanwhile
	Elapsed        time.Duration
	Honest, Served int // logins of honest clients, and the successful ones
	MaxConcurrent  int // concurrent password checks; 0 for no limit
}

// Round is the latency of the protected route, without and with the flood.
type Round struct{ Idle, Saturated Latencies }

// Median returns the median of a figure over the rounds.
func (r *Report) Median(of func(Round) float64) float64 {
	values := make([]float64, len(r.Rounds))
	for i, round := range r.Rounds {
		values[i] = of(round)
	}
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}

// Idle returns the median over the rounds of the quantile q, without the flood.
func (r *Report) Idle(q float64) time.Duration {
	return time.Duration(r.Median(func(round Round) float64 { return float64(round.Idle.P(q)) }))
}

// Saturated is Idle with the flood.
func (r *Report) Saturated(q float64) time.Duration {
	return time.Duration(r.Median(func(round Round) float64 { return float64(round.Saturated.P(q)) }))
}

// LoginsPerSecond is the throughput of password checks while saturated.
func (r *Report) LoginsPerSecond() float64 { return float64(r.Checked) / r.Elapsed.Seconds() }

// Latencies are sorted.
type Latencies []time.Duration

// P returns the quantile q.
func (l Latencies) P(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(len(l)-1, int(q*float64(len(l))))]
}

// The flood comes from one address, and each honest client from its own. All of
// 127/8 is loopback on Linux.
const floodAddress = "127.0.0.2"

func honestAddress(n int) string { return fmt.Sprintf("127.0.0.%d", 3+n) }

// Load measures the server that said hello.
func Load(ctx context.Context, hello Hello, plan Plan) (*Report, error) {
	r := &Report{MaxConcurrent: hello.MaxConcurrent}
	before, err := bcryptTime(ctx, hello.URL)
	if err != nil {
		return nil, err
	}
	for range plan.Rounds {
		idle, err := probe(ctx, hello, plan.Rate, plan.Idle)
		if err != nil {
			return nil, err
		}
		saturated, err := saturate(ctx, hello, plan, r)
		if err != nil {
			return nil, err
		}
		r.Rounds = append(r.Rounds, Round{idle, saturated})
	}
	if plan.Fair > 0 {
		if err := fairness(ctx, hello, plan, before, r); err != nil {
			return nil, err
		}
	}
	after, err := bcryptTime(ctx, hello.URL)
	if err != nil {
		return nil, err
	}
	r.Bcrypt = (before + after) / 2
	return r, nil
}

func bcryptTime(ctx context.Context, url string) (time.Duration, error) {
	c := newClient("127.0.0.1", 1)
	defer c.CloseIdleConnections()
	_, body, err := send(ctx, c, http.MethodGet, url+"/bcrypt", "", "")
	if err != nil {
		return 0, err
	}
	var ns int64
	_, err = fmt.Sscan(body, &ns)
	return time.Duration(ns), err
}

// saturate measures the protected route during the flood, and adds the logins
// to the counts of r.
func saturate(ctx context.Context, hello Hello, plan Plan, r *Report) (Latencies, error) {
	f := startFlood(ctx, hello, plan)
	defer f.end()
	time.Sleep(plan.Settle)
	checked, refused := f.counts()
	start := time.Now()
	latencies, err := probe(ctx, hello, plan.Rate, plan.Saturated)
	if err != nil {
		return nil, err
	}
	r.Elapsed += time.Since(start)
	checkedNow, refusedNow := f.counts()
	r.Checked += checkedNow - checked
	r.Refused += refusedNow - refused
	return latencies, f.end()
}

// fairness has honest clients log in during the flood. Together they use a
// quarter of the server's capacity, on any machine.
func fairness(ctx context.Context, hello Hello, plan Plan, bcrypt time.Duration, r *Report) error {
	f := startFlood(ctx, hello, plan)
	defer f.end()
	time.Sleep(plan.Settle)
	every := 4 * bcrypt * time.Duration(plan.Honest) / time.Duration(max(1, hello.MaxConcurrent))
	end := time.Now().Add(plan.Fair)
	var mu sync.Mutex
	var first error
	var wg sync.WaitGroup
	for n := range plan.Honest {
		wg.Go(func() {
			c := newClient(honestAddress(n), 1)
			defer c.CloseIdleConnections()
			time.Sleep(every * time.Duration(n) / time.Duration(plan.Honest))
			for next := time.Now(); next.Before(end); next = next.Add(every) {
				time.Sleep(time.Until(next))
				status, err := login(ctx, c, hello.URL)
				mu.Lock()
				if first == nil {
					first = err
				}
				r.Honest++
				if status == http.StatusOK {
					r.Served++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if first != nil {
		return first
	}
	return f.end()
}

// probe requests the protected route at a steady rate and returns the
// latencies. It does not wait for a response before it sends the next request:
// otherwise a server that stalls would get fewer requests, and look better.
func probe(ctx context.Context, hello Hello, every, lasting time.Duration) (Latencies, error) {
	c := newClient("127.0.0.1", 256)
	defer c.CloseIdleConnections()
	var mu sync.Mutex
	var latencies Latencies
	var first error
	var wg sync.WaitGroup
	start := time.Now()
	for at := time.Duration(0); at < lasting; at += every {
		time.Sleep(time.Until(start.Add(at)))
		wg.Go(func() {
			sent := time.Now()
			status, _, err := send(ctx, c, http.MethodGet, hello.URL+"/me", hello.Token, "")
			took := time.Since(sent)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("the protected route responded with status %d", status)
			}
			mu.Lock()
			defer mu.Unlock()
			latencies = append(latencies, took)
			if first == nil {
				first = err
			}
		})
	}
	wg.Wait()
	slices.Sort(latencies)
	return latencies, first
}

// flood is a number of clients that log in without end.
type flood struct {
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	mu      sync.Mutex
	checked int
	refused int
	err     error
}

func startFlood(ctx context.Context, hello Hello, plan Plan) *flood {
	ctx, cancel := context.WithCancel(ctx)
	f := &flood{cancel: cancel}
	for range plan.Flooders {
		f.wg.Go(func() {
			c := newClient(floodAddress, 1)
			defer c.CloseIdleConnections()
			for ctx.Err() == nil {
				status, err := login(ctx, c, hello.URL)
				if !f.count(ctx, status, err) {
					return
				}
				if status == http.StatusServiceUnavailable {
					time.Sleep(plan.Pause)
				}
			}
		})
	}
	return f
}

// count counts a login and reports whether to continue.
func (f *flood) count(ctx context.Context, status int, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		f.err = err
		return false
	case status == http.StatusServiceUnavailable:
		f.refused++
	case status == http.StatusOK:
		f.checked++
	default:
		f.err = fmt.Errorf("a login had status %d", status)
		return false
	}
	return true
}

func (f *flood) counts() (checked, refused int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.checked, f.refused
}

func (f *flood) end() error {
	f.cancel()
	f.wg.Wait()
	return f.err
}

func newClient(from string, connections int) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	return &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: connections},
		Timeout:   time.Minute,
	}
}

func login(ctx context.Context, c *http.Client, url string) (status int, err error) {
	body, err := json.Marshal(map[string]string{"username": user, "password": password})
	if err != nil {
		return 0, err
	}
	status, _, err = send(ctx, c, http.MethodPost, url+"/login", "", string(body))
	return status, err
}

func send(ctx context.Context, c *http.Client, method, url, token, body string) (status int, answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}
