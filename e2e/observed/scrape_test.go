package observed_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sample is a line of a scrape.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// scrape is what Prometheus reads.
type scrape []sample

var (
	line  = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? (\S+)$`)
	label = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

func (p *program) scrape(t *testing.T) scrape {
	t.Helper()
	response := p.get(t, "/metrics", "")
	response.want(t, "GET /metrics", 200, "")
	var samples scrape
	for text := range strings.Lines(response.body) {
		if strings.HasPrefix(text, "#") {
			continue
		}
		parts := line.FindStringSubmatch(strings.TrimSuffix(text, "\n"))
		if parts == nil {
			t.Fatalf("a line of the scrape is malformed: %q", text)
		}
		value, err := strconv.ParseFloat(parts[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		labels := make(map[string]string)
		for _, match := range label.FindAllStringSubmatch(parts[2], -1) {
			labels[match[1]] = match[2]
		}
		samples = append(samples, sample{parts[1], labels, value})
	}
	return samples
}

// tally counts events by the name of their series.
type tally map[string]float64

// key returns the name of a series: the metric, and its labels in order.
func key(metric string, labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, labels[name]))
	}
	return metric + "{" + strings.Join(parts, ",") + "}"
}

// add counts an event. Labels with an empty value are left out, as a scrape
// does.
func (c tally) add(metric string, labels map[string]string) {
	maps.DeleteFunc(labels, func(_, value string) bool { return value == "" })
	c[key(metric, labels)]++
}

func (c tally) verified(code, algorithm string, cached bool) {
	c.add("jwtauth_verification_duration_seconds_count",
		map[string]string{"error_type": code, "jwtauth_algorithm": algorithm, "jwtauth_cached": strconv.FormatBool(cached)})
}

func (c tally) refused(code string) {
	c.add("jwtauth_refusals_total", map[string]string{"error_type": code})
}

func (c tally) session(event, reason string) {
	c.add("jwtauth_session_events_total", map[string]string{"jwtauth_session_event": event, "jwtauth_session_reason": reason})
}

// counts returns the counters and counts of a scrape. These are all series,
// except the parts of histograms, times, and the state of the scrape.
func (s scrape) counts() tally {
	counts := make(tally)
	for _, sample := range s {
		counted := strings.HasPrefix(sample.name, "jwtauth_") &&
			!strings.HasSuffix(sample.name, "_bucket") && !strings.HasSuffix(sample.name, "_sum") &&
			sample.name != "jwtauth_keys_age_seconds" && sample.name != "jwtauth_password_waited_seconds_total"
		if counted {
			counts[key(sample.name, sample.labels)] = sample.value
		}
	}
	return counts
}

// age returns the age of the keys in seconds, or -1 if there is none.
func (s scrape) age() float64 {
	for _, sample := range s {
		if sample.name == "jwtauth_keys_age_seconds" && sample.labels["jwtauth_keys_source"] == "provider" {
			return sample.value
		}
	}
	return -1
}

// differences returns the series in which two tallies differ.
func differences(got, want tally) string {
	all := maps.Clone(got)
	maps.Copy(all, want)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if got[name] != want[name] {
			fmt.Fprintf(&text, "%s is %v, want %v\n", name, got[name], want[name])
		}
	}
	return text.String()
}

// wantCounts compares the metrics with the events that happened. A fetch that
// is still running is waited for. want is called again for each comparison.
func (p *program) wantCounts(t *testing.T, want func() tally) scrape {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		got := p.scrape(t)
		different := differences(got.counts(), want())
		if different == "" {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("the metrics differ from the events:\n%s", different)
		}
		<-time.After(pause)
	}
}
