package sqlstore

import "time"

// workers runs calls in goroutines that wait for the next call before they end.
// New goroutines for each call would make rotations a fifth slower, because
// SQLite in Go needs a deep stack, which each goroutine would have to grow
// again.
type workers chan func()

// idle is how long a worker waits. It is short, because stores have no Close.
const idle = time.Second

// run runs call in another goroutine and does not wait for it.
func (w workers) run(call func()) {
	select {
	case w <- call:
	default: // all are busy
		go w.work(call)
	}
}

func (w workers) work(call func()) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		// Resetting the timer before the call lets the worker wait again
		// sooner. The next call may come at once.
		timer.Reset(idle)
		call()
		select {
		case call = <-w:
		case <-timer.C:
			return
		}
	}
}
