package guard

import "context"

// Event is a reason for an alarm. Use only Kind as the label of a metric,
// because an attacker chooses the accounts.
type Event struct {
	Kind EventKind

	// Account is the account as Options.Account returned it, whether it exists
	// or not. It is empty for EventOutage.
	Account string

	Err error // of the store, for EventOutage
}

// EventKind is the kind of an [Event].
type EventKind string

const (
	// EventAccountPaused means that unknown devices have used up the budget of
	// an account: it is probably under attack.
	EventAccountPaused EventKind = "account_paused"

	// EventDevicePaused means that a known device has used up its budget and
	// is no longer trusted until its pause is over. Its user has forgotten the
	// password, or someone has copied its cookie.
	EventDevicePaused EventKind = "device_paused"

	// EventOutage means that the store has failed. It is sent again only after
	// the store has worked in between.
	EventOutage EventKind = "outage"
)

func (g *Guard) emit(ctx context.Context, e Event) {
	if g.opts.OnEvent != nil {
		g.opts.OnEvent(ctx, e)
	}
}

// emitPause reports that a counter has no attempt left.
func (g *Guard) emitPause(ctx context.Context, a *attempt) {
	kind := EventAccountPaused
	if a.device != (device{}) {
		kind = EventDevicePaused
	}
	g.emit(ctx, Event{Kind: kind, Account: a.account})
}

func (g *Guard) emitOutage(ctx context.Context, err error) {
	if !g.outage.active.Swap(true) {
		g.emit(ctx, Event{Kind: EventOutage, Err: err})
	}
}
