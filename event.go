package jwtauth

import "context"

// Event is something that happened to a session, for logs and alarms. It holds no token.
type Event struct {
	Kind      EventKind
	Subject   string
	SessionID string
}

// EventKind says what happened.
type EventKind string

const (
	EventLogin     EventKind = "login"     // a session began
	EventRefresh   EventKind = "refresh"   // its tokens were exchanged
	EventCoalesced EventKind = "coalesced" // a refresh was answered like another one shortly before
	EventRecovered EventKind = "recovered" // a client came back that had missed an answer
	EventAdopted   EventKind = "adopted"   // the store had lost what a token proves: it failed over, or a backup was restored
	EventReuse     EventKind = "reuse"     // a token came back late: somebody has a copy; the session was ended
	EventLogout    EventKind = "logout"    // a session was ended on request, if it was not over; without SessionID, all of the subject's
	EventDenied    EventKind = "denied"    // the subject may no longer log in; the session, if there was one, was ended
)

var stepEvents = map[step]EventKind{
	stepRotate:   EventRefresh,
	stepCoalesce: EventCoalesced,
	stepRecover:  EventRecovered,
	stepAdopt:    EventAdopted,
}

func (i *Issuer) tell(ctx context.Context, kind EventKind, s Session) {
	if i.onEvent != nil {
		i.onEvent(ctx, Event{Kind: kind, Subject: s.Subject, SessionID: s.ID})
	}
}
