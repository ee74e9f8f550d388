//go:build go1.27 && goexperiment.jsonv2

package decoded_test

import (
	"encoding/json/jsontext"
	"testing"
)

type streamed struct{ Role string }

func (s *streamed) UnmarshalJSONFrom(d *jsontext.Decoder) error { return d.SkipValue() }

func TestTypesThatReadFromADecoder(t *testing.T) {
	checkNot[streamed](t)
	checkNot[struct{ Inner streamed }](t)
	checkNot[struct{ Roles []streamed }](t)
	checkNot[struct{ streamed }](t)
}
