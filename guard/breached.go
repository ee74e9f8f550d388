package guard

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

const (
	prefixDigits  = 5
	maxRangeBytes = 4 << 20
)

// Breached returns how often a password occurs in a list of leaked passwords,
// 0 if it does not. Call it when a user chooses a password, and refuse one that
// occurs (NIST SP 800-63B-4, section 3.1.1.2).
//
// The list is looked up by prefix: ranges gets the first 5 hexadecimal digits
// of the SHA-1 hash of the password, in upper case, and returns the entries
// with this prefix. So the password does not leave the process, and many
// passwords have the same prefix. An entry is a line with the other 35 digits,
// a colon and the number of occurrences. This is the format of the range files
// of Have I Been Pwned: ranges may fetch them over HTTPS or open a downloaded
// file. A range has at most 4 MiB.
//
// If ranges or reading fails, or the text has another format, the error wraps
// [jwtauth.ErrUnavailable]. The application then decides whether it accepts the
// password.
func Breached(ctx context.Context, password string, ranges func(ctx context.Context, prefix string) (io.ReadCloser, error)) (int, error) {
	sum := sha1.Sum([]byte(password)) // the lists use SHA-1; it protects no secret here
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	prefix, suffix := digits[:prefixDigits], digits[prefixDigits:]
	body, err := ranges(ctx, prefix)
	if err != nil {
		return 0, rangeError("%v", err)
	}
	defer func() { _ = body.Close() }()
	limited := &io.LimitedReader{R: body, N: maxRangeBytes + 1}
	lines := bufio.NewScanner(limited)
	entries := 0
	for lines.Scan() {
		other, count, found := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		if limited.N == 0 {
			break // the last line may be cut
		}
		if !found || len(other) != len(suffix) {
			return 0, rangeError("line %d is not an entry", entries+1)
		}
		entries++
		if strings.EqualFold(other, suffix) {
			n, err := strconv.Atoi(count)
			if err != nil || n < 0 {
				return 0, rangeError("line %d has no number", entries)
			}
			return n, nil
		}
	}
	switch {
	case lines.Err() != nil:
		return 0, rangeError("%v", lines.Err())
	case limited.N == 0:
		return 0, rangeError("the range is longer than %d bytes", maxRangeBytes)
	case entries == 0: // each prefix has hundreds of entries
		return 0, rangeError("the range is empty")
	}
	return 0, nil
}

func rangeError(format string, args ...any) error {
	return fmt.Errorf("%w: guard.Breached: %w", jwtauth.ErrUnavailable, fmt.Errorf(format, args...))
}
