package faults_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

// check fails unless f holds exactly the given faults, in this order.
func check(t *testing.T, f *faults.Collector, want ...string) {
	t.Helper()
	got := ""
	if err := f.Err(); err != nil {
		got = err.Error()
	}
	if want := strings.Join(want, "\n"); got != want {
		t.Errorf("faults\n%s\nwant\n%s", got, want)
	}
}

func TestCollector(t *testing.T) {
	var f faults.Collector
	if err := f.Err(); err != nil {
		t.Errorf("without faults: %v", err)
	}
	cause := errors.New("cause")
	f.Add("NewIssuer: key", "%d of %d", 1, 2)
	f.Add("IssuerOptions.Sessions", "%w", cause)
	check(t, &f, "jwtauth: NewIssuer: key: 1 of 2", "jwtauth: IssuerOptions.Sessions: cause")
	if !errors.Is(f.Err(), cause) {
		t.Error("the error does not wrap the cause")
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		d, want time.Duration
		fault   string
	}{
		{0, 10, ""},
		{5, 5, ""},
		{20, 20, ""},
		{4, 4, "jwtauth: p: 4ns is below the minimum of 5ns"},
		{-1, -1, "jwtauth: p: -1ns is below the minimum of 5ns"},
		{21, 21, "jwtauth: p: 21ns exceeds the maximum of 20ns"},
	} {
		var f faults.Collector
		if got := f.Duration("p", c.d, 10, 5, 20); got != c.want {
			t.Errorf("Duration(%d) = %d, want %d", c.d, got, c.want)
		}
		checkOne(t, &f, c.fault)
	}
}

func TestDurationOrNone(t *testing.T) {
	for _, c := range []struct {
		d, want time.Duration
		fault   string
	}{
		{0, 10, ""},
		{1, 1, ""},
		{20, 20, ""},
		{-1, 0, ""},
		{21, 21, "jwtauth: p: 21ns exceeds the maximum of 20ns"},
	} {
		var f faults.Collector
		if got := f.DurationOrNone("p", c.d, 10, 20); got != c.want {
			t.Errorf("DurationOrNone(%d) = %d, want %d", c.d, got, c.want)
		}
		checkOne(t, &f, c.fault)
	}
}

func TestInt(t *testing.T) {
	for _, c := range []struct {
		n, minimum, want int
		fault            string
	}{
		{0, 5, 10, ""},
		{5, 5, 5, ""},
		{20, 5, 20, ""},
		{4, 5, 4, "jwtauth: p: 4 is below the minimum of 5"},
		{-1, 5, -1, "jwtauth: p: -1 is below the minimum of 5"},
		{-1, 1, -1, "jwtauth: p: -1 is negative"},
		{21, 5, 21, "jwtauth: p: 21 exceeds the maximum of 20"},
	} {
		var f faults.Collector
		if got := f.Int("p", c.n, 10, c.minimum, 20); got != c.want {
			t.Errorf("Int(%d) = %d, want %d", c.n, got, c.want)
		}
		checkOne(t, &f, c.fault)
	}
}

func TestIntOrNone(t *testing.T) {
	for _, c := range []struct {
		n, want int
		fault   string
	}{
		{0, 10, ""},
		{1, 1, ""},
		{20, 20, ""},
		{-1, 0, ""},
		{21, 21, "jwtauth: p: 21 exceeds the maximum of 20"},
	} {
		var f faults.Collector
		if got := f.IntOrNone("p", c.n, 10, 20); got != c.want {
			t.Errorf("IntOrNone(%d) = %d, want %d", c.n, got, c.want)
		}
		checkOne(t, &f, c.fault)
	}
}

func checkOne(t *testing.T, f *faults.Collector, want string) {
	t.Helper()
	if want == "" {
		check(t, f)
	} else {
		check(t, f, want)
	}
}

func TestNames(t *testing.T) {
	longest := strings.Repeat("x", faults.MaxNameBytes)
	var f faults.Collector
	f.Names("p", []string{
		"user-1", "Jürgen Groß", longest,
		"", "\xff", "a\x00", "\u0085", "a\n", longest + "x",
	})
	f.Name("q", "")
	check(t, &f,
		"jwtauth: p[3]: is empty",
		"jwtauth: p[4]: is not valid UTF-8",
		"jwtauth: p[5]: contains a control character",
		"jwtauth: p[6]: contains a control character",
		"jwtauth: p[7]: contains a control character",
		"jwtauth: p[8]: is 1025 bytes long; the maximum is 1024",
		"jwtauth: q: is empty",
	)
	if err := faults.CheckName(longest); err != nil {
		t.Errorf("the longest name: %v", err)
	}
}

func TestIsNil(t *testing.T) {
	var (
		pointer *int
		nested  error = (*fault)(nil)
	)
	for name, v := range map[string]any{
		"nil": nil, "pointer": pointer, "function": (func())(nil), "interface around a pointer": nested,
	} {
		if !faults.IsNil(v) {
			t.Errorf("%s: not nil", name)
		}
	}
	for name, v := range map[string]any{
		"zero": 0, "text": "", "struct": fault{}, "pointer": new(int), "function": func() {},
		"nil slice": []byte(nil), "nil map": map[string]int(nil),
	} {
		if faults.IsNil(v) {
			t.Errorf("%s: nil", name)
		}
	}
}

func TestTypedNil(t *testing.T) {
	var unset error
	var f faults.Collector
	f.TypedNil("p", unset)
	f.TypedNil("p", &fault{})
	check(t, &f)
	f.TypedNil("p", (*fault)(nil))
	check(t, &f, "jwtauth: p: is a nil *faults_test.fault")
}

type fault struct{}

func (*fault) Error() string { return "fault" }
