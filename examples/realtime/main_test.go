package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/seed-0a072700/jwtauth/jwtauthtest"
)

func decode(t *testing.T, response *http.Response, dst any) {
	t.Helper()
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", response.Request.URL, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(dst); err != nil {
		t.Fatal(err)
	}
}

// dial opens a WebSocket with these subprotocols and headers. The status is
// that of the response.
func (p *site) dial(path string, protocols []string, fields http.Header) (*websocket.Conn, int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, "ws://site.test"+path, &websocket.DialOptions{HTTPClient: p.client, HTTPHeader: fields, Subprotocols: protocols})
	if response == nil {
		p.t.Fatal(err)
	}
	return conn, response.StatusCode
}

// events opens a stream of Server-Sent Events, and reads it to its end. The
// channel has the events, and is closed at the end.
func (p *site) events(path, access string) (events <-chan string, status int) {
	p.t.Helper()
	r, err := http.NewRequest("GET", "http://site.test"+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	response, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	read := make(chan string, 100)
	go func() {
		defer close(read)
		defer response.Body.Close()
		event := ""
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			switch line := lines.Text(); {
			case line == "" && event != "":
				read <- event
				event = ""
			case strings.HasPrefix(line, "event: "), strings.HasPrefix(line, "data: "):
				event += line + "\n"
			}
		}
	}()
	return read, response.StatusCode
}

// A WebSocket and a stream of events work until the token expires, and not
// longer.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startSite(t)
		defer p.close()
		access, _ := p.login()
		begin := time.Now()
		conn, status := p.dial("/socket", []string{"room", "bearer", access}, nil)
		if status != http.StatusSwitchingProtocols || conn.Subprotocol() != "room" {
			t.Fatalf("%d, subprotocol %q", status, conn.Subprotocol())
		}
		events, status := p.events("/events", access)
		if status != http.StatusOK {
			t.Fatal(status)
		}
		if err := wsjson.Write(t.Context(), conn, map[string]string{"text": "hello"}); err != nil {
			t.Fatal(err)
		}
		var m message
		if err := wsjson.Read(t.Context(), conn, &m); err != nil || m.Text != "hello" || m.From != "admin" {
			t.Fatalf("%+v, %v", m, err)
		}
		if event := <-events; !strings.HasPrefix(event, "event: message\ndata: {\"id\":1,\"from\":\"admin\",\"text\":\"hello\"") {
			t.Fatalf("%q", event)
		}

		// Longer than all timeouts of the server. The client responds to pings
		// while it reads.
		err := wsjson.Read(t.Context(), conn, &m)
		if code := websocket.CloseStatus(err); code != 4401 || !strings.Contains(err.Error(), "token_expired") {
			t.Errorf("the WebSocket ends with %v", err)
		}
		if after := time.Since(begin); after != accessTTL {
			t.Errorf("the WebSocket ends after %v", after)
		}
		if event := <-events; event != "event: end\ndata: token_expired\n" {
			t.Errorf("the stream ends with %q", event)
		}
		if event := <-events; event != "" || time.Since(begin) != accessTTL {
			t.Errorf("%q after the end, after %v", event, time.Since(begin))
		}
	})
}

// A logout ends both within -max-delay.
func TestLogout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startSite(t)
		defer p.close()
		access, refresh := p.login()
		conn, _ := p.dial("/socket", []string{"room", "bearer", access}, nil)
		events, _ := p.events("/events", access)
		begin := time.Now().Add(time.Minute)
		time.AfterFunc(time.Minute, func() { p.logout(refresh) })
		_, _, err := conn.Read(t.Context())
		if code := websocket.CloseStatus(err); code != 4401 || !strings.Contains(err.Error(), "token_invalid") {
			t.Errorf("the WebSocket ends with %v", err)
		}
		if event := <-events; event != "event: end\ndata: token_invalid\n" {
			t.Errorf("the stream ends with %q", event)
		}
		if after := time.Since(begin); after < 0 || after > maxDelay {
			t.Errorf("they end after %v", after)
		}
		if _, status := p.dial("/socket", []string{"room", "bearer", access}, nil); status != http.StatusUnauthorized {
			t.Errorf("a new WebSocket: %d", status)
		}
	})
}

// When the server shuts down, both end with the reason. A client that connects
// again gets the messages after the last one that it has.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startSite(t)
		access, _ := p.login()
		for i := range 3 {
			p.server.room.say("ann", fmt.Sprint(i+1))
		}
		conn, _ := p.dial("/socket?after=2", []string{"room", "bearer", access}, nil)
		events, _ := p.events("/events?after=2", access)
		var m message
		if err := wsjson.Read(t.Context(), conn, &m); err != nil || m.ID != 3 {
			t.Errorf("%+v, %v", m, err)
		}
		if event := <-events; !strings.Contains(event, `"id":3`) {
			t.Errorf("%q", event)
		}
		ended := make(chan error)
		go func() {
			_, _, err := conn.Read(context.Background())
			ended <- err
		}()
		closed := make(chan struct{})
		go func() { p.close(); close(closed) }()
		if err := <-ended; websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("the WebSocket ends with %v", err)
		}
		if event := <-events; event != "event: end\ndata: going_away\n" {
			t.Errorf("the stream ends with %q", event)
		}
		if event := <-events; event != "" {
			t.Errorf("%q after the end", event)
		}
		<-closed
	})
}

// Without a good token no connection opens.
func TestNeverOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := startSite(t)
		defer p.close()
		access, _ := p.login()
		cookie := "__Host-realtime-access=" + access
		for _, test := range []struct {
			name      string
			protocols []string
			fields    http.Header
			want      int
		}{
			{"no token", []string{"room"}, nil, 401},
			{"no protocols", nil, nil, 401},
			{"another token", []string{"room", "bearer", "a.b.c"}, nil, 401},
			{"two tokens", []string{"room", "bearer", access, "Bearer", access}, nil, 400},
			{"no token after bearer", []string{"room", "bearer"}, nil, 400},
			{"the token of another form", []string{"room", "room.bearer." + access}, nil, 401},
			{"subprotocol and header", []string{"room", "bearer", access}, http.Header{"Authorization": {"Bearer " + access}}, 400},
			{"cookie of another site", []string{"room"}, http.Header{"Cookie": {cookie}, "Origin": {"https://evil.test"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
			{"cookie of a sibling", []string{"room"}, http.Header{"Cookie": {cookie}, "Origin": {"http://evil.site.test"}}, 403},
			{"cookie without Origin", []string{"room"}, http.Header{"Cookie": {cookie}}, 403},
			{"subprotocol of another site", []string{"room", "bearer", access}, http.Header{"Origin": {"https://evil.test"}}, 403},
			{"cookie", []string{"room"}, http.Header{"Cookie": {cookie}, "Origin": {"http://site.test"}}, 101},
			{"subprotocol", []string{"room", "bearer", access}, http.Header{"Origin": {"http://site.test"}}, 101},
			{"header", []string{"room"}, http.Header{"Authorization": {"Bearer " + access}}, 101},
		} {
			conn, status := p.dial("/socket", test.protocols, test.fields)
			if status != test.want || (conn != nil) != (test.want == 101) {
				t.Errorf("%s: %d, want %d", test.name, status, test.want)
			}
			if conn != nil {
				conn.CloseNow()
			}
		}
		for _, token := range []string{"", "a.b.c"} {
			if _, status := p.events("/events", token); status == http.StatusOK {
				t.Errorf("events with the token %q", token)
			}
		}
		<-time.After(accessTTL)
		if _, status := p.dial("/socket", []string{"room", "bearer", access}, nil); status != 401 {
			t.Errorf("expired: %d", status)
		}
		if _, status := p.events("/events", access); status != 401 {
			t.Errorf("events, expired: %d", status)
		}
	})
}

// Each change of Attack is tried as a request for events, and as a handshake
// with the token among the subprotocols.
func TestAttack(t *testing.T) {
	key, err := tokenKey()
	if err != nil {
		t.Fatal(err)
	}
	u := newUsers()
	u.check = func(context.Context, string, string) error { return nil }
	s, err := newServer(key, u, config{accessTTL: time.Hour, maxDelay: maxDelay}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.close() // connections end as soon as they are open
	site := httptest.NewServer(s.handler)
	defer site.Close()
	response, err := http.Post(site.URL+"/token/login", "application/json", strings.NewReader(`{"username":"admin","password":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	var tokens struct {
		Access string `json:"access_token"`
	}
	decode(t, response, &tokens)

	for path, change := range map[string]func(*http.Request){
		"/events": func(*http.Request) {},
		"/socket": func(r *http.Request) {
			for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OTAxMjM0NQ=="} {
				r.Header.Set(name, value)
			}
			for _, value := range r.Header.Values("Authorization") {
				if scheme, token, ok := strings.Cut(value, " "); ok && strings.EqualFold(scheme, "Bearer") {
					value = "room, bearer, " + token
				}
				r.Header.Add("Sec-WebSocket-Protocol", value)
			}
			r.Header.Del("Authorization")
		},
	} {
		t.Run(path, func(t *testing.T) {
			protect := func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					forward(t, w, r, site.URL+path, change, next)
				})
			}
			jwtauthtest.Attack(t, protect, func() *http.Request {
				r := httptest.NewRequest("GET", path, nil)
				r.Header.Set("Authorization", "Bearer "+tokens.Access)
				return r
			})
		})
	}
}

// forward sends a request to the application over a socket. If the application
// accepts it, it calls next.
func forward(t *testing.T, w http.ResponseWriter, r *http.Request, url string, change func(*http.Request), next http.Handler) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, url, r.Body)
	if err != nil {
		t.Error(err)
		return
	}
	out.URL.RawQuery, out.Header = r.URL.RawQuery, r.Header.Clone()
	if change(out); out.Method == http.MethodPost {
		out.Method = http.MethodGet // the routes serve no other method
	}
	response, err := http.DefaultTransport.RoundTrip(out)
	if err != nil { // the client of Go refuses to send such a header
		http.Error(w, "not sent", http.StatusBadRequest)
		return
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusSwitchingProtocols {
		next.ServeHTTP(w, r)
		return
	}
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}
