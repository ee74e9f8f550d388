package rotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
	"github.com/seed-0a072700/jwtauth/internal/rotation"
)

func TestLifetimes(t *testing.T) {
	const (
		minute = time.Minute
		day    = 24 * time.Hour
	)
	type times = rotation.Lifetimes
	for _, c := range []struct {
		name     string
		in, want times
		faults   string // the fields at fault, in order
	}{
		{"defaults", times{15 * minute, 0, 0, 0}, times{15 * minute, 7 * day, 30 * day, 30 * time.Second}, ""},
		{"no window", times{15 * minute, 0, 0, -1}, times{15 * minute, 7 * day, 30 * day, 0}, ""},
		{"long idle time", times{15 * minute, 90 * day, 0, 0}, times{15 * minute, 90 * day, 90 * day, 30 * time.Second}, ""},
		{"short total", times{15 * minute, 0, day, 0}, times{15 * minute, day, day, 30 * time.Second}, ""},
		{"longest", times{15 * minute, 0, 3660 * day, 5 * minute}, times{15 * minute, 7 * day, 3660 * day, 5 * minute}, ""},
		{"too long", times{15 * minute, 0, 3660*day + 1, 5*minute + 1}, times{}, "ReuseWindow SessionTTL"},
		{"shortest", times{15 * minute, 17 * minute, 0, 0}, times{15 * minute, 17 * minute, 30 * day, 30 * time.Second}, ""},
		{"too short", times{15 * minute, 17*minute - 1, 0, 0}, times{}, "IdleTTL"},
		{"total too short", times{15 * minute, 0, 17*minute - 1, 0}, times{}, "SessionTTL"},
		{"both too short", times{15 * minute, 16*minute - 1, 16 * minute, 0}, times{}, "SessionTTL IdleTTL"},
		{"idle exceeds total", times{15 * minute, day + 1, day, 0}, times{}, "IdleTTL"},
		{"negative", times{15 * minute, -1, -1, 0}, times{}, "SessionTTL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f faults.Collector
			got := c.in
			got.Complete(&f)
			var fields []string
			if err := f.Err(); err != nil {
				for line := range strings.SplitSeq(err.Error(), "\n") {
					field, _, _ := strings.Cut(strings.TrimPrefix(line, "jwtauth: IssuerOptions."), ":")
					fields = append(fields, field)
				}
			}
			if strings.Join(fields, " ") != c.faults {
				t.Errorf("faults in %v, want %s", fields, c.faults)
			}
			if c.faults == "" && got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestCheckAccessTTL(t *testing.T) {
	const year = 366 * 24 * time.Hour
	for ttl, want := range map[time.Duration]bool{
		-time.Second: false, 0: false, 1: false, time.Second: true,
		1500 * time.Millisecond: false, year: true, year + time.Second: false,
	} {
		if err := rotation.CheckAccessTTL(ttl); (err == nil) != want {
			t.Errorf("%v: %v", ttl, err)
		}
	}
}
