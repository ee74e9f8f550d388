package keyset_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
	"github.com/seed-0a072700/jwtauth/internal/keyset"
)

// wrapped is a type of key that only a caller knows.
type wrapped struct{ key *jose.Key }

func wrap(key *jose.Key) wrapped { return wrapped{key} }

func generate(t testing.TB, alg jose.Algorithm) *jose.Key {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// setOf returns a set to which each of keys was added by Add.
func setOf(t testing.TB, keys ...*jose.Key) *keyset.Set[wrapped] {
	t.Helper()
	set := keyset.New(wrap)
	for _, key := range keys {
		if err := set.Add(key); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

func ids(keys []wrapped) (ids []string) {
	for _, w := range keys {
		ids = append(ids, w.key.ID())
	}
	return ids
}

func TestLookup(t *testing.T) {
	named := generate(t, jose.ES256).WithID("named")
	derived := generate(t, jose.ES256)
	other := generate(t, jose.EdDSA).WithID("other")
	secret := generate(t, jose.HS256) // without an ID
	set := setOf(t, named, derived, other, secret)
	for _, c := range []struct {
		name string
		alg  jose.Algorithm
		id   string
		want []string
	}{
		{"assigned ID", jose.ES256, "named", []string{"named"}},
		{"derived ID", jose.ES256, derived.ID(), []string{derived.ID()}},
		{"unknown ID", jose.ES256, "unknown", []string{derived.ID()}},
		{"ID in another case", jose.ES256, "Named", []string{derived.ID()}},
		{"empty ID", jose.ES256, "", []string{"named", derived.ID()}},
		{"ID of a key for another algorithm", jose.ES256, "other", []string{derived.ID()}},
		{"unknown ID, all IDs assigned", jose.EdDSA, "unknown", nil},
		{"empty ID, another algorithm", jose.EdDSA, "", []string{"other"}},
		{"any ID of a secret without one", jose.HS256, "x", []string{""}},
		{"empty ID of a secret without one", jose.HS256, "", []string{""}},
		{"algorithm without keys", jose.RS256, "", nil},
		{"algorithm without keys, ID of a key", jose.RS256, "named", nil},
		{"no algorithm", "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := set.Lookup(c.alg, c.id)
			if !slices.Equal(ids(got), c.want) {
				t.Errorf("got %q, want %q", ids(got), c.want)
			}
			for _, w := range got {
				if w.key.Algorithm() != c.alg {
					t.Errorf("%v is for another algorithm", w.key)
				}
			}
		})
	}
}

func TestLookupPublished(t *testing.T) {
	a, b, c := generate(t, jose.EdDSA), generate(t, jose.EdDSA), generate(t, jose.ES256)
	derived := generate(t, jose.EdDSA)
	set := keyset.New(wrap)
	for _, key := range []*jose.Key{a.WithID("same"), b.WithID("same"), c.WithID("same"), derived} {
		set.AddPublished(key.Public())
	}
	for _, c := range []struct {
		alg  jose.Algorithm
		id   string
		want []string // thumbprints
	}{
		{jose.EdDSA, "same", []string{a.ID(), b.ID()}},
		{jose.ES256, "same", []string{c.ID()}},
		{jose.EdDSA, derived.ID(), []string{derived.ID()}},
		{jose.EdDSA, "unknown", nil}, // the publisher of a key also writes the IDs of tokens
		{jose.EdDSA, a.ID(), nil},
		{jose.EdDSA, "", []string{a.ID(), b.ID(), derived.ID()}},
	} {
		var got []string
		for _, w := range set.Lookup(c.alg, c.id) {
			got = append(got, w.key.Thumbprint())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %q: got %q, want %q", c.alg, c.id, got, c.want)
		}
	}
}

func TestAddKeepsPublicParts(t *testing.T) {
	private, secret := generate(t, jose.EdDSA), generate(t, jose.HS256)
	set := setOf(t, private, secret)
	if got := set.Lookup(jose.EdDSA, ""); len(got) != 1 || got[0].key.CanSign() {
		t.Errorf("the set holds %v, want the public part of one key", got)
	}
	if got := set.Lookup(jose.HS256, ""); len(got) != 1 || !got[0].key.CanSign() {
		t.Errorf("the set holds %v, want the secret", got)
	}
}

// A caller may recognize a key by its pointer.
func TestAddKeepsPublicKeys(t *testing.T) {
	public := generate(t, jose.EdDSA).Public()
	set := setOf(t, public)
	if got := set.Lookup(jose.EdDSA, public.ID()); len(got) != 1 || got[0].key != public {
		t.Errorf("got %v, want the key that was added", got)
	}
	published := keyset.New(wrap)
	published.AddPublished(public)
	if got := published.Lookup(jose.EdDSA, public.ID()); len(got) != 1 || got[0].key != public {
		t.Errorf("got %v, want the key that was added", got)
	}
}

func TestAddRefuses(t *testing.T) {
	public, secret := generate(t, jose.EdDSA), generate(t, jose.HS256)
	for _, c := range []struct {
		name string
		keys []*jose.Key
		want string // part of the last key's error
	}{
		{"nil", []*jose.Key{nil}, "zero Key"},
		{"public part of a secret", []*jose.Key{secret.Public()}, "zero Key"},
		{"invalid ID", []*jose.Key{public.WithID("a\n")}, "control characters"},
		{"same key twice", []*jose.Key{public, public}, "WithID"},
		{"public part beside its key", []*jose.Key{public, public.Public()}, "WithID"},
		{"two keys with one ID", []*jose.Key{public.WithID("k"), generate(t, jose.ES256).WithID("k")}, "WithID"},
		{"secret with the ID of a public key", []*jose.Key{public.WithID("k"), secret.WithID("k")}, "WithID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := keyset.New(wrap)
			var err error
			for _, key := range c.keys {
				if err != nil {
					t.Fatal(err)
				}
				err = set.Add(key)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if got := set.Len(); got != len(c.keys)-1 {
				t.Errorf("the set has %d keys after the error, want %d", got, len(c.keys)-1)
			}
		})
	}
	for name, keys := range map[string][]*jose.Key{
		"secrets without IDs":         {secret, generate(t, jose.HS256), generate(t, jose.HS512)},
		"one key under two IDs":       {public, public.WithID("b")},
		"public keys beside a secret": {public, secret, generate(t, jose.ES384)},
	} {
		set := keyset.New(wrap)
		var errs error
		for _, key := range keys {
			errs = errors.Join(errs, set.Add(key))
		}
		if errs != nil || set.Len() != len(keys) {
			t.Errorf("%s: %d keys, %v", name, set.Len(), errs)
		}
	}
}

func TestKeys(t *testing.T) {
	var keys []*jose.Key
	for i, alg := range []jose.Algorithm{jose.EdDSA, jose.ES256, jose.HS256, jose.EdDSA, jose.ES256} {
		keys = append(keys, generate(t, alg).WithID(string(rune('a'+i))))
	}
	set := setOf(t, keys...)
	var got []string
	for key := range set.Keys() {
		got = append(got, key.ID())
	}
	if want := []string{"c", "b", "e", "a", "d"}; !slices.Equal(got, want) || set.Len() != len(want) {
		t.Errorf("got %d keys, %q; want %q", set.Len(), got, want)
	}
	for key := range set.Keys() {
		if key.ID() != "c" {
			t.Errorf("Keys goes on with %v after the loop ended", key)
		}
		break
	}
}

func TestNilSet(t *testing.T) {
	var set *keyset.Set[wrapped]
	if set.Len() != 0 || set.Lookup(jose.ES256, "") != nil || set.Lookup(jose.ES256, "k") != nil {
		t.Error("a nil set has keys")
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	key := generate(t, jose.EdDSA).WithID("k")
	set := setOf(t, key, generate(t, jose.EdDSA))
	for _, id := range []string{"k", "", "unknown"} {
		if allocs := testing.AllocsPerRun(100, func() {
			if len(set.Lookup(jose.EdDSA, id)) == 0 {
				t.Error("no keys")
			}
		}); allocs != 0 {
			t.Errorf("ID %q: %v allocations", id, allocs)
		}
	}
}
