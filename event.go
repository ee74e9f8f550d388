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
	EventLogin   EventKind = "login"   // A session was created.
	EventRefresh EventKind = "refresh" // Tokens were issued for a refresh token; Event.Reason has the details.
	EventReuse   EventKind = "reuse"   // An old refresh token was presented after its window, which is treated as theft: the session was ended.
	EventLogout  EventKind = "logout"  // A session was ended on request, if it was still active; without SessionID, all sessions of the subject.
	EventDenied  EventKind = "denied"  // The subject is disabled: the login was refused, or the session was ended.
)

// EventReason is the reason for an [Event] of a kind that has several.
type EventReason string

const (
	// ReasonRotated: the current refresh token was exchanged for a new one.
	ReasonRotated EventReason = "rotated"

	// ReasonRepeated: the current refresh token was presented shortly after it was
	// issued, such as by a second tab, and was returned again.
	ReasonRepeated EventReason = "repeated"

	// ReasonRetried: the previous refresh token was presented within its window, such
	// as by a client that lost the response, and the current one was returned.
	ReasonRetried EventReason = "retried"

	// ReasonAdopted: the refresh token was newer than the stored session, such as
	// after a failover or a restored backup, and the session was moved forward to it.
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
