package fairqueue

import (
	"container/heap"
	"container/list"
)

// A node holds a part of the jobs: a lane, a group of the lane (a network or an
// account), or a line of the group (a client or a device).
type node struct {
	parent   *node // nil for a lane
	key      key
	children map[key]*node // those with jobs
	waiters  list.List     // of *waiter, oldest first; lines only

	running, waiting int    // jobs of the node and its descendants
	turn             uint64 // since when the node waits for its next slot

	next    ranking // children with waiting jobs, the next to be served first
	longest ranking // the same children, the next to lose a job first

	atNext, atLongest int // indexes in the rankings of the parent, or -1
}

// key identifies a node among its siblings.
type key struct {
	alone bool // a client without a network, or a device without an account
	name  string
}

func newNode(parent *node, k key) *node {
	return &node{
		parent: parent, key: k,
		next:    ranking{order: &byTurn},
		longest: ranking{order: &byLength},
		atNext:  -1, atLongest: -1,
	}
}

// child returns the child with this key. If n has none, child returns a new
// node, which becomes a child of n when it gets a job.
func (n *node) child(k key) *node {
	if c := n.children[k]; c != nil {
		return c
	}
	return newNode(n, k)
}

// jobs includes the running jobs: of two lines with one waiting job each, the
// one with a slot has received more.
func (n *node) jobs() int { return n.running + n.waiting }

// add changes the number of jobs of a line and of all nodes above it. now is
// the time of the change.
func (n *node) add(running, waiting int, now uint64) {
	for ; n != nil; n = n.parent {
		// A node whose first job waits goes behind all nodes that wait already.
		// So does one whose job has ended: clients that send the next job only
		// after the last one are at no disadvantage.
		if waiting > 0 && n.waiting == 0 || running < 0 {
			n.turn = now
		}
		n.running += running
		n.waiting += waiting
		if p := n.parent; p != nil {
			p.place(n)
		}
	}
}

// place updates the position of a child whose numbers of jobs have changed. A
// child without jobs is removed, which bounds the memory for any number of
// clients.
func (n *node) place(child *node) {
	n.next.place(child)
	n.longest.place(child)
	switch {
	case child.jobs() == 0:
		delete(n.children, child.key)
	case n.children == nil:
		n.children = map[key]*node{child.key: child}
	default:
		n.children[child.key] = child
	}
}

// order is an order of siblings.
type order struct {
	before func(a, b *node) bool
	index  func(*node) *int
}

// byTurn puts the node with fewer running jobs first, and among equals the one
// that has waited longer for its turn. The turns alone would let a node that
// holds all slots keep several of them.
var byTurn = order{
	before: func(a, b *node) bool {
		if a.running != b.running {
			return a.running < b.running
		}
		return a.turn < b.turn
	},
	index: func(n *node) *int { return &n.atNext },
}

// byLength puts the node with most jobs first. Among equals it prefers the one
// with more waiting jobs, and then the one whose turn is later, because that
// one loses least.
var byLength = order{
	before: func(a, b *node) bool {
		switch aj, bj := a.jobs(), b.jobs(); {
		case aj != bj:
			return aj > bj
		case a.running != b.running:
			return a.running < b.running
		default:
			return a.turn > b.turn
		}
	},
	index: func(n *node) *int { return &n.atLongest },
}

// ranking is a heap of the children that have waiting jobs.
type ranking struct {
	order *order
	nodes []*node
}

// first returns the first node, or nil.
func (r *ranking) first() *node {
	if len(r.nodes) == 0 {
		return nil
	}
	return r.nodes[0]
}

func (r *ranking) place(n *node) {
	i := *r.order.index(n)
	switch {
	case n.waiting > 0 && i < 0:
		heap.Push(r, n)
	case n.waiting > 0:
		heap.Fix(r, i)
	case i >= 0:
		heap.Remove(r, i)
	}
}

func (r *ranking) Len() int           { return len(r.nodes) }
func (r *ranking) Less(i, j int) bool { return r.order.before(r.nodes[i], r.nodes[j]) }

func (r *ranking) Swap(i, j int) {
	r.nodes[i], r.nodes[j] = r.nodes[j], r.nodes[i]
	*r.order.index(r.nodes[i]), *r.order.index(r.nodes[j]) = i, j
}

func (r *ranking) Push(x any) {
	n := x.(*node)
	*r.order.index(n) = len(r.nodes)
	r.nodes = append(r.nodes, n)
}

func (r *ranking) Pop() any {
	last := len(r.nodes) - 1
	n := r.nodes[last]
	r.nodes[last] = nil // so that the array does not keep n alive
	r.nodes = r.nodes[:last]
	*r.order.index(n) = -1
	return n
}
