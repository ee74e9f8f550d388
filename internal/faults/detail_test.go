package faults_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/faults"
)

func TestDetail(t *testing.T) {
	sentinel := errors.New("jwtauth: session ended")
	for _, c := range []struct {
		err  error
		want string
	}{
		{sentinel, "session ended"},
		{fmt.Errorf("%w: by Claims", sentinel), "session ended: by Claims"},
		{fmt.Errorf("users: %w", sentinel), "users: jwtauth: session ended"}, // the text of the caller
		{fmt.Errorf("%wx", sentinel), "session endedx"},
	} {
		got := fmt.Errorf("jwtauth: token refused: %w", faults.Detail(c.err))
		if got.Error() != "jwtauth: token refused: "+c.want || !errors.Is(got, sentinel) || !errors.Is(got, c.err) {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
