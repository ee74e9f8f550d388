package decoded_test

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-0a072700/jwtauth/internal/decoded"
)

type plain struct {
	Name   string
	Level  int
	Admin  bool
	Ratio  float64
	Number json.Number
	At     time.Time
	Since  time.Duration
	Pair   [2]string
	Inner  struct{ Role string }
	unread int
}

type lists struct {
	Roles  []string
	Levels []int
	Inner  struct{ Points []struct{ X, Y int } }
}

type custom string

func (c *custom) UnmarshalText(text []byte) error { *c = custom(text) + "!"; return nil }

type embedded struct{ Roles []string }

const text = `{"Name":"ann","Level":3,"Admin":true,"Ratio":0.5,"Number":12,"At":"2030-01-02T03:04:05Z",` +
	`"Since":7,"Pair":["a","b"],"Inner":{"Role":"x","Points":[{"X":1,"Y":2}]},"Roles":["r","w"],"Levels":[1,2],"Empty":[]}`

// decode decodes text into a new T and stores it.
func decode[T any](t *testing.T, r *decoded.Results) (want T) {
	t.Helper()
	wanted := r.Wants(&want)
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if wanted {
		r.Store(&want)
	}
	return want
}

// checkLoads loads a T twice in both ways, and changes each result.
func checkLoads[T any](t *testing.T, change func(*T)) {
	t.Helper()
	var r decoded.Results
	if _, ok := decoded.Load[T](&r); ok {
		t.Error("the zero Results has a value")
	}
	first, want := decode[T](t, &r), decode[T](t, new(decoded.Results))
	change(&first) // the value that was stored, too
	for range 2 {
		got, ok := decoded.Load[T](&r)
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("Load: %+v, %v, want %+v", got, ok, want)
		}
		change(&got)
		var into T
		if !r.LoadInto(&into) || !reflect.DeepEqual(into, want) {
			t.Errorf("LoadInto: %+v, want %+v", into, want)
		}
		change(&into)
	}
}

func TestLoad(t *testing.T) {
	checkLoads(t, func(p *plain) { *p = plain{Name: "evil", Pair: [2]string{"x", "y"}, unread: 1} })
	checkLoads(t, func(l *lists) {
		l.Roles[0], l.Levels[0], l.Inner.Points[0].X = "evil", 99, 99
		l.Roles, l.Levels = append(l.Roles[:1], "worse"), append(l.Levels[:1], 98)
	})
	checkLoads(t, func(e *struct{ Empty, Absent []string }) { e.Empty = append(e.Empty, "evil") })
}

// A caller could change such values for another request, or their decoding has
// effects. So they are not remembered.
func TestTypesThatAreNotRemembered(t *testing.T) {
	checkNot[map[string]any](t)
	checkNot[any](t)
	checkNot[struct{ Name *string }](t)
	checkNot[struct{ Inner map[string]any }](t)
	checkNot[struct{ Level any }](t)
	checkNot[struct{ Level json.RawMessage }](t)
	checkNot[struct{ Name custom }](t)
	checkNot[struct{ Roles []custom }](t)
	checkNot[struct{ Pair [2]custom }](t)
	checkNot[struct{ Level big.Int }](t)
	checkNot[struct{ Inner struct{ Role *string } }](t)
	checkNot[struct{ Roles []*string }](t)
	checkNot[struct{ Roles []any }](t)
	checkNot[struct{ Pair [2]*string }](t)
	checkNot[struct{ Other [][]string }](t)
	checkNot[struct{ Other [1][]string }](t)
	checkNot[struct{ Other func() }](t)
	checkNot[struct{ Other chan int }](t)
	checkNot[struct{ other []string }](t)
	checkNot[struct{ embedded }](t)
	checkNot[struct{ *plain }](t)
	checkNot[struct{ time.Time }](t) // decodes itself like its field
	checkNot[struct{ Other [3000]byte }](t)
	checkNot[struct{ mu sync.Mutex }](t) // another goroutine may hold it
	checkNot[struct{ Uses atomic.Int64 }](t)
	checkNot[struct{ Other [2]sync.Once }](t)
}

func checkNot[T any](t *testing.T) {
	t.Helper()
	var r decoded.Results
	value := new(T)
	if r.Wants(value) {
		t.Errorf("a %T is remembered", value)
	}
}

// The limit counts the elements of slices.
func TestSize(t *testing.T) {
	type list struct{ Levels []int64 }
	for n, want := range map[int]bool{100: true, 253: true, 254: false, 1000: false} { // 2,048 bytes, 24 of which are the header
		var r decoded.Results
		r.Store(&list{make([]int64, n)})
		if _, ok := decoded.Load[list](&r); ok != want {
			t.Errorf("%d elements: remembered %v, want %v", n, ok, want)
		}
	}
}

// Only a zero value is replaced: decoding into others keeps parts of them.
func TestLoadIntoOtherValues(t *testing.T) {
	var r decoded.Results
	decode[plain](t, &r)
	changed := plain{unread: 1}
	if r.LoadInto(&changed) || changed != (plain{unread: 1}) {
		t.Errorf("a value that is not zero is replaced: %+v", changed)
	}
	var none *plain
	if r.LoadInto(none) || r.LoadInto(plain{}) || r.LoadInto(nil) || r.LoadInto(new(lists)) {
		t.Error("LoadInto returns true for nil, a struct or a pointer to another type")
	}
	if r.Wants(&changed) || r.Wants(none) || r.Wants(plain{}) || r.Wants(nil) {
		t.Error("Results wants other values than zero ones behind a pointer")
	}
	var missing *decoded.Results
	if _, ok := decoded.Load[plain](missing); ok || missing.LoadInto(new(plain)) || missing.Wants(new(plain)) {
		t.Error("a nil Results has a value")
	}
}

// -0 is the default of one caller, which no other one gets or loses.
func TestNegativeZero(t *testing.T) {
	type ratios struct {
		Name  string
		Known [1]struct{ F float64 }
		Small float32
	}
	negative := math.Copysign(0, -1)
	for _, value := range []ratios{{Small: float32(negative)}, {Known: [1]struct{ F float64 }{{negative}}}} {
		var r decoded.Results
		if r.Wants(&value) {
			t.Errorf("%v is remembered", value)
		}
		decode[ratios](t, &r)
		if r.LoadInto(&value) || value.Name != "" {
			t.Errorf("-0 is replaced: %v", value)
		}
	}
}

func TestFourTypes(t *testing.T) {
	var r decoded.Results
	type a struct{ Name string }
	type b struct{ Name string }
	type c struct{ Name string }
	type d struct{ Name string }
	type e struct{ Name string }
	for range 2 { // the same type is stored once
		decode[a](t, &r)
		decode[b](t, &r)
		decode[c](t, &r)
	}
	decode[d](t, &r)
	decode[e](t, &r)
	_, okA := decoded.Load[a](&r)
	_, okD := decoded.Load[d](&r)
	_, okE := decoded.Load[e](&r)
	if !okA || !okD || okE {
		t.Errorf("the first, fourth and fifth type are remembered: %v, %v, %v", okA, okD, okE)
	}
}

// Goroutines store, load and change values of several types, for the race
// detector.
func TestConcurrently(t *testing.T) {
	var r decoded.Results
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				got, ok := decoded.Load[lists](&r)
				if !ok {
					got = decode[lists](t, &r)
				}
				if got.Roles[0] != "r" || got.Levels[0] != 1 || got.Inner.Points[0].X != 1 {
					t.Errorf("another goroutine has changed %+v", got)
				}
				got.Roles[0], got.Levels[0], got.Inner.Points[0].X = "evil", 99, 99
				if p, ok := decoded.Load[plain](&r); !ok {
					decode[plain](t, &r)
				} else if p.Name != "ann" {
					t.Errorf("another goroutine has changed %+v", p)
				}
			}
		})
	}
	wg.Wait()
}
