package jwtauth

import (
	"context"

	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// Event is a change or a use of a session, for logs and alarms. It contains no
// token. IssuerOptions.OnEvent receives events after they have happened.
type Event struct {
	Kind      EventKind
	Reason    EventReason // set for [EventRefresh]; "" for other kinds
	Subject   string
	SessionID string // "" if the event concerns all sessions of the subject
}

// EventKind is the kind of an [Event].
type EventKind string

const (
	// EventLogin means that a session was created.
	EventLogin EventKind = "login"

	// EventRefresh means that tokens were issued for a refresh token.
	// Event.Reason says why.
	EventRefresh EventKind = "refresh"

	// EventReuse means that an old refresh token was presented after its
	// window, which is treated as theft: the session was ended.
	EventReuse EventKind = "reuse"

	// EventLogout means that a session was ended on request, unless it had
	// ended before. Without a SessionID, it means all sessions of the subject.
	EventLogout EventKind = "logout"

	// EventDenied means that the subject is disabled: the login was refused, or
	// the session was ended.
	EventDenied EventKind = "denied"
)

// EventReason is the reason for an [Event] of a kind that has several.
type EventReason string

const (
	// ReasonRotated means that the current refresh token was exchanged for a
	// new one.
	ReasonRotated EventReason = "rotated"

	// ReasonRepeated means that the current refresh token was presented again
	// shortly after the last rotation, such as by a second tab, and stays
	// current.
	ReasonRepeated EventReason = "repeated"

	// ReasonRetried means that the previous refresh token was presented within
	// its window, such as by a client that lost the response, and that the
	// current one was returned.
	ReasonRetried EventReason = "retried"

	// ReasonAdopted means that the refresh token was newer than the stored
	// session, such as after a failover or a restored backup, and that the
	// session was moved forward to it.
	ReasonAdopted EventReason = "adopted"
)

// refreshReasons gives the reason for each step that issues tokens.
var refreshReasons = map[rotation.Step]EventReason{
	rotation.Rotate: ReasonRotated,
	rotation.Repeat: ReasonRepeated,
	rotation.Retry:  ReasonRetried,
	rotation.Adopt:  ReasonAdopted,
}

// emit passes an event to IssuerOptions.OnEvent.
func (i *Issuer) emit(ctx context.Context, e Event) {
	if i.onEvent != nil {
		i.onEvent(ctx, e)
	}
}
