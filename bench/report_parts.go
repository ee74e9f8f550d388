package main

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
	"github.com/seed-0a072700/jwtauth/bench/internal/node"
	"github.com/seed-0a072700/jwtauth/bench/internal/servers"
)

// aloneTable compares libraries for Go and Node, without HTTP.
func (r *report) aloneTable(b *strings.Builder) {
	if r.figures.results[aloneName("ours", "HS256")] == nil {
		return
	}
	fmt.Fprintf(b, `## Verification alone, repeated token

Go and Node verify the same token in turns of the same rounds. Node is one process, and gets a
command per round. Versions: fast-jwt %s, jsonwebtoken %s, jose %s. "ours-decoded" and all others
also decode the private claims. Time, ratio to ours.

| | %s |
|%s
`, node.Version("fast-jwt"), node.Version("jsonwebtoken"), node.Version("jose"),
		strings.Join(fixture.Algorithms, " | "), strings.Repeat(" --- |", len(fixture.Algorithms)+1))
	for _, a := range verifyAlone {
		line := "| " + a.name
		for _, alg := range fixture.Algorithms {
			s, ours := r.figures.results[aloneName(a.name, alg)], r.figures.results[aloneName("ours", alg)]
			line += " | "
			if s == nil || ours == nil {
				continue
			}
			line += microseconds(typical(s.ns))
			if s != ours {
				line += fmt.Sprintf(" (%s)", times(ratio(s, ours)))
			}
		}
		b.WriteString(line + " |\n")
	}
	b.WriteString("\n")
}

// serverTable compares whole servers.
func (r *report) serverTable(b *strings.Builder) {
	ours := r.figures.results[serverCPU("ours")]
	if ours == nil {
		return
	}
	fmt.Fprintf(b, `## Whole servers

Each server is a process of its own, with one protected route that responds with the subject and a
private claim. All get the same HS256 token; examples/login gets one of its own. %d connections send
one request after the other. The CPU time is that of the server's process. The servers take turns in
%d rounds of %v. Clients and servers share the CPUs. @fastify/jwt has its cache on, and jsonwebtoken
takes most of the time of the Express tutorial. Versions: Fastify %s, @fastify/jwt %s, Express %s,
jsonwebtoken %s.

| | CPU time per request | ratio to ours | requests/s |
| --- | --- | --- | --- |
`, servers.Connections, serverRounds, serverTime, node.Version("fastify"), node.Version("@fastify/jwt"), node.Version("express"), node.Version("jsonwebtoken"))
	for _, name := range servers.Names {
		cpu, wall := r.figures.results[serverCPU(name)], r.figures.results[serverName(name)]
		if cpu != nil && wall != nil {
			fmt.Fprintf(b, "| %s | %s | %s | %.0f |\n", name, microseconds(typical(cpu.ns)), times(ratio(cpu, ours)), 1e9/typical(wall.ns))
		}
	}
	b.WriteString("\n")
}

// decodeTable shows the cost of private claims, and the rate of hits.
func (r *report) decodeTable(b *strings.Builder) {
	row := func(text, name string) {
		if s := r.figures.results[name]; s != nil {
			fmt.Fprintf(b, "| %s | %s, %.3g |\n", text, microseconds(typical(s.ns)), median(s.allocs))
		}
	}
	if r.figures.results[decodeName("get/all")] != nil {
		b.WriteString("## Private claims, HS256\n\nTime, allocations.\n\n| | |\n| --- | --- |\n")
		row("request, repeated token with four private claims", decodeName("account/undecoded"))
		row("the same, decoded with `ClaimsAs`", decodeName("account/decoded"))
		row("request, repeated token with four private claims, one a list", decodeName("membership/undecoded"))
		row("the same, decoded with `ClaimsAs`", decodeName("membership/decoded"))
		row("`ClaimsAs` of ten claims of a token that is not remembered", decodeName("get/all"))
		row("`Claims.Get` of one string", decodeName("get/string"))
		row("`Claims.Get` of one number", decodeName("get/number"))
		row("`Claims.Get` of one list of strings", decodeName("get/strings"))
		b.WriteString("\n")
	}
	if len(r.figures.hits) > 0 {
		b.WriteString("## Hit rate\n\n1,000 tokens keep coming back among 1,000,000 that are used once. HS256, the default cache.\n\n| uses of each | hits |\n| --- | --- |\n")
		for _, h := range r.figures.hits {
			fmt.Fprintf(b, "| %d | %v |\n", h.Uses, h)
		}
		b.WriteString("\n")
	}
}

// growthTable shows the cost as the work grows.
func (r *report) growthTable(b *strings.Builder) {
	var body strings.Builder
	row := func(title string, sizes []int, name func(n int) string) {
		line, found := "| "+title, false
		for _, n := range sizes {
			line += fmt.Sprintf(" | %d: ", n)
			if s := r.figures.results[name(n)]; s != nil {
				line += cost(s)
				found = true
			}
		}
		if found {
			body.WriteString(line + strings.Repeat(" |", 5-len(sizes)) + "\n")
		}
	}
	for _, g := range growths {
		row(g.work, g.sizes, func(n int) string { return growthName(g.work, n) })
	}
	for _, s := range liveStores {
		for _, delay := range liveDelays {
			row("sessions, Live with "+s.title+", "+delay, liveSizes, func(n int) string { return liveName(s.name, delay, n) })
		}
	}
	if body.Len() == 0 {
		return
	}
	fmt.Fprintf(b, `## Cost as the work grows

HS256, one verification without HTTP. Time, bytes, allocations. Tokens of many keys and issuers are
used in turn, without a cache. Of the sessions in a store, a hundred are used. Goroutines share %d
CPUs, and the time is that from one verification to the next.

| work | | | | |
| --- | --- | --- | --- | --- |
%s
`, runtime.GOMAXPROCS(0), body.String())
}

func (r *report) cacheTable(b *strings.Builder) {
	c := r.figures.cache
	if c == nil {
		return
	}
	mib := func(n uint64) float64 { return float64(n) / (1 << 20) }
	fmt.Fprintf(b, `## The cache under %d different tokens

EdDSA, %d bytes, the default cache. Both sides get the same tokens in turns of %d. Each is used once,
so it is recorded but not remembered.

| | |
| --- | --- |
| with the cache | %s |
| without | %s |
| heap in use before, after the first %d, at the end | %.1f, %.1f, %.1f MiB |

`, c.tokens, fixture.Small, cacheChunk, microseconds(typical(c.on.ns)), microseconds(typical(c.off.ns)), 2*cacheChunk, mib(c.before), mib(c.filled), mib(c.after))
}

func (r *report) floodTable(b *strings.Builder) {
	f := r.figures.floods
	if f == nil {
		return
	}
	plan := floodPlan
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }
	fmt.Fprintf(b, `## Login flood

A server runs as its own process. %d clients log in without end from one address, and pause %v
after a 503. Meanwhile the protected route gets a request every %v, without waiting for responses.
%d clients with their own addresses log in now and then; together they use a quarter of the server's
capacity. "Unbounded" is the same server that calls bcrypt directly. Idle and saturated phases
alternate %d times, and times are medians over these.

| | CheckPassword | unbounded |
| --- | --- | --- |
`, plan.Flooders, plan.Pause, plan.Rate, plan.Honest, plan.Rounds)
	both := func(of func(q float64) time.Duration) string { return ms(of(0.5)) + ", " + ms(of(0.99)) }
	line := func(figure, bounded, unbounded string) {
		fmt.Fprintf(b, "| %s | %s | %s |\n", figure, bounded, unbounded)
	}
	line("protected route idle, p50 and p99", both(f.bounded.Idle), both(f.unbounded.Idle))
	line("while logins are saturated", both(f.bounded.Saturated), both(f.unbounded.Saturated))
	line("logins/s meanwhile", fmt.Sprintf("%.2f", f.bounded.LoginsPerSecond()), fmt.Sprintf("%.2f", f.unbounded.LoginsPerSecond()))
	line("one bcrypt, server idle", ms(f.bounded.Bcrypt), ms(f.unbounded.Bcrypt))
	line("concurrent password checks", fmt.Sprint(f.bounded.MaxConcurrent), "any number")
	line("logins refused with 503 meanwhile", fmt.Sprint(f.bounded.Refused), fmt.Sprint(f.unbounded.Refused))
	line("honest logins served under the flood", fmt.Sprintf("%d of %d", f.bounded.Served, f.bounded.Honest), "not measured")
	b.WriteString("\n")
}

func (r *report) networksTable(b *strings.Builder) {
	if len(r.figures.networks) == 0 {
		return
	}
	plan := networkPlan
	perSecond := func(every time.Duration) float64 { return 1 / every.Seconds() }
	fmt.Fprintf(b, `## Floods from many networks

The server of the ready-made login, with a guard and behind a proxy, gets %.0f logins per second for
%v, each with another user name. It checks about 16 passwords per second: one at a time at cost
10, which is as many as four at a time at cost 12. Meanwhile %d honest users log in %.0f times per
second together, and the protected route gets %.0f requests per second. Before the flood it does so
for %v, with the logins of the honest users.

| flood from | honest logins served | passwords of the flood that were checked | its logins refused with 503 | protected route before, p50 and p99 | during the flood |
| --- | --- | --- | --- | --- | --- |
`, perSecond(plan.Every), plan.Settle+plan.During, plan.Users, perSecond(plan.Honest), perSecond(plan.Rate), plan.Before)
	both := func(l flood.Latencies) string {
		return fmt.Sprintf("%.2f ms, %.2f ms", float64(l.P(0.5))/1e6, float64(l.P(0.99))/1e6)
	}
	for _, f := range r.figures.networks {
		fmt.Fprintf(b, "| %s | %d of %d | %d | %d | %s | %s |\n", f.Name, f.Served, f.Honest, f.Checked, f.Refused, both(f.Before), both(f.During))
	}
	b.WriteString("\n")
}
