package keyfetch

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// minLifetime is the shortest lifetime that a Cache-Control can give to a set.
// A few seconds are meant for browsers, and would cause fetches all day.
const minLifetime = 5 * time.Minute

// lifetime returns how long a response with header stays fresh (RFC 9111,
// section 5.2.2): between minLifetime and maxAge.
func lifetime(header http.Header, maxAge time.Duration) time.Duration {
	fresh := maxAge
	for _, line := range header.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				fresh = 0
			case "max-age":
				fresh = min(fresh, seconds(strings.Trim(value, `"`))-seconds(header.Get("Age")))
			}
		}
	}
	return max(fresh, min(minLifetime, maxAge))
}

// seconds reads delta-seconds (RFC 9111, section 1.2.2). It returns at most a
// year, and 0 for any other text.
func seconds(text string) time.Duration {
	const year = 366 * 24 * 60 * 60
	n, err := strconv.ParseUint(text, 10, 63)
	switch {
	case errors.Is(err, strconv.ErrRange):
		n = year
	case err != nil:
		return 0
	}
	return time.Duration(min(n, year)) * time.Second
}
