package flood

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// Commands that this program must pass to [Serve].
const (
	BoundedCommand   = "flood-server"
	UnboundedCommand = "flood-server-unbounded"
)

// Run starts this program as a server in a second process, measures it under
// load, and stops it.
func Run(ctx context.Context, command string, plan Plan) (*Report, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	server := exec.CommandContext(ctx, program, command)
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	var hello Hello
	var report *Report
	if err = json.NewDecoder(out).Decode(&hello); err == nil {
		report, err = Load(ctx, hello, plan)
	}
	_ = in.Close()
	if ended := server.Wait(); err == nil && ended != nil {
		err = fmt.Errorf("flood server: %w", ended)
	}
	return report, err
}
