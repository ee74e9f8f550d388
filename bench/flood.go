package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
)

// floods are the reports of two servers, with bounded and with unbounded
// password checks.
type floods struct {
	bounded, unbounded *flood.Report
}

const floodName = "op=flood"

// floodPlan takes four minutes for both servers. A bar of 98 % needs about a
// hundred honest logins.
var floodPlan = flood.Plan{
	Flooders: 32, Pause: 50 * time.Millisecond, Rate: 5 * time.Millisecond,
	Rounds: 5, Idle: 2 * time.Second, Settle: time.Second, Saturated: 5 * time.Second,
	Honest: 3, Fair: 150 * time.Second,
}

func runFlood(ctx context.Context, progress io.Writer) (*floods, error) {
	fmt.Fprintln(progress, "login flood, bounded")
	bounded, err := flood.Run(ctx, flood.BoundedCommand, floodPlan)
	if err != nil {
		return nil, err
	}
	plan := floodPlan
	plan.Fair = 0
	fmt.Fprintln(progress, "login flood, unbounded")
	unbounded, err := flood.Run(ctx, flood.UnboundedCommand, plan)
	if err != nil {
		return nil, err
	}
	return &floods{bounded, unbounded}, nil
}

const networksName = "op=networks"

// networkPlan takes two minutes for all origins. 50 users log in once every 10
// seconds, as often as the queue of known devices allows.
var networkPlan = flood.NetworkPlan{
	Every: time.Millisecond, Honest: 200 * time.Millisecond, Users: 50, Rate: 5 * time.Millisecond,
	Before: 8 * time.Second, Settle: time.Second, During: 19 * time.Second,
}
