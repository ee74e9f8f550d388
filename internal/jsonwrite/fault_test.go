package jsonwrite_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jsonwrite"
)

type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("secret") }

type invalid struct{}

func (invalid) MarshalText() ([]byte, error) { return nil, errors.New("secret") }

func TestFault(t *testing.T) {
	const method = "cannot be encoded: MarshalJSON or MarshalText of the type jsonwrite_test."
	for _, c := range []struct {
		value any
		want  string
	}{
		{[]any{func() {}}, "contains the type func(), which JSON cannot represent"},
		{[]any{failing{}}, method + "failing returned an error, or invalid JSON"},
		{&failing{}, method + "failing returned an error, or invalid JSON"},
		{map[string]any{"a": invalid{}}, method + "invalid returned an error, or invalid JSON"},
		{math.Inf(1), "contains a value that JSON cannot represent, such as NaN or a cycle"},
	} {
		_, err := json.Marshal(c.value)
		if err == nil {
			t.Fatalf("%T can be encoded", c.value)
		}
		if got := jsonwrite.Fault(err); got != c.want {
			t.Errorf("%T: %s, want %s", c.value, got, c.want)
		}
	}
}
