package jsonscan

import (
	"slices"
	"strings"
	"unicode"
)

// nameSet finds duplicate names. Objects in tokens are small: a filter of 64
// bits is usually sufficient, and a short list decides if it is not. In large
// objects, a map keeps the work linear.
type nameSet struct {
	filter uint64
	count  int
	list   [16]span            // the first names without escapes
	others map[string]struct{} // all other names
}

// addName adds the name of the current member to the set. It returns false if
// the set contains the name already.
func (s *Scanner) addName() bool {
	n, name := &s.names, s.Name()
	bit := nameBit(name)
	if n.filter&bit != 0 && s.hasName(name) {
		return false
	}
	n.filter |= bit
	if n.count < len(n.list) && !s.nameEscaped {
		n.list[n.count] = s.name
		n.count++
		return true
	}
	if n.others == nil {
		n.others = make(map[string]struct{})
	}
	n.others[name] = struct{}{}
	return true
}

func (s *Scanner) hasName(name string) bool {
	for _, other := range s.names.list[:s.names.count] {
		if s.src[other.from:other.to] == name {
			return true
		}
	}
	_, ok := s.names.others[name]
	return ok
}

func nameBit(name string) uint64 {
	if name == "" {
		return 1
	}
	h := uint(len(name)) + 7*uint(name[0]) + 31*uint(name[len(name)-1])
	return 1 << (h & 63)
}

// AmbiguousNames returns the name of a member of the object v that another
// member has as well, in the same or in another case. encoding/json decodes
// both into the same struct field, so the last one or a mixture of both counts,
// while other decoders see two members. It does not look into the members.
func (v Value) AmbiguousNames() (name string, ambiguous bool) {
	var names FoldSet
	v.Members(func(n string, _ Value) bool {
		name, ambiguous = n, !names.Add(n)
		return !ambiguous
	})
	return name, ambiguous
}

// RepeatsName reports whether any object in v, at any depth, has two members of
// the same name. Decoders disagree on which of them counts.
func (v Value) RepeatsName() bool {
	if v.Kind != Object && v.Kind != Array {
		return false
	}
	_, repeats := repeatsAt(v.Text, 0)
	return repeats
}

// repeatsAt checks the value at i in a valid text and returns the index after
// it. It reads each byte once and recurses at most [MaxDepth] deep.
func repeatsAt(text string, i int) (end int, repeats bool) {
	open := text[i]
	if open != '{' && open != '[' {
		end, _ = skipValue(text, i)
		return end, false
	}
	var stack [8]string
	names := stack[:0]
	i = skipSpace(text, i+1)
	for text[i] != closing(open) {
		if open == '{' {
			var name string
			name, i = readName(text, i)
			names = append(names, name)
		}
		if i, repeats = repeatsAt(text, i); repeats {
			return 0, true
		}
		i = skipComma(text, i)
	}
	slices.Sort(names)
	for n := 1; n < len(names); n++ {
		if names[n] == names[n-1] {
			return 0, true
		}
	}
	return i + 1, false
}

// FoldSet is a set of names in which names that differ only in case are equal.
// The zero FoldSet is empty.
type FoldSet struct {
	count int
	list  [16]string
	large map[string]struct{}
}

// Add adds name to the set. It returns false if the set contains the name
// already.
func (f *FoldSet) Add(name string) bool {
	if f.large == nil && f.count < len(f.list) {
		for _, other := range f.list[:f.count] {
			if strings.EqualFold(other, name) {
				return false
			}
		}
		f.list[f.count] = name
		f.count++
		return true
	}
	if f.large == nil {
		f.large = make(map[string]struct{})
		for _, other := range f.list {
			f.large[Fold(other)] = struct{}{}
		}
	}
	key := Fold(name)
	if _, ok := f.large[key]; ok {
		return false
	}
	f.large[key] = struct{}{}
	return true
}

// Fold replaces every letter in name with one representative of all its cases.
// Two names fold to the same text if and only if strings.EqualFold returns true
// for them. encoding/json matches names to struct fields in the same way.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}
