// Package numericdate reads times in tokens (NumericDate; RFC 7519, section 2).
package numericdate

import (
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
