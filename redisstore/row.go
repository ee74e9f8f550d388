package redisstore

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// A row is a text. It starts with nine numbers, each followed by a space. The
// last two are the lengths of the subject and the label. The subject, the label
// and the attributes follow, unchanged and without a separator:
//
//	revision generation rotated expires auth created ends n m texts
//
// Times are milliseconds since 1970. Numbers have one form only, so equal
// sessions have equal rows.
const rowNumbers = 9

// encode returns the row of a session.
func encode(s jwtauth.Session) string {
	row := make([]byte, 0, 128+len(s.Subject)+len(s.Label)+len(s.Attributes))
	for _, n := range [rowNumbers]int64{
		s.Revision, s.Generation, s.RotatedAt.UnixMilli(), s.ExpiresAt.UnixMilli(), s.AuthTime.UnixMilli(),
		s.CreatedAt.UnixMilli(), s.EndsAt.UnixMilli(), int64(len(s.Subject)), int64(len(s.Label)),
	} {
		row = append(strconv.AppendInt(row, n, 10), ' ')
	}
	row = append(row, s.Subject...)
	row = append(row, s.Label...)
	return string(append(row, s.Attributes...))
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
	subject, label, length := n[7], n[8], int64(len(row))
	if subject < 0 || label < 0 || subject > length || label > length-subject {
		return jwtauth.Session{}, errRow
	}
	return jwtauth.Session{
		ID:         id,
		Subject:    row[:subject],
		Label:      row[subject : subject+label],
		Attributes: row[subject+label:],
		Revision:   n[0],
		Generation: n[1],
		RotatedAt:  instant(n[2]),
		ExpiresAt:  instant(n[3]),
		AuthTime:   instant(n[4]),
		CreatedAt:  instant(n[5]),
		EndsAt:     instant(n[6]),
	}, nil
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
