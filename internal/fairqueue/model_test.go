package fairqueue

import (
	"slices"
	"time"
)

// model makes the same decisions as schedule, by counting all jobs each time.
type model struct {
	slots, places int
	clock         int
	inRow         int                    // slots of the known lane since the last one of common
	turns         map[string]int         // by path
	uses          map[string][]time.Time // by path of the account
	jobs          []*modelJob            // running and waiting, in order of arrival
}

type modelJob struct {
	path    []string // lane, group, line
	running bool
}

func newModel(slots, places int) *model {
	return &model{slots: slots, places: places, turns: make(map[string]int), uses: make(map[string][]time.Time)}
}

// prefixes returns the paths of all nodes that contain a path, the lane first.
func prefixes(path []string) (list [][]string) {
	for i := range path {
		list = append(list, path[:i+1])
	}
	return list
}

func pathKey(path []string) (k string) {
	for _, part := range path {
		k += part + "/"
	}
	return k
}

func within(j *modelJob, path []string) bool {
	return slices.Equal(j.path[:len(path)], path)
}

// count returns the number of running or waiting jobs in a node.
func (m *model) count(path []string, running bool) (n int) {
	for _, j := range m.jobs {
		if j.running == running && within(j, path) {
			n++
		}
	}
	return n
}

func (m *model) all(path []string) int { return m.count(path, true) + m.count(path, false) }

func (m *model) remove(j *modelJob) {
	m.jobs = slices.DeleteFunc(m.jobs, func(o *modelJob) bool { return o == j })
}

// enter returns the new job, or nil if it is refused, and the job that loses
// its place.
func (m *model) enter(c Client, now time.Time) (j, cut *modelJob) {
	common := []string{"common", "network " + c.Network, c.Name}
	if c.Network == "" {
		common[1] = "client " + c.Name
	}
	paths := [][]string{common}
	if c.Device != "" {
		known := []string{"known", "account " + c.Account, c.Device}
		if c.Account == "" {
			known[1] = "device " + c.Device
		}
		paths = [][]string{known, common}
	}
	if m.count(nil, true) < m.slots {
		j = &modelJob{path: paths[0], running: true}
		m.jobs = append(m.jobs, j)
		return j, nil
	}
	for _, path := range paths {
		account := pathKey(path[:2])
		if path[0] == "known" && (m.count(path, false) > 0 || m.usesLeft(account, now) < 1) {
			continue
		}
		if m.count(path[:1], false) >= m.places {
			if cut = m.victim(path); cut == nil {
				continue
			}
			m.remove(cut)
		}
		if path[0] == "known" {
			m.uses[account] = append(m.uses[account], now)
		}
		m.clock++
		for _, prefix := range prefixes(path) {
			if m.count(prefix, false) == 0 {
				m.turns[pathKey(prefix)] = m.clock
			}
		}
		j = &modelJob{path: path}
		m.jobs = append(m.jobs, j)
		return j, cut
	}
	return nil, nil
}

// usesLeft returns how many uses of the lane an account has: three at the
// start, one less after each use, and one more after every 10 s, up to three.
func (m *model) usesLeft(account string, now time.Time) int {
	const one = 10 * time.Second
	left, last := 3*one, now
	for i, use := range m.uses[account] {
		if i > 0 {
			left = min(3*one, left+use.Sub(last))
		}
		left -= one
		last = use
	}
	return int(min(3*one, left+now.Sub(last)) / one)
}

// victim returns the job that has to make way for another job of path, or nil.
func (m *model) victim(path []string) *modelJob {
	if largest := m.longest(path[:1]); largest != nil && m.all(largest) > m.all(path[:2])+1 {
		return m.newest(m.longest(largest))
	}
	if longest := m.longest(path[:2]); longest != nil && m.all(longest) > m.all(path)+1 {
		return m.newest(longest)
	}
	return nil
}

// longest returns the child with most jobs of a node, of those with waiting
// jobs.
func (m *model) longest(node []string) (best []string) {
	for _, j := range m.jobs {
		if j.running || !within(j, node) {
			continue
		}
		child := j.path[:len(node)+1]
		if best == nil {
			best = child
			continue
		}
		all, bestAll := m.all(child), m.all(best)
		waiting, bestWaiting := m.count(child, false), m.count(best, false)
		turn, bestTurn := m.turns[pathKey(child)], m.turns[pathKey(best)]
		if all > bestAll || all == bestAll && (waiting > bestWaiting || waiting == bestWaiting && turn > bestTurn) {
			best = child
		}
	}
	return best
}

// newest returns the newest waiting job of a line.
func (m *model) newest(line []string) (newest *modelJob) {
	for _, j := range m.jobs {
		if !j.running && within(j, line) {
			newest = j
		}
	}
	return newest
}

// finish ends a running job and starts the next one.
func (m *model) finish(j *modelJob) {
	m.remove(j)
	m.clock++
	for _, prefix := range prefixes(j.path) {
		m.turns[pathKey(prefix)] = m.clock
	}
	known, common := m.count([]string{"known"}, false), m.count([]string{"common"}, false)
	lane := "known"
	if known == 0 || common > 0 && m.inRow == 4 {
		lane = "common"
	}
	var next *modelJob
	for _, o := range m.jobs {
		if !o.running && o.path[0] == lane && (next == nil || m.before(o.path, next.path)) {
			next = o
		}
	}
	switch {
	case next == nil:
		return
	case lane == "common":
		m.inRow = 0
	case m.inRow < 4:
		m.inRow++
	}
	next.running = true
}

// before reports whether a job of path a is served before an earlier job of
// path b. The first level at which the paths differ decides.
func (m *model) before(a, b []string) bool {
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		x, y := a[:i+1], b[:i+1]
		if rx, ry := m.count(x, true), m.count(y, true); rx != ry {
			return rx < ry
		}
		return m.turns[pathKey(x)] < m.turns[pathKey(y)]
	}
	return false
}
