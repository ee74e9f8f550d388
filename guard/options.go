package guard

import (
	"context"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/credentials"
	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// Options configures [New]. Only Secret is required. Literals must be keyed.
type Options struct {
	_ struct{}

	// Secret signs device cookies: at least 32 random bytes, the same in all
	// instances of the service and after a restart. With another secret, all
	// devices are unknown. Other services need another one, even for tests:
	// anyone who may register "ada" there would have known devices for "ada" of
	// this service.
	Secret []byte

	// OldSecrets are earlier secrets, at most 4, whose cookies are still
	// accepted. Remove a secret DeviceTTL after it was replaced. Do not list
	// one that others may know: they could make devices without limit. With
	// several instances, list the next secret in all of them before it becomes
	// Secret in the first one.
	OldSecrets [][]byte

	// Store holds the counters. Several instances need a shared store, such as
	// those of packages sqlstore and redisstore. Default: [NewMemory] with a
	// million entries.
	Store Store

	// Account returns the account that a user name belongs to. Two user names
	// that log in to the same account must have the same result, or each
	// spelling has a budget of its own: fold at least as much as the lookup of
	// the user does. The result may be any text, and should be short. It must
	// be safe for concurrent use and must not depend on whether the account
	// exists. Default: [Fold].
	//
	// Users of one account share its budget and Reset. So do not register a
	// user name whose account another user has.
	Account func(username string) string

	// Failures is the budget: how many attempts may fail in Window before a
	// pause. From 3 to 1,000. Default: 10.
	Failures int

	// Window is the time in which Failures are counted at first. From 1 minute
	// to 24 hours. Default: 15 minutes.
	Window time.Duration

	// MaxPause is the longest pause. From twice Window to 7 days. Default: 24
	// hours.
	//
	// The clocks of the instances must not differ by more than MaxPause: an
	// attacker who reaches two such instances in turn begins a new budget each
	// time. A smaller difference gives an attacker as many attempts as if it
	// had passed, once, and pauses an account for longer by the difference at
	// the instances whose clocks are slow.
	MaxPause time.Duration

	// DeviceTTL is how long a device stays known after its last login. From 1
	// day to 400 days, the limit of browsers. Default: 180 days.
	DeviceTTL time.Duration

	// CookieName is part of the name of the device cookie: "__Host-NAME". At
	// most 128 bytes. Cookies are shared by all ports of a host, so services on
	// one host need different names. Guards with different names do not accept
	// each other's cookies. Default: "jwtauth-device".
	CookieName string

	// Header, if not empty, is a header for clients without cookies. A client
	// that sends it, empty at first, gets the value of the device cookie in the
	// same header of the response, and no cookie. It stores the value and sends
	// it with the next login. Guards of one service need different headers.
	// Default: cookies only.
	Header string

	// InsecureHTTP omits Secure and the prefix of the cookie, for development
	// on a server without TLS.
	InsecureHTTP bool

	// AdmitInOutage lets unknown devices log in while the store fails. Each
	// process then counts by itself. Default: they are refused. Known devices
	// are admitted in both cases, and each process counts them by itself.
	AdmitInOutage bool

	// OnEvent, if not nil, is called synchronously after each event. It should
	// return quickly and must be safe for concurrent use.
	OnEvent func(ctx context.Context, e Event)
}

const (
	minSecretBytes = 32
	maxOldSecrets  = 4
	maxCookieName  = 128

	day          = 24 * time.Hour
	maxDeviceTTL = 400 * day
)

// withDefaults returns the options with defaults filled in, or all faults.
func (o Options) withDefaults() (Options, error) {
	var f faults.Collector
	if len(o.Secret) < minSecretBytes {
		f.Add("guard.Options.Secret", "has %d bytes; at least %d random ones are required", len(o.Secret), minSecretBytes)
	}
	if len(o.OldSecrets) > maxOldSecrets {
		f.Add("guard.Options.OldSecrets", "has %d elements; the maximum is %d", len(o.OldSecrets), maxOldSecrets)
	}
	for _, secret := range o.OldSecrets {
		if len(secret) < minSecretBytes {
			f.Add("guard.Options.OldSecrets", "has an element of %d bytes; at least %d are required", len(secret), minSecretBytes)
		}
	}
	switch {
	case o.Store == nil:
		o.Store = NewMemory(0)
	case faults.IsNil(o.Store):
		f.Add("guard.Options.Store", "is a nil pointer")
	}
	if o.Account == nil {
		o.Account = Fold
	}
	o.Failures = f.Int("guard.Options.Failures", o.Failures, 10, 3, 1000)
	o.Window = f.Duration("guard.Options.Window", o.Window, 15*time.Minute, time.Minute, day)
	o.MaxPause = f.Duration("guard.Options.MaxPause", o.MaxPause, max(day, 2*o.Window), 2*o.Window, 7*day)
	o.DeviceTTL = f.Duration("guard.Options.DeviceTTL", o.DeviceTTL, 180*day, day, maxDeviceTTL)
	if o.CookieName == "" {
		o.CookieName = "jwtauth-device"
	}
	checkCookieName(&f, o.CookieName)
	if !o.InsecureHTTP {
		o.CookieName = "__Host-" + o.CookieName
	}
	if o.Header != "" && !credentials.IsName(o.Header) {
		f.Add("guard.Options.Header", "is not a header name (RFC 9110, section 5.1)")
	}
	return o, f.Err()
}

func checkCookieName(f *faults.Collector, name string) {
	const path = "guard.Options.CookieName"
	if !credentials.IsName(name) {
		f.Add(path, "is not a cookie name (RFC 6265, section 4.1.1)")
	}
	if len(name) > maxCookieName {
		f.Add(path, "is %d bytes long; the maximum is %d", len(name), maxCookieName)
	}
	if lower := strings.ToLower(name); strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-") {
		f.Add(path, "has a prefix; guard adds the right one")
	}
}
