package numericdate_test

import (
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/numericdate"
)

func TestParse(t *testing.T) {
	for number, want := range map[string]time.Time{
		"0": time.Unix(0, 0), "-0": time.Unix(0, 0), "1800000000": time.Unix(1800000000, 0), "18e8": time.Unix(1800000000, 0),
		"1800000000.5": time.Unix(1800000000, 500e6), "-1.5": time.Unix(-2, 500e6),
		"253402300799": time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "-62135596800": {},
	} {
		if got, ok := numericdate.Parse(number); !ok || !got.Equal(want) {
			t.Errorf("%s is read as %v, %v, want %v", number, got, ok, want)
		}
	}
	for _, number := range []string{"253402300800", "253402300799.5", "999999999999", "1800000000000", "-62135596801", "1e999"} {
		if got, ok := numericdate.Parse(number); ok {
			t.Errorf("%s is read as %v, want none", number, got)
		}
	}
}

func TestFault(t *testing.T) {
	for want, values := range map[error][]string{
		numericdate.ErrString:    {`"1800000000"`, `"2026-01-01"`, `""`},
		numericdate.ErrNotNumber: {`null`, `true`, `{}`, `[1]`},
		numericdate.ErrMillis:    {"253402300800", "1800000000000", "1.8e12", "99999999999999"},
		numericdate.ErrMicros:    {"1800000000000000", "1800000000000000000"},
		numericdate.ErrRange:     {"1e400", "-1e400", "1e20", "-62135596801", "-1800000000000"},
	} {
		for _, value := range values {
			if got := numericdate.Fault(value); got != want {
				t.Errorf("%s: %v, want %v", value, got, want)
			}
		}
	}
}
