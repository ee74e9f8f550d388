// Package numericdate reads times in tokens (NumericDate; RFC 7519, section 2).
package numericdate

import (
	"errors"
	"math"
	"strconv"
	"time"
)

// Times are limited to the years that RFC 3339 can express, 0001 to 9999.
const (
	Min = -62135596800
	Max = 253402300799
)

// Parse reads the text of a JSON number: the seconds since 1970, possibly with
// a fraction, which is kept. It returns false if the time is out of range.
func Parse(number string) (time.Time, bool) {
	if seconds, ok := wholeSeconds(number); ok {
		return time.Unix(seconds, 0), true
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < Min || f > Max {
		return time.Time{}, false
	}
	seconds, fraction := math.Modf(f)
	return time.Unix(int64(seconds), int64(fraction*1e9)), true
}

// wholeSeconds reads the form that nearly all tokens use: up to 12 digits,
// which cannot overflow.
func wholeSeconds(text string) (seconds int64, ok bool) {
	if len(text) > 12 {
		return 0, false
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		seconds = seconds*10 + int64(c-'0')
	}
	return seconds, seconds <= Max
}

// The errors of [Fault]. They are predicates of the value.
var (
	ErrString    = errors.New("is not a number but a string; it counts seconds since 1970, without quotes")
	ErrNotNumber = errors.New("is not a number")
	ErrMillis    = errors.New("is out of range; it counts seconds since 1970, not milliseconds")
	ErrMicros    = errors.New("is out of range; it counts seconds since 1970, not microseconds or nanoseconds")
	ErrRange     = errors.New("is out of range; it counts seconds since 1970, and the year must be at most 9999")
)

// Faults returns all errors of [Fault].
func Faults() []error { return []error{ErrString, ErrNotNumber, ErrMillis, ErrMicros, ErrRange} }

// Fault returns the reason why the text of a JSON value is not a time.
func Fault(value string) error {
	f, err := strconv.ParseFloat(value, 64)
	switch {
	case value != "" && value[0] == '"':
		return ErrString
	case errors.Is(err, strconv.ErrSyntax):
		return ErrNotNumber
	case Max < f && f < 1e14: // milliseconds until the year 5138
		return ErrMillis
	case 1e14 <= f && f < 1e20:
		return ErrMicros
	}
	return ErrRange
}
