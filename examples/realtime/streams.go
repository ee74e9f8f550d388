package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/stream"
)

const (
	writeTime = 10 * time.Second // for one message
	idleTime  = 30 * time.Second // after which a message shows that the connection works
)

// begin returns the context of a connection. It ends when the token expires,
// the session ends or the server shuts down. The function that it returns must
// be called when the connection has ended.
func (s *server) begin(r *http.Request) (context.Context, func()) {
	me, _ := jwtauth.FromContext(r.Context()) // always set behind Verify
	ctx, cancel := s.until(r.Context(), me)
	forget := context.AfterFunc(s.closing, cancel)
	s.open.Add(1)
	return ctx, func() {
		forget()
		cancel()
		s.open.Done()
	}
}

// send sends messages until ctx ends or write fails. If there is none for a
// while it calls idle.
func (s *server) send(ctx context.Context, after int64, write func(message) error, idle func() error) {
	for {
		messages, changed := s.room.after(after)
		for _, m := range messages {
			if ctx.Err() != nil || write(m) != nil {
				return
			}
			after = m.ID
		}
		timer := time.NewTimer(idleTime)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-changed:
			timer.Stop()
		case <-timer.C:
			if idle() != nil {
				return
			}
		}
	}
}

// socket serves a WebSocket. Both sides send messages.
func (s *server) socket(w http.ResponseWriter, r *http.Request) {
	ctx, done := s.begin(r)
	defer done()
	// Accept refuses handshakes of other origins, with tokens as well.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"room"}})
	if err != nil {
		s.log.Info("refused", "route", r.Pattern, "err", err)
		return // Accept has responded
	}
	defer conn.CloseNow()
	conn.SetReadLimit(4 << 10)

	// The library drops a connection without a close frame if the context of a
	// call ends. So ctx does not limit the calls: the frame says why it ended.
	connection, drop := context.WithCancel(context.WithoutCancel(ctx))
	defer drop()
	received := make(chan struct{})
	go func() {
		defer close(received)
		s.receive(ctx, connection, conn, r)
	}()
	sending, stop := context.WithCancel(ctx)
	defer stop()
	go func() { <-received; stop() }() // the client has closed the connection

	s.send(sending, lastSeen(r), func(m message) error {
		limited, cancel := context.WithTimeout(connection, writeTime)
		defer cancel()
		return wsjson.Write(limited, conn, m)
	}, func() error {
		limited, cancel := context.WithTimeout(connection, writeTime)
		defer cancel()
		return conn.Ping(limited)
	})
	code, reason := stream.CloseStatus(context.Cause(ctx))
	_ = conn.Close(websocket.StatusCode(code), reason) // fails if the client was faster
	s.log.Info("closed", "route", r.Pattern, "code", code, "reason", reason)
}

// receive says the messages of the client until the connection ends. After the
// end of ctx it ignores them.
func (s *server) receive(ctx, connection context.Context, conn *websocket.Conn, r *http.Request) {
	name := username(r)
	for {
		var in struct {
			Text string `json:"text"`
		}
		if err := wsjson.Read(connection, conn, &in); err != nil {
			return
		}
		if ctx.Err() == nil && in.Text != "" && len(in.Text) <= maxMessageBytes {
			s.room.say(name, in.Text)
		}
	}
}

// events serves Server-Sent Events. The last one is "end", whose data is the
// reason, such as token_expired.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	ctx, done := s.begin(r)
	defer done()
	control := http.NewResponseController(w)
	// The timeouts of the server are for short requests. The read timeout would
	// cancel the context of this one.
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would wait for more
	write := func(text string) error {
		if err := control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return err
		}
		if _, err := w.Write([]byte(text)); err != nil {
			return err
		}
		return control.Flush()
	}
	if write(": welcome\n\n") != nil { // the headers reach the client at once
		return
	}
	s.send(ctx, lastSeen(r), func(m message) error {
		data, err := json.Marshal(m) // has no line breaks
		if err != nil {
			return err
		}
		return write(fmt.Sprintf("id: %d\nevent: message\ndata: %s\n\n", m.ID, data))
	}, func() error {
		return write(": idle\n\n")
	})
	code, reason := stream.CloseStatus(context.Cause(ctx))
	_ = write("event: end\ndata: " + reason + "\n\n") // fails if the client is gone
	s.log.Info("closed", "route", r.Pattern, "code", code, "reason", reason)
}

// lastSeen returns the ID of the last message that the client has. EventSource
// sends the header when it connects again on its own.
func lastSeen(r *http.Request) int64 {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	id, _ := strconv.ParseInt(text, 10, 64) // 0, for all messages, if it is not a number
	return id
}
