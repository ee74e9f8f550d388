package jwtauthtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// raceRounds is the number of runs of each race. One run rarely hits a window
// of a few instructions.
const raceRounds = 20

// together runs n callers that start at the same time, and waits for them.
func together(n int, caller func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			caller(i)
		})
	}
	close(start)
	wg.Wait()
}

// race runs n callers and returns the indexes of those that returned true. call
// names the calls in errors.
func (t *storeTest) race(n int, call string, caller func(i int) (bool, error)) (winners []int) {
	t.Helper()
	won, errs := make([]bool, n), make([]error, n)
	together(n, func(i int) { won[i], errs[i] = caller(i) })
	for i := range n {
		t.must(call, errs[i])
		if won[i] {
			winners = append(winners, i)
		}
	}
	return winners
}

// progress lets one caller wait for some steps of the others. Without it, the
// caller could finish before the others start, or start after they have
// finished.
type progress chan struct{}

func newProgress() progress { return make(progress, 8) }

// step reports a step.
func (p progress) step() {
	select {
	case p <- struct{}{}:
	default:
	}
}

// end reports that this caller has finished, so that wait returns.
func (p progress) end() {
	for range cap(p) {
		p.step()
	}
}

// wait waits for 1 to 8 steps, depending on the round.
func (p progress) wait(round int) {
	for range 1 + round%cap(p) {
		<-p
	}
}

// again repeats a call up to 100 times while its error is ErrUnavailable.
func again(call func() error) error {
	var err error
	for range 100 {
		if err = call(); !errors.Is(err, jwtauth.ErrUnavailable) {
			break
		}
	}
	return err
}

// patient is a store that repeats calls while they return ErrUnavailable.
type patient struct{ jwtauth.SessionStore }

func (p patient) Create(ctx context.Context, s jwtauth.Session) error {
	tries := 0
	return again(func() error {
		tries++
		err := p.SessionStore.Create(ctx, s)
		if err != nil && tries > 1 && !errors.Is(err, jwtauth.ErrUnavailable) {
			// The attempt before may have created the session in spite of its
			// error.
			if got, loadErr := p.SessionStore.Load(ctx, s.ID, s.CreatedAt); loadErr == nil && difference(got, s) == "" {
				return nil
			}
		}
		return err
	})
}

func (p patient) Load(ctx context.Context, id string, now time.Time) (s jwtauth.Session, err error) {
	err = again(func() error { s, err = p.SessionStore.Load(ctx, id, now); return err })
	return s, err
}

func (p patient) Swap(ctx context.Context, old, next jwtauth.Session, now time.Time) (won bool, err error) {
	err = again(func() error { won, err = p.SessionStore.Swap(ctx, old, next, now); return err })
	return won, err
}

func (p patient) Delete(ctx context.Context, id string) error {
	return again(func() error { return p.SessionStore.Delete(ctx, id) })
}

func (p patient) DeleteSubject(ctx context.Context, subject string) error {
	return again(func() error { return p.SessionStore.DeleteSubject(ctx, subject) })
}

func (p patient) List(ctx context.Context, subject string, now time.Time) (list []jwtauth.Session, err error) {
	err = again(func() error { list, err = p.SessionStore.List(ctx, subject, now); return err })
	return list, err
}
