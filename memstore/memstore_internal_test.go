package memstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// rows returns the number of sessions in the store, including expired ones.
func (s *Store) rows() (n int) {
	for i := range s.shards {
		n += len(s.shards[i].byID)
	}
	return n
}

// positions returns the number of rows that the store has memory for.
func (s *Store) positions() (n uint32) {
	for i := range s.shards {
		n += s.shards[i].used
	}
	return n
}

func (s *Store) mustCreate(t *testing.T, i int, created, expires time.Time) jwtauth.Session {
	t.Helper()
	subject := fmt.Sprint("user ", i%1000)
	session := jwtauth.Session{
		ID:         fmt.Sprintf("%s-%d %d", jwtauth.SubjectTag(subject), i, created.UnixMilli()),
		Subject:    subject,
		Generation: 1,
		CreatedAt:  created,
		ExpiresAt:  expires,
	}
	if err := s.Create(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	return session
}

// Each write removes a bounded number of expired sessions, and many writes
// remove all of them.
func TestSweep(t *testing.T) {
	const n = 20_000
	start := time.Now()
	later := start.Add(time.Hour)
	for name, write := range map[string]func(t *testing.T, s *Store, i int){
		"login": func(t *testing.T, s *Store, i int) {
			s.mustCreate(t, i, later, later.Add(time.Hour))
		},
		"refresh": func(t *testing.T, s *Store, i int) {
			subject := fmt.Sprint("user ", i%1000)
			list, err := s.List(t.Context(), subject, later)
			if err != nil || len(list) != 1 {
				t.Fatalf("List returned %v, %v; want the one live session", list, err)
			}
			next := list[0]
			next.Generation++
			if won, err := s.Swap(t.Context(), list[0], next, later); !won || err != nil {
				t.Fatalf("Swap returned %t, %v", won, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := New()
			for i := range n {
				s.mustCreate(t, i, start, start.Add(time.Minute))
			}
			for i := range 1000 {
				s.mustCreate(t, n+i, start, later.Add(time.Hour))
			}
			live, writes := 1000, 0
			for s.rows() > live {
				// The limit fails if a write that finds expired rows removes no
				// more than sweepStep of them.
				if writes == n/20 {
					t.Fatalf("%d of %d expired sessions remain after %d writes", s.rows()-live, n, writes)
				}
				before := s.rows() - live
				write(t, s, writes)
				writes++
				if name == "login" {
					live++
				}
				if dropped := before - (s.rows() - live); dropped > 128 {
					t.Fatalf("one write removed %d sessions; the limit is 128", dropped)
				}
			}
			t.Logf("%d expired sessions were removed by %d writes", n, writes)
			for i := range s.shards {
				for _, at := range s.shards[i].byID {
					if !s.shards[i].row(at).live(later.UnixMilli()) {
						t.Fatal("an expired session remains, and a live one was removed")
					}
				}
			}
		})
	}
}

// A write that finds no expired sessions checks only a few.
func TestSweepOfLiveSessions(t *testing.T) {
	s := New()
	now := time.Now()
	session := s.mustCreate(t, 0, now, now.Add(time.Hour))
	for i := range 200 {
		s.mustCreate(t, 1000*(i+1), now, now.Add(time.Hour)) // of the same subject
	}
	sh := &s.shards[s.tag(session.ID)%shardCount]
	from := sh.hand
	sh.sweep(s, now.UnixMilli())
	if checked := (sh.hand + sh.used - from) % sh.used; checked != 8 {
		t.Errorf("checked %d sessions, want 8", checked)
	}
}

// New sessions reuse the memory of expired ones.
func TestSteadyUseDoesNotGrow(t *testing.T) {
	s := New()
	start := time.Now()
	const live = 5000
	for i := range 20 * live {
		now := start.Add(time.Duration(i) * time.Second)
		s.mustCreate(t, i, now, now.Add(live*time.Second))
	}
	if rows := s.rows(); rows < live || rows > live*5/4 {
		t.Errorf("the store holds %d sessions, and %d of them are live; the limit is a quarter more", rows, live)
	}
	if n := s.positions(); n > live*3/2 {
		t.Errorf("there is memory for %d sessions, and %d are live", n, live)
	}
}

// Delete and DeleteSubject remove everything that belongs to a session.
func TestEndedSessionsAreRemoved(t *testing.T) {
	s := New()
	now := time.Now()
	for round := range 5 {
		for i := range 3000 {
			session := s.mustCreate(t, i, now.Add(time.Duration(round)*time.Millisecond), now.Add(time.Hour))
			if i%3 == 0 {
				if err := s.Delete(t.Context(), session.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range 1000 {
			if err := s.DeleteSubject(t.Context(), fmt.Sprint("user ", i)); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.rows(); n != 0 {
			t.Fatalf("%d sessions remain", n)
		}
	}
	for i := range s.shards {
		if n := len(s.shards[i].byTag); n != 0 {
			t.Errorf("%d subjects remain in shard %d", n, i)
		}
	}
	if n := s.positions(); n > 3000 {
		t.Errorf("there is memory for %d sessions, but there were never more than 3000", n)
	}
}

// Subjects with the same tag share a list of rows. Each sees its own sessions
// only.
func TestSharedTag(t *testing.T) {
	s := New()
	now := time.Now()
	mine := s.mustCreate(t, 1, now, now.Add(time.Hour))
	theirs := mine
	theirs.ID += " of another"
	theirs.Subject = "another"
	tag := s.tag(mine.ID)
	sh := s.lock(tag)
	// Create would refuse the tag.
	sh.add(s.idKey(theirs.ID), tag, newRow(theirs))
	sh.mu.Unlock()

	list, err := s.List(t.Context(), mine.Subject, now)
	if err != nil || len(list) != 1 || list[0].ID != mine.ID {
		t.Errorf("List returned %v, %v; want the subject's one session", list, err)
	}
	if err := s.DeleteSubject(t.Context(), mine.Subject); err != nil {
		t.Fatal(err)
	}
	if n := s.rows(); n != 1 {
		t.Errorf("%d sessions remain; want the one of the other subject", n)
	}
}

// A row is compared by its ID, not only by the hash.
func TestHashIsNotTheID(t *testing.T) {
	s := New()
	now := time.Now()
	session := s.mustCreate(t, 1, now, now.Add(time.Hour))
	other := session
	other.ID += "x"
	sh := s.lock(s.tag(session.ID))
	for _, at := range sh.byID {
		sh.byID[s.idKey(other.ID)] = at
		break
	}
	sh.mu.Unlock()
	if _, err := s.Load(t.Context(), other.ID, now); err == nil {
		t.Error("Load returned the session of another id")
	}
	if err := s.Create(t.Context(), other); err == nil {
		t.Error("Create accepted an ID whose hash another session has")
	}
}
