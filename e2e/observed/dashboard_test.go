package observed_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// panel is the part of a panel of Grafana that matters here.
type panel struct {
	Title   string
	Type    string
	Targets []target
}

type target struct{ Expr string }

var (
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
	selector = regexp.MustCompile(`\b(jwtauth_\w+)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
)

// alerts returns the alerts in the README of the example, as a panel.
func alerts(t *testing.T) panel {
	t.Helper()
	text, err := os.ReadFile("../../examples/observed/README.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := panel{Title: "alerts of the README"}
	for _, match := range regexp.MustCompile(`(?m)^ +expr: (.*)$`).FindAllStringSubmatch(string(text), -1) {
		alerts.Targets = append(alerts.Targets, target{match[1]})
	}
	return alerts
}

// dashboardOf checks the queries of dashboard.json and of the alerts. It
// returns those metrics and labels that the scrape does not have.
func dashboardOf(t *testing.T, s scrape) (missing string) {
	t.Helper()
	text, err := os.ReadFile("../../examples/observed/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		Panels []panel
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	dashboard.Panels = append(dashboard.Panels, alerts(t))
	metrics, labels := make(map[string]bool), make(map[string]bool)
	for _, sample := range s {
		metrics[sample.name] = true
		for name := range sample.labels {
			labels[name] = true
		}
	}
	var wrong []string
	queried := make(map[string]bool)
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			for _, group := range grouping.FindAllStringSubmatch(target.Expr, -1) {
				for name := range strings.SplitSeq(group[1], ",") {
					if name = strings.TrimSpace(name); !labels[name] {
						wrong = append(wrong, panel.Title+": "+name)
					}
				}
			}
			for _, match := range selector.FindAllStringSubmatch(grouping.ReplaceAllString(target.Expr, ""), -1) {
				queried[match[1]] = true
				if !metrics[match[1]] || !s.selects(t, match[1], match[2]) {
					wrong = append(wrong, panel.Title+": "+match[0])
				}
			}
		}
		if panel.Type != "row" && len(panel.Targets) == 0 {
			wrong = append(wrong, panel.Title+": no query")
		}
	}
	// Histograms have three names, and one is enough to see them.
	for name := range metrics {
		if strings.HasPrefix(name, "jwtauth_") && !strings.HasSuffix(name, "_sum") && !queried[name] {
			wrong = append(wrong, "no query of "+name)
		}
	}
	return strings.Join(wrong, "; ")
}

// selects reports whether a sample of a metric has the labels that a query
// demands.
func (s scrape) selects(t *testing.T, metric, matchers string) bool {
	t.Helper()
	for _, sample := range s {
		if sample.name == metric && sample.matches(t, matchers) {
			return true
		}
	}
	return false
}

func (s sample) matches(t *testing.T, matchers string) bool {
	t.Helper()
	for _, m := range matcher.FindAllStringSubmatch(matchers, -1) {
		value, want := s.labels[m[1]], m[3]
		var fits bool
		switch m[2] {
		case "=":
			fits = value == want
		case "!=":
			fits = value != want
		default:
			found, err := regexp.MatchString("^(?:"+want+")$", value)
			if err != nil {
				t.Fatal(err)
			}
			fits = found == (m[2] == "=~")
		}
		if !fits {
			return false
		}
	}
	return true
}
