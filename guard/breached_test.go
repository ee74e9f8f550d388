package guard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/guard"
)

// rangeFile opens a downloaded range file.
func rangeFile(_ context.Context, prefix string) (io.ReadCloser, error) {
	return os.Open(filepath.Join("testdata", "range-"+prefix+".txt"))
}

func TestBreached(t *testing.T) {
	var prefixes []string
	ranges := func(ctx context.Context, prefix string) (io.ReadCloser, error) {
		prefixes = append(prefixes, prefix)
		return rangeFile(ctx, prefix)
	}
	if n, err := guard.Breached(t.Context(), "password", ranges); n != 1000 || err != nil {
		t.Errorf("a leaked password: %d, %v", n, err)
	}
	if n, err := guard.Breached(t.Context(), "another password", ranges); n != 0 || !errors.Is(err, jwtauth.ErrUnavailable) {
		t.Errorf("a range that is missing: %d, %v", n, err)
	}
	if len(prefixes) != 2 || prefixes[0] != "5BAA6" || len(prefixes[1]) != 5 {
		t.Errorf("prefixes %q", prefixes)
	}
	const suffix, other = "1E4C9B93F3F0682250B6CF8331B7EE68FD8", "0000000000000000000000000000000000A"
	for _, c := range []struct {
		name, text string
		count      int
		fails      bool
	}{
		{"first", suffix + ":3\r\n" + other + ":1\r\n", 3, false},
		{"last, without a line break", other + ":1\n" + suffix + ":4", 4, false},
		{"lower case", strings.ToLower(suffix) + ":5\n", 5, false},
		{"padding", other + ":0\r\n" + suffix + ":0\r\n", 0, false},
		{"absent", other + ":1\r\n", 0, false},
		{"empty", "", 0, true},
		{"a page", "<html>", 0, true},
		{"whole hashes", "5BAA6" + suffix + ":3\n", 0, true},
		{"no count", suffix + ":\n", 0, true},
		{"a negative count", suffix + ":-1\n", 0, true},
		{"a long line", strings.Repeat("A", 1<<20), 0, true},
		{"too long", strings.Repeat(other+":1\n", 5<<20/38) + suffix + ":3\n", 0, true},
	} {
		n, err := guard.Breached(t.Context(), "password", func(context.Context, string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(c.text)), nil
		})
		if n != c.count || (err != nil) != c.fails || err != nil && (!errors.Is(err, jwtauth.ErrUnavailable) || strings.Contains(err.Error(), "5BAA6")) {
			t.Errorf("%s: %d, %v; want %d", c.name, n, err, c.count)
		}
	}
}

// A user chooses a password. The list of leaked passwords is a folder of
// downloaded files.
func ExampleBreached() {
	choose := func(password string) {
		times, err := guard.Breached(context.Background(), password, rangeFile)
		switch {
		case err != nil:
			fmt.Println("not checked")
		case times > 0:
			fmt.Println("Please choose another password: this one was leaked elsewhere.")
		default:
			fmt.Println("accepted")
		}
	}
	choose("password")
	// Output: Please choose another password: this one was leaked elsewhere.
}
