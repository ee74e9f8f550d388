package memstore

import (
	"sync"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// row is a session in 96 bytes and one string. Rows refer to each other by
// position, and the maps hold hashes and positions, so the garbage collector
// follows only one pointer for each session.
type row struct {
	// text holds ID, subject, label and attributes. It is "" if the row is
	// free.
	text string

	idLen, subjectLen, labelLen uint32

	// prev and next link the rows with the same tag. next also links free rows.
	prev, next uint32

	revision, generation int64

	created, authenticated, rotated, expires, end int64 // Unix milliseconds
}

func newRow(s jwtauth.Session) row {
	return row{
		text:          s.ID + s.Subject + s.Label + s.Attributes,
		idLen:         uint32(len(s.ID)),
		subjectLen:    uint32(len(s.Subject)),
		labelLen:      uint32(len(s.Label)),
		revision:      s.Revision,
		generation:    s.Generation,
		created:       s.CreatedAt.UnixMilli(),
		authenticated: s.AuthTime.UnixMilli(),
		rotated:       s.RotatedAt.UnixMilli(),
		expires:       s.ExpiresAt.UnixMilli(),
		end:           s.EndsAt.UnixMilli(),
	}
}

func (r *row) session() jwtauth.Session {
	return jwtauth.Session{
		ID:         r.id(),
		Subject:    r.subject(),
		Label:      r.label(),
		Attributes: r.attributes(),
		Revision:   r.revision,
		Generation: r.generation,
		CreatedAt:  time.UnixMilli(r.created).UTC(),
		AuthTime:   time.UnixMilli(r.authenticated).UTC(),
		RotatedAt:  time.UnixMilli(r.rotated).UTC(),
		ExpiresAt:  time.UnixMilli(r.expires).UTC(),
		EndsAt:     time.UnixMilli(r.end).UTC(),
	}
}

// mutable are the fields that Swap compares and replaces.
type mutable struct {
	revision, generation            int64
	authenticated, rotated, expires int64
	label, attributes               string
}

func mutableOf(s jwtauth.Session) mutable {
	return mutable{
		revision:      s.Revision,
		generation:    s.Generation,
		authenticated: s.AuthTime.UnixMilli(),
		rotated:       s.RotatedAt.UnixMilli(),
		expires:       s.ExpiresAt.UnixMilli(),
		label:         s.Label,
		attributes:    s.Attributes,
	}
}

func (r *row) mutable() mutable {
	return mutable{
		revision:      r.revision,
		generation:    r.generation,
		authenticated: r.authenticated,
		rotated:       r.rotated,
		expires:       r.expires,
		label:         r.label(),
		attributes:    r.attributes(),
	}
}

func (r *row) replace(m mutable) {
	if m.label != r.label() || m.attributes != r.attributes() {
		r.text = r.text[:r.idLen+r.subjectLen] + m.label + m.attributes
		r.labelLen = uint32(len(m.label))
	}
	r.revision, r.generation = m.revision, m.generation
	r.authenticated, r.rotated, r.expires = m.authenticated, m.rotated, m.expires
}

// holds reports whether r and other are the same session, regardless of their
// positions.
func (r *row) holds(other row) bool {
	other.prev, other.next = r.prev, r.next
	return *r == other
}

func (r *row) id() string          { return r.text[:r.idLen] }
func (r *row) subject() string     { return r.text[r.idLen:][:r.subjectLen] }
func (r *row) label() string       { return r.text[r.idLen+r.subjectLen:][:r.labelLen] }
func (r *row) attributes() string  { return r.text[r.idLen+r.subjectLen+r.labelLen:] }
func (r *row) live(now int64) bool { return now < r.expires }

// A shard holds the sessions of some subjects. Its rows are in chunks that
// never move, so growing copies no rows. Go's maps grow in steps of at most
// 1024 entries, so a Create is never delayed by the growth of a large map.
type shard struct {
	mu     sync.Mutex
	chunks []*[chunkRows]row
	used   uint32            // positions 1 to used have been used
	free   uint32            // the first free one of them, or 0
	hand   uint32            // the last position that sweep has checked
	byID   map[uint64]uint32 // from Store.idKey to a position
	byTag  map[uint64]uint32 // from Store.tag to the position of the latest row
}

const (
	chunkRows = 128 // 12 KiB, a size class of Go's allocator

	// Each write checks sweepStep rows. If it finds expired ones, it checks
	// more, up to sweepMax. In steady use about an eighth of the rows are
	// expired.
	sweepStep = 8
	sweepMax  = 128
)

// row returns the row at a position, which is not 0.
func (sh *shard) row(at uint32) *row {
	return &sh.chunks[(at-1)/chunkRows][(at-1)%chunkRows]
}

// find returns the row with this ID and its position, or nil.
func (sh *shard) find(s *Store, id string) (*row, uint32) {
	at := sh.byID[s.idKey(id)]
	if at == 0 {
		return nil, 0
	}
	r := sh.row(at)
	if r.id() != id {
		return nil, 0
	}
	return r, at
}

// add adds a row under the hashes of its ID and its tag.
func (sh *shard) add(id, tag uint64, r row) {
	if sh.byID == nil {
		sh.byID, sh.byTag = make(map[uint64]uint32), make(map[uint64]uint32)
	}
	at := sh.free
	if at != 0 {
		sh.free = sh.row(at).next
	} else {
		if int(sh.used) == len(sh.chunks)*chunkRows {
			sh.chunks = append(sh.chunks, new([chunkRows]row))
		}
		sh.used++
		at = sh.used
	}
	r.next = sh.byTag[tag]
	if r.next != 0 {
		sh.row(r.next).prev = at
	}
	*sh.row(at) = r
	sh.byID[id] = at
	sh.byTag[tag] = at
}

// drop removes the row at a position.
func (sh *shard) drop(s *Store, at uint32) {
	r := sh.row(at)
	delete(sh.byID, s.idKey(r.id()))
	if r.next != 0 {
		sh.row(r.next).prev = r.prev
	}
	switch tag := s.tag(r.text); {
	case r.prev != 0:
		sh.row(r.prev).next = r.next
	case r.next != 0:
		sh.byTag[tag] = r.next
	default:
		delete(sh.byTag, tag)
	}
	*r = row{next: sh.free}
	sh.free = at
}

// sweep removes some of the expired rows. It continues at the position after
// the last one that it has checked, so it checks every row in turn.
func (sh *shard) sweep(s *Store, now int64) {
	for looked := 0; looked < min(sweepMax, int(sh.used)); {
		found := false
		for range sweepStep {
			sh.hand = sh.hand%sh.used + 1
			if r := sh.row(sh.hand); r.text != "" && !r.live(now) {
				sh.drop(s, sh.hand)
				found = true
			}
			looked++
		}
		if !found {
			return
		}
	}
}
