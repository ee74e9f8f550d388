package main

import (
	"path/filepath"
	"testing"
)

// Figures that are saved and loaded again lead to the same report.
func TestAddTo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.json")
	one := figures{results: results{"a": {ns: []float64{1}}}, hits: []hitRate{{Uses: 1, Rate: 0.5}}, cache: &cacheReport{tokens: 7}, cacheRSA: &cacheReport{}}
	if _, err := one.addTo(file); err != nil {
		t.Fatal(err)
	}
	all, err := figures{results: results{"b": {ns: []float64{2}}}, floods: someFloods()}.addTo(file)
	if err != nil || len(all.results) != 2 || all.hits[0].Rate != 0.5 || all.cache.tokens != 7 || all.floods.bounded.Served != 9 {
		t.Errorf("%+v, %v", all, err)
	}
	again, err := figures{}.addTo(file)
	if err != nil || again.results["b"].ns[0] != 2 || again.floods.bounded.Served != 9 {
		t.Errorf("loaded again: %+v, %v", again, err)
	}
}
