package sqlstore

import "time"

// workers run calls in goroutines that wait a moment for the next one. Fresh ones would cost a
// rotation a fifth of its rate: SQLite in Go needs a deep stack, which each of them would have to grow again.
type workers chan func()

// idle is for how long a worker waits: short, since stores need no closing.
const idle = time.Second

// run lets call run in another goroutine, and does not wait for it.
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
		timer.Reset(idle) // before the call, so that the next one, which may come at once, finds it waiting
		call()
		select {
		case call = <-w:
		case <-timer.C:
			return
		}
	}
}
