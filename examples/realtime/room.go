package main

import (
	"sync"
	"time"
)

// message is one line of the room. IDs rise by one, so that a client which
// connects again can name the last message that it has.
type message struct {
	ID   int64     `json:"id"`
	From string    `json:"from"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

const (
	maxMessages     = 100 // that are kept
	maxMessageBytes = 500
)

// room holds the last messages. The zero value is not ready: use newRoom. A
// connection waits for the channel that after returns, so a slow one costs the
// room nothing: it misses messages only if it is more than maxMessages behind.
type room struct {
	mu       sync.Mutex
	messages []message
	last     int64
	changed  chan struct{} // closed at the next message
}

func newRoom() *room { return &room{changed: make(chan struct{})} }

func (r *room) say(from, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	r.messages = append(r.messages, message{r.last, from, text, time.Now().UTC()})
	if len(r.messages) > maxMessages {
		r.messages = append([]message(nil), r.messages[1:]...)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// after returns the messages after the one with this ID, and a channel that is
// closed at the next one.
func (r *room) after(id int64) ([]message, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, m := range r.messages {
		if m.ID > id {
			return append([]message(nil), r.messages[i:]...), r.changed
		}
	}
	return nil, r.changed
}
