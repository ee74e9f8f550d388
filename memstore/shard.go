package memstore

import (
	"sync"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// row is a session in 80 bytes and one string. Rows refer to each other by position, and
// the maps hold positions and hashes: the collector has one pointer to follow for each session.
type row struct {
	text                                          string // id, subject and label in one; "" where the row is free
	idLen, subjectLen                             uint32
	prev, next                                    uint32 // of the same tag; next also of the free rows
	generation                                    int64
	created, authenticated, rotated, expires, end int64 // Unix milliseconds
}

func newRow(s jwtauth.Session) row {
	return row{
		text:          s.ID + s.Subject + s.Label,
		idLen:         uint32(len(s.ID)),
		subjectLen:    uint32(len(s.Subject)),
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
		Label:      r.text[r.idLen+r.subjectLen:],
		Generation: r.generation,
		CreatedAt:  time.UnixMilli(r.created).UTC(),
		AuthTime:   time.UnixMilli(r.authenticated).UTC(),
		RotatedAt:  time.UnixMilli(r.rotated).UTC(),
		ExpiresAt:  time.UnixMilli(r.expires).UTC(),
		EndsAt:     time.UnixMilli(r.end).UTC(),
	}
}

// holds reports whether r is the same session as other, wherever in the shard.
func (r *row) holds(other row) bool {
	other.prev, other.next = r.prev, r.next
	return *r == other
}

func (r *row) id() string          { return r.text[:r.idLen] }
func (r *row) subject() string     { return r.text[r.idLen:][:r.subjectLen] }
func (r *row) live(now int64) bool { return now < r.expires }

// A shard holds the sessions of some subjects. Its rows lie in chunks that never move, so
// that growing copies nothing; its maps grow in steps of at most 1024 entries, as all of Go's do since 1.24.
type shard struct {
	mu     sync.Mutex
	chunks []*[chunkRows]row
	used   uint32            // positions 1 to used have been taken at some time
	free   uint32            // the first of those that are free again
	hand   uint32            // where sweep goes on
	byID   map[uint64]uint32 // from the hash of an id
	byTag  map[uint64]uint32 // from Store.tag, to the latest row
}

const (
	chunkRows = 128 // 10 KiB, which the allocator has a size for

	// Each write looks at sweepStep rows, so dead rows make up no more than about an
	// eighth of a store in steady use; where it finds some, at more, up to sweepMax.
	sweepStep = 8
	sweepMax  = 128
)

func (sh *shard) row(at uint32) *row {
	return &sh.chunks[(at-1)/chunkRows][(at-1)%chunkRows]
}

// find returns the row with this id and its position, or nil.
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

// sweep drops some of what has expired, in the order of the rows: each is looked at again
// after as many writes as there are rows, divided by sweepStep.
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
