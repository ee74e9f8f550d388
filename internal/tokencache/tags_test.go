package tokencache

import "testing"

// Two tokens with one tag are as different as any: the tag only saves looks at others.
func TestSameTag(t *testing.T) {
	c := New[string](ways)
	a := "a"
	c.Put(a, &a)
	_, tag := c.find("b")
	for i := range c.sets[0].tags {
		c.sets[0].tags[i].Store(tag)
	}
	if got := c.Get("b"); got != nil {
		t.Errorf("Get finds %q under another token with the same tag", *got)
	}
	b := "b"
	c.Put(b, &b)
	if got := c.Get("b"); got == nil || *got != "b" {
		t.Error("a token that shares its tag with another is not stored beside it")
	}
	if n := c.held(); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}

// A tag that does not belong to its entry any more, as a Put in another goroutine leaves it for a moment, makes a miss.
func TestForeignTag(t *testing.T) {
	c := New[string](ways)
	a := "a"
	c.Put(a, &a)
	for i := range c.sets[0].tags {
		c.sets[0].tags[i].Add(1)
	}
	if c.Get("a") != nil {
		t.Error("Get looks at entries whose tag is another")
	}
}

func (c *Cache[V]) held() (n int) {
	for i := range c.sets {
		for j := range c.sets[i].slots {
			if c.sets[i].slots[j].Load() != nil {
				n++
			}
		}
	}
	return n
}
