package fairqueue

import (
	"container/list"
	"time"
)

// schedule decides which jobs run, wait or are refused. Callers hold the lock
// of the queue. Each operation costs O(log n) in the number of waiting clients,
// so a flood of refusals stays cheap.
//
// While a job waits, no slot is free: a job that ends passes its slot on.
type schedule struct {
	free   int // slots
	places int // of each lane
	clock  uint64

	known, common *node // the lanes
	inRow         int   // slots that known has got since the last one of common
	budget        budget
}

// maxInRow is the number of slots in a row that recognized devices get while
// other clients wait. It guarantees them four of five slots, and one to the
// others.
//
// Half of the slots would not be sufficient: recognized devices would get fewer
// turns than other clients if the flood comes from a single network.
const maxInRow = 4

func newSchedule(slots, places int) *schedule {
	return &schedule{
		free: slots, places: places,
		known:  newNode(nil, key{name: "known"}),
		common: newNode(nil, key{name: "common"}),
	}
}

func (s *schedule) running() int { return s.known.running + s.common.running }
func (s *schedule) waiting() int { return s.known.waiting + s.common.waiting }

type verdict int

const (
	undecided verdict = iota
	granted
	refused
)

// waiter is one job. It has no channel if it found a free slot.
type waiter struct {
	line    *node
	place   *list.Element
	verdict verdict
	decided chan struct{} // closed after verdict is set
}

func (w *waiter) decide(v verdict) {
	w.verdict = v
	close(w.decided)
}

// enter adds a job of a client. It returns nil if the job is refused. If the
// returned waiter has no channel, the job has a slot.
func (s *schedule) enter(c Client, now time.Time) *waiter {
	if c.Device != "" {
		line := s.line(s.known, c.Account, c.Device)
		account := line.parent.key
		switch {
		case s.free > 0:
			return s.admit(line)
		case line.waiting == 0 && s.budget.allows(account, now) && s.makePlace(line):
			s.budget.use(account, now)
			return s.admit(line)
		}
	}
	line := s.line(s.common, c.Network, c.Name)
	if s.free > 0 || s.makePlace(line) {
		return s.admit(line)
	}
	return nil
}

// line returns the line of a member of a group. Without a group, the member is
// a group of its own.
func (s *schedule) line(lane *node, group, member string) *node {
	k := key{name: group}
	if group == "" {
		k = key{alone: true, name: member}
	}
	return lane.child(k).child(key{name: member})
}

// admit gives a job a free slot or, if there is no free slot, a place.
func (s *schedule) admit(line *node) *waiter {
	w := &waiter{line: line}
	if s.free > 0 {
		s.free--
		w.verdict = granted
		line.add(1, 0, s.tick())
		return w
	}
	w.decided = make(chan struct{})
	w.place = line.waiters.PushBack(w)
	line.add(0, 1, s.tick())
	return w
}

// makePlace reports whether the lane of line has a free place. If all places
// are occupied, it frees one by refusing another job: the newest of the longest
// line of the largest group, or else the newest of the longest line of the same
// group.
//
// It shortens a group or line only if that stays at least as long as the one
// that grows. Otherwise newcomers from ever new addresses could displace all
// jobs that have already waited.
func (s *schedule) makePlace(line *node) bool {
	group := line.parent
	lane := group.parent
	if lane.waiting < s.places {
		return true
	}
	if largest := lane.longest.first(); largest != nil && largest.jobs() > group.jobs()+1 {
		s.refuseNewest(largest.longest.first())
		return true
	}
	if longest := group.longest.first(); longest != nil && longest.jobs() > line.jobs()+1 {
		s.refuseNewest(longest)
		return true
	}
	return false
}

// refuseNewest refuses the newest waiting job of a line.
func (s *schedule) refuseNewest(line *node) {
	w := line.waiters.Back().Value.(*waiter)
	s.leavePlace(w)
	w.decide(refused)
}

// leavePlace removes a waiting job.
func (s *schedule) leavePlace(w *waiter) {
	w.line.waiters.Remove(w.place)
	w.line.add(0, -1, s.tick())
}

// leaveSlot ends a running job and passes its slot to the next waiting job.
func (s *schedule) leaveSlot(line *node) {
	line.add(-1, 0, s.tick())
	if s.waiting() == 0 {
		s.free++
		return
	}
	next := s.nextLane().next.first().next.first()
	w := next.waiters.Front().Value.(*waiter)
	next.waiters.Remove(w.place)
	next.add(1, -1, s.tick())
	w.decide(granted)
}

// nextLane returns the lane that gets the next slot. It has waiting jobs.
func (s *schedule) nextLane() *node {
	if s.known.waiting == 0 || s.common.waiting > 0 && s.inRow == maxInRow {
		s.inRow = 0
		return s.common
	}
	s.inRow = min(s.inRow+1, maxInRow)
	return s.known
}

func (s *schedule) tick() uint64 {
	s.clock++
	return s.clock
}
