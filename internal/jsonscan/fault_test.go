package jsonscan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jsonscan"
)

func faultOf(text string) error {
	s := jsonscan.New(text)
	for s.Next() {
	}
	return s.Fault()
}

func TestFault(t *testing.T) {
	deep := strings.Repeat("[", jsonscan.MaxDepth)
	for want, texts := range map[error][]string{
		nil:                   {`{}`, ` {"a":[1,{"b":"\ud83d\ude00"}]} `, `{"a":1,"a":2}`},
		jsonscan.ErrNotObject: {``, ` `, `null`, `[1]`, `"{}"`, `7`, `ann`, `alg=HS256`, `<a/>`},
		jsonscan.ErrMark:      {"\ufeff{}"},
		jsonscan.ErrUTF8:      {"{\"a\":\"\xff\"}", "\xff"},
		jsonscan.ErrCut:       {`{`, `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":"b`, `{"a":"b\`, `{"a":"\u12`, `{"a":[1,`, `{"a":{"b":1`, `{"a":tr`, `{"a":-`, `{"a":1.`, `{"a":1e`, `{"a":[n`},
		jsonscan.ErrFollowed:  {`{}x`, `{"a":1}}`, `{"a":1}{"b":2}`, `{},`},
		jsonscan.ErrDepth:     {`{"a":` + deep + strings.Repeat("]", jsonscan.MaxDepth) + `}`, `{"a":"[]{","b":` + strings.Repeat(`{"x":`, jsonscan.MaxDepth) + `1`},
		jsonscan.ErrSurrogate: {`{"a":"\ud800"}`, `{"a":"x\udc00y"}`, `{"\uD83D":1}`, `{"a":"\ud800\ud800"}`, `{"a":["\ud800\n"]}`},
		jsonscan.ErrEscape:    {`{"a":"\x41"}`, `{"a":"\'"}`, `{"a":"\uzzzz"}`, `{"a":"\u12"}`, `{"\a":1}`},
		jsonscan.ErrEscaped:   {`{\"a\":1}`, `{"a":\"b\"}`},
		jsonscan.ErrControl:   {"{\"a\":\"b\nc\"}", "{\"a\":\"b\x00\"}", "{\"a\tb\":1}", "{\x00}"},
		jsonscan.ErrQuotes:    {`{'a':1}`, `{"a":'b'}`, `{"a":['b']}`},
		jsonscan.ErrWord:      {`{a:1}`, `{"a":None}`, `{"a":True}`, `{"a":NaN}`, `{"a":undefined}`, `{"a":[Infinity]}`, `{"a":nul}`, `{"a":1x}`},
		jsonscan.ErrComma:     {`{"a":1,}`, `{"a":[1,]}`, `{"a":{"b":1, }}`},
		jsonscan.ErrZero:      {`{"a":01}`, `{"a":[00]}`, `{"a":-01}`},
		jsonscan.ErrSyntax:    {`{"a" 1}`, `{"a":}`, `{"a":+1}`, `{"a":.5}`, `{"a":1 "b":2}`, `{,}`, `{"a":[1}`, `{1:2}`, `{"a":#}`, `{{}}`},
	} {
		for _, text := range texts {
			if got := faultOf(text); got != want {
				t.Errorf("%.40q: %v, want %v", text, got, want)
			}
		}
	}
}

// FuzzFault checks that each text that is not valid has a reason.
func FuzzFault(f *testing.F) {
	f.Add(`{"a":[1,{"b":"\ud83d\ude00"}],"c":-1.5e3,"d":null}`)
	f.Add(`{"a":"\ud800"}`)
	f.Add(`{'a':None,}`)
	f.Fuzz(func(t *testing.T, text string) {
		s := jsonscan.New(text)
		for s.Next() {
		}
		got := s.Fault()
		if wanted := !s.Valid() && !s.Repeated(); (got != nil) != wanted || wanted && !slices.Contains(jsonscan.Faults(), got) {
			t.Errorf("%q: valid %v, repeated %v, fault %v", text, s.Valid(), s.Repeated(), got)
		}
		// A valid text that is cut off says so.
		if s.Valid() {
			text = strings.TrimRight(text, " \t\r\n")
			for i := 1; i < len(text); i++ {
				if cut := text[:i]; strings.HasPrefix(cut, "{") && faultOf(cut) != jsonscan.ErrCut && faultOf(cut) != jsonscan.ErrUTF8 {
					s := jsonscan.New(cut)
					for s.Next() {
					}
					t.Errorf("%q: %v", cut, s.Fault())
				}
			}
		}
	})
}
