package flood

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Commands that this program must pass to [Serve], and one for [ServeNetworks].
const (
	BoundedCommand   = "flood-server"
	UnboundedCommand = "flood-server-unbounded"
	NetworksCommand  = "flood-server-networks"
)

// Run starts this program as a server in a second process, measures it under
// load, and stops it.
func Run(ctx context.Context, command string, plan Plan) (report *Report, err error) {
	err = withServer(ctx, command, func(ctx context.Context, hello Hello) error {
		report, err = Load(ctx, hello, plan)
		return err
	})
	return report, err
}

// RunNetworks does the same with a flood from each of the origins, and one
// server for all of them.
func RunNetworks(ctx context.Context, origins []Origin, plan NetworkPlan) (reports []*NetworkReport, err error) {
	err = withServer(ctx, NetworksCommand, func(ctx context.Context, hello Hello) error {
		for _, origin := range origins {
			report, err := LoadNetworks(ctx, hello, origin, plan)
			if err != nil {
				return fmt.Errorf("flood from %s: %w", origin.Name, err)
			}
			reports = append(reports, report)
		}
		return nil
	})
	return reports, err
}

// withServer calls do while a server runs, for at most five minutes.
func withServer(ctx context.Context, command string, do func(ctx context.Context, hello Hello) error) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	server := exec.CommandContext(ctx, program, command)
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		return err
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	var hello Hello
	if err = json.NewDecoder(out).Decode(&hello); err == nil {
		err = do(ctx, hello)
	}
	_ = in.Close()
	if ended := server.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("flood server: %w", ended)
	}
	return err
}
