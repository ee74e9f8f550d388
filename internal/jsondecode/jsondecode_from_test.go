//go:build go1.27 && goexperiment.jsonv2

package jsondecode_test

import (
	"encoding/json/jsontext"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jsondecode"
	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

// streamed sees all members, those that no field has as well.
type streamed struct{ text string }

func (s *streamed) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	s.text = value.String()
	return err
}

func TestRepeatedNameForADecoder(t *testing.T) {
	var dst struct{ Inner streamed }
	err := jsondecode.Unmarshal(jsonscan.ObjectOf(`{"Inner":{"role":"user","role":"admin"}}`), "", &dst)
	const want = "Inner has two members of the same name in one object"
	if err == nil || err.Error() != want || dst.Inner.text != "" {
		t.Errorf("%v, %+v; want %s", err, dst, want)
	}
	if err := jsondecode.Unmarshal(jsonscan.ObjectOf(`{"Inner":{"role":"user"}}`), "", &dst); err != nil || dst.Inner.text != `{"role":"user"}` {
		t.Errorf("%v, %+v", err, dst)
	}
}
