package tokencache

import (
	"strconv"
	"testing"
)

// Two different tokens may have the same tag.
func TestSameTag(t *testing.T) {
	c := New[string](ways)
	a := "a"
	c.Put(a, c.Hash(a), &a)
	_, tag := c.find(c.Hash("b"))
	for i := range c.sets[0].tags {
		c.sets[0].tags[i].Store(tag)
	}
	if got := c.Get("b", c.Hash("b")); got != nil {
		t.Errorf("Get of another token with the same tag returns %q", *got)
	}
	b := "b"
	c.Put(b, c.Hash(b), &b)
	if got := c.Get("b", c.Hash("b")); got == nil || *got != "b" {
		t.Error("a second token with the same tag is not stored")
	}
	if n := c.held(); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}

// A tag that does not belong to its entry makes a miss. A Put in another
// goroutine leaves that state for a moment.
func TestForeignTag(t *testing.T) {
	c := New[string](ways)
	a := "a"
	c.Put(a, c.Hash(a), &a)
	for i := range c.sets[0].tags {
		c.sets[0].tags[i].Add(1)
	}
	if c.Get("a", c.Hash("a")) != nil {
		t.Error("Get returns an entry with another tag")
	}
}

// Tags differ, so that a lookup reads few entries of other tokens.
func TestTagsDiffer(t *testing.T) {
	c := New[string](ways)
	tags := make(map[uint32]bool)
	for i := range 1000 {
		_, tag := c.find(c.Hash(strconv.Itoa(i)))
		tags[tag] = true
	}
	if len(tags) < 990 {
		t.Errorf("%d different tags of 1000 tokens", len(tags))
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
