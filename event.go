package jwtauth

import (
	"context"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

// Event is a change or a use of a session, for logs and alarms. It contains no
// token. IssuerOptions.OnEvent receives events after they have happened.
type Event struct {
	Kind      EventKind
	Reason    EventReason // "" for [EventLogin], and for [EventLogout] on request
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

	// EventLogout means that a session was ended, on request or for the reason
	// in Event.Reason. [Issuer.Logout] causes it even if the session had ended
	// before. Without a SessionID, it means all sessions of the subject.
	EventLogout EventKind = "logout"

	// EventDenied means that the login was refused, or the session was ended,
	// because the subject is disabled or its credential was changed.
	// Event.Reason says which.
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

	// ReasonUpdated means that [RefreshOption] values changed the session. The
	// refresh token stays current.
	ReasonUpdated EventReason = "updated"

	// ReasonLateRetry is for [EventReuse]: the refresh token before the current
	// one was presented after its window. That may be a client that lost a
	// response and came back late, or a thief.
	ReasonLateRetry EventReason = "late_retry"

	// ReasonStolen is for [EventReuse]: the presented refresh token is older
	// still, so its successor was exchanged as well. At least two parties hold
	// tokens of the session. A thief who comes after only one exchange causes
	// ReasonLateRetry: raise the alarm for both.
	ReasonStolen EventReason = "stolen"

	// ReasonDisabled is for [EventDenied]: a callback returned
	// [ErrSubjectDisabled].
	ReasonDisabled EventReason = "disabled"

	// ReasonCredentialChanged is for [EventDenied]: the password, or another
	// credential, was changed (see IssuerOptions.CredentialVersion).
	ReasonCredentialChanged EventReason = "credential_changed"

	// ReasonLimit is for [EventLogout]: the session was ended because a later
	// login exceeded IssuerOptions.MaxSessions.
	ReasonLimit EventReason = "limit"

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

// Verification is the outcome of one call of VerifyToken, for metrics and
// traces. It contains nothing of the token. VerifierOptions.OnVerify receives
// it.
type Verification struct {
	// Code is the Code of [ProblemOf] for the error, such as "token_expired".
	// It is "" if the token was accepted, and only then.
	Code string

	// Algorithm is that of the token's header, or "" if it is not supported, or
	// if the header was not read.
	Algorithm Algorithm

	// Cached is true if the token was remembered, so that its signature was not
	// computed again.
	Cached bool

	// Duration is how long VerifyToken took, Check and the time for fetching
	// keys included.
	Duration time.Duration
}
