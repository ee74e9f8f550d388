package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/node"
	"github.com/seed-0a072700/jwtauth/bench/internal/servers"
)

// serversName begins the names of the measurements of whole servers.
const serversName = "op=server"

func serverName(name string) string { return serversName + "/impl=" + name + "/alg=HS256" }

// serverCPU is the CPU time of the server per request; [serverName] is the time
// from one request to the next.
func serverCPU(name string) string { return serverName(name) + "/cpu" }

const (
	serverRounds = 16
	serverTime   = 250 * time.Millisecond
)

// runServers drives the servers in turn. Those for Node are missing if Node is.
func runServers(rounds int, each time.Duration, progress io.Writer, into results) error {
	running := make(map[string]*servers.Server)
	defer func() {
		for _, s := range running {
			s.Close()
		}
	}()
	for _, name := range servers.Names {
		s, err := servers.Start(name)
		if errors.Is(err, node.ErrMissing) {
			fmt.Fprintf(progress, "%s: %v\n", name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("server %s: %w", name, err)
		}
		running[name] = s
		into[serverName(name)], into[serverCPU(name)] = new(series), new(series)
		if _, _, _, err := s.Run(4 * each); err != nil { // warms up
			return fmt.Errorf("server %s: %w", name, err)
		}
	}
	for round := range rounds {
		fmt.Fprintf(progress, "servers: round %d of %d\n", round+1, rounds)
		for i := range servers.Names {
			name := servers.Names[(i+round)%len(servers.Names)]
			s := running[name]
			if s == nil {
				continue
			}
			served, elapsed, cpu, err := s.Run(each)
			if err != nil {
				return fmt.Errorf("server %s: %w", name, err)
			}
			if served == 0 {
				return fmt.Errorf("server %s: no request was served", name)
			}
			into[serverName(name)].ns = append(into[serverName(name)].ns, float64(elapsed)/float64(served))
			into[serverCPU(name)].ns = append(into[serverCPU(name)].ns, float64(cpu)/float64(served))
		}
	}
	return nil
}
