package keyfetch

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

var lifetimes = []struct {
	name   string
	maxAge time.Duration
	header http.Header
	want   time.Duration
}{
	{"no header", time.Hour, nil, time.Hour},
	{"shorter", time.Hour, http.Header{"Cache-Control": {"public, max-age=1200"}}, 20 * time.Minute},
	{"longer", time.Hour, http.Header{"Cache-Control": {"max-age=86400"}}, time.Hour},
	{"longer, within MaxAge", 24 * time.Hour, http.Header{"Cache-Control": {"max-age=43200"}}, 12 * time.Hour},
	{"overflow", 24 * time.Hour, http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, 24 * time.Hour},
	{"the minimum", time.Hour, http.Header{"Cache-Control": {"max-age=300"}}, 5 * time.Minute},
	{"above the minimum", time.Hour, http.Header{"Cache-Control": {"max-age=301"}}, 5*time.Minute + time.Second},
	{"below the minimum", time.Hour, http.Header{"Cache-Control": {"max-age=299"}}, 5 * time.Minute},
	{"MaxAge below the minimum", time.Minute, http.Header{"Cache-Control": {"max-age=15"}}, time.Minute},
	{"no-store", time.Hour, http.Header{"Cache-Control": {"no-store"}}, 5 * time.Minute},
	{"no-cache in a second line", time.Hour, http.Header{"Cache-Control": {"max-age=1200", "private, No-Cache"}}, 5 * time.Minute},
	{"unusual spelling", time.Hour, http.Header{"Cache-Control": {` s-maxage=9,,Max-Age="1200" ,x`}}, 20 * time.Minute},
	{"negative", time.Hour, http.Header{"Cache-Control": {"max-age=-1"}}, 5 * time.Minute},
	{"Age", time.Hour, http.Header{"Cache-Control": {"max-age=3000"}, "Age": {"1800"}}, 20 * time.Minute},
	{"Age beyond max-age", time.Hour, http.Header{"Cache-Control": {"max-age=3000"}, "Age": {"4000"}}, 5 * time.Minute},
	{"Age is no number", time.Hour, http.Header{"Cache-Control": {"max-age=1200"}, "Age": {"x"}}, 20 * time.Minute},
}

func TestLifetime(t *testing.T) {
	for _, c := range lifetimes {
		if got := lifetime(c.header, c.maxAge); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSeconds(t *testing.T) {
	const year = 366 * 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Second, "x": 0, "-1": 0, "1.5": 0, " 1": 0,
		"31622399": year - time.Second, "31622400": year, "31622401": year,
		"9223372036854775807": year, "99999999999999999999": year,
	} {
		if got := seconds(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// Any header leads to a lifetime within the limits.
func FuzzLifetime(f *testing.F) {
	for _, c := range lifetimes {
		f.Add(strings.Join(c.header.Values("Cache-Control"), ","), c.header.Get("Age"), int64(c.maxAge/time.Minute))
	}
	f.Fuzz(func(t *testing.T, line, age string, minutes int64) {
		maxAge := time.Duration(1+uint64(minutes)%(24*60)) * time.Minute
		least := min(maxAge, 5*time.Minute)
		header := http.Header{"Cache-Control": {line}}
		young := lifetime(header, maxAge)
		header.Set("Age", age)
		life := lifetime(header, maxAge)
		if life < least || life > maxAge || life > young {
			t.Errorf("%q, age %q, at most %v: fresh for %v (without the age %v)", line, age, maxAge, life, young)
		}
		header.Add("Cache-Control", "NO-STORE")
		if life := lifetime(header, maxAge); life != least {
			t.Errorf("%q and no-store, age %q, at most %v: fresh for %v", line, age, maxAge, life)
		}
	})
}
