package main

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/bench/internal/flood"
)

func someNetworks() (list []*flood.NetworkReport) {
	for _, origin := range flood.Origins {
		list = append(list, &flood.NetworkReport{
			Name: origin.Name, Before: flood.Latencies{time.Millisecond}, During: flood.Latencies{2 * time.Millisecond},
			Honest: 100, Served: 99, Checked: 7, Refused: 93,
		})
	}
	return list
}

// Each flood that must not refuse honest logins has a bar, and the slowest
// route counts.
func TestNetworkBars(t *testing.T) {
	f := figures{networks: someNetworks()}
	r := newReport(settings{}, f, 0)
	if err := r.err(); err != nil || len(r.rows) != 4 {
		t.Errorf("%d bars, %v", len(r.rows), err)
	}
	want := "| one IPv6 /48 | 99 of 100 | 7 | 93 | 1.00 ms, 1.00 ms | 2.00 ms, 2.00 ms |"
	if text := r.markdown(); !strings.Contains(text, want) {
		t.Errorf("the report lacks %q:\n%s", want, text)
	}
	for i, want := range []string{"one IPv6 /56", "one IPv6 /48", "device cookies"} {
		f.networks = someNetworks()
		f.networks[i].Served = 97
		if err := newReport(settings{}, f, 0).err(); err == nil || !strings.Contains(err.Error(), want+" ") && !strings.Contains(err.Error(), want+":") {
			t.Errorf("97 of 100 from %s: %v", flood.Origins[i].Name, err)
		}
	}
	f.networks = someNetworks()
	f.networks[3].During = flood.Latencies{6 * time.Millisecond}
	if err := newReport(settings{}, f, 0).err(); err == nil || !strings.Contains(err.Error(), "p99") {
		t.Errorf("a protected route that takes six times as long: %v", err)
	}
}

func TestAddNetworks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.json")
	if _, err := (figures{networks: someNetworks()}).addTo(file); err != nil {
		t.Fatal(err)
	}
	if all, err := (figures{}).addTo(file); err != nil || !reflect.DeepEqual(all.networks, someNetworks()) {
		t.Errorf("%+v, %v", all.networks, err)
	}
}
