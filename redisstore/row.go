package redisstore

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A row is a text. It starts with seven numbers, each followed by a space: the
// three that Swap replaces, the others, and the length of the subject. The
// subject and the label follow, unchanged and without a separator:
//
//	generation rotated expires created auth ends length subjectlabel
//
// Times are milliseconds since 1970.
const rowNumbers = 7

// encode returns the row of a session.
func encode(s jwtauth.Session) string {
	row := make([]byte, 0, 96+len(s.Subject)+len(s.Label))
	for _, n := range [rowNumbers]int64{
		s.Generation, s.RotatedAt.UnixMilli(), s.ExpiresAt.UnixMilli(),
		s.CreatedAt.UnixMilli(), s.AuthTime.UnixMilli(), s.EndsAt.UnixMilli(), int64(len(s.Subject)),
	} {
		row = append(strconv.AppendInt(row, n, 10), ' ')
	}
	row = append(row, s.Subject...)
	return string(append(row, s.Label...))
}

var errRow = errors.New("not a session")

// decode returns the session with this ID and row.
func decode(id, row string) (jwtauth.Session, error) {
	var n [rowNumbers]int64
	for i := range n {
		text, rest, found := strings.Cut(row, " ")
		number, err := strconv.ParseInt(text, 10, 64)
		if !found || err != nil {
			return jwtauth.Session{}, errRow
		}
		n[i], row = number, rest
	}
	length := n[rowNumbers-1]
	if length < 0 || length > int64(len(row)) {
		return jwtauth.Session{}, errRow
	}
	return jwtauth.Session{
		ID:         id,
		Subject:    row[:length],
		Label:      row[length:],
		Generation: n[0],
		RotatedAt:  instant(n[1]),
		ExpiresAt:  instant(n[2]),
		CreatedAt:  instant(n[3]),
		AuthTime:   instant(n[4]),
		EndsAt:     instant(n[5]),
	}, nil
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
