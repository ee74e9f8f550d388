package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/internal/attempts/storetest"
)

// Each method sends one command, on the key of the account.
func TestAttemptsCommands(t *testing.T) {
	replies := map[int][]any{5: {int64(1), "7", "8", int64(9), "10"}, 1: {"7"}, 0: {}}
	s := &server{}
	results := 5
	s.respond = func(cmd scriptCmd) { cmd.SetVal(replies[results]) }
	a := s.store(t).Attempts()
	known, current, round, left, wait, err := a.Reserve(t.Context(), "account", "device", 6, when, 3, time.Minute, time.Hour)
	if !known || current != 7 || round != 8 || left != 9 || wait != 10*time.Millisecond || err != nil {
		t.Errorf("%v, %d, %d, %d, %v, %v", known, current, round, left, wait, err)
	}
	results = 0
	if err := a.Refund(t.Context(), "account", "", 8, 3, time.Hour); err != nil {
		t.Error(err)
	}
	if err := a.Reset(t.Context(), "account", when, when.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	results = 1
	if epoch, err := a.Epoch(t.Context(), "account"); epoch != 7 || err != nil {
		t.Errorf("%d, %v", epoch, err)
	}
	if len(s.sent) != 4 {
		t.Errorf("%d commands, want 4", len(s.sent))
	}
	for _, args := range s.sent {
		if args[3] != "jwtauth:attempts:{account}" {
			t.Errorf("key %v", args[3])
		}
	}
}

func TestAttemptsErrors(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		respond func(scriptCmd)
		part    string
	}{
		{"broken", t.Context(), func(cmd scriptCmd) { cmd.SetErr(errors.New("READONLY bad things")) }, "READONLY bad things"},
		{"another result", t.Context(), func(cmd scriptCmd) { cmd.SetVal([]any{int64(1), int64(1)}) }, "the script returned 2 values"},
		{"ended", over, func(scriptCmd) { t.Error("a command was sent") }, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{respond: c.respond}
			for name, err := range storetest.Calls(c.ctx, s.store(t).Attempts()) {
				if !errors.Is(err, jwtauth.ErrUnavailable) || !strings.Contains(err.Error(), "redisstore: Attempts."+name+": ") || !strings.Contains(err.Error(), c.part) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}
