package guard_test

import (
	"math"
	"slices"
	"testing"
)

func median(list []float64) float64 { return slices.Sorted(slices.Values(list))[len(list)/2] }

func shifted(list []float64, by float64) (result []float64) {
	for _, v := range list {
		result = append(result, v+by)
	}
	return result
}

// mannWhitney returns U of the first list and the two-sided p value of the
// Mann-Whitney U test, in the normal approximation. It is exact enough for more
// than 20 values each.
func mannWhitney(a, b []float64) (u, p float64) {
	type value struct {
		v     float64
		first bool
	}
	var all []value
	for _, v := range a {
		all = append(all, value{v, true})
	}
	for _, v := range b {
		all = append(all, value{v, false})
	}
	slices.SortFunc(all, func(x, y value) int {
		switch {
		case x.v < y.v:
			return -1
		case x.v > y.v:
			return 1
		}
		return 0
	})
	n, m := float64(len(a)), float64(len(b))
	ranks, ties := 0.0, 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].v == all[i].v {
			j++
		}
		for _, v := range all[i:j] {
			if v.first {
				ranks += float64(i+j+1) / 2
			}
		}
		same := float64(j - i)
		ties += same*same*same - same
		i = j
	}
	u = ranks - n*(n+1)/2
	total := n + m
	sigma := math.Sqrt(n * m / 12 * (total + 1 - ties/(total*(total-1))))
	return u, math.Erfc(math.Abs(u-n*m/2) / sigma / math.Sqrt2)
}

// kolmogorovSmirnov returns the largest difference D of the two distributions
// and the p value of the Kolmogorov-Smirnov test, in the asymptotic form.
func kolmogorovSmirnov(a, b []float64) (d, p float64) {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	n, m := float64(len(a)), float64(len(b))
	for i, j := 0, 0; i < len(a) && j < len(b); {
		v := min(a[i], b[j])
		for i < len(a) && a[i] == v {
			i++
		}
		for j < len(b) && b[j] == v {
			j++
		}
		d = max(d, math.Abs(float64(i)/n-float64(j)/m))
	}
	lambda := d * math.Sqrt(n*m/(n+m))
	if lambda < 0.2 { // the series converges slowly, to 1
		return d, 1
	}
	sign := 2.0
	for k := 1.0; k <= 100; k++ {
		p += sign * math.Exp(-2*k*k*lambda*lambda)
		sign = -sign
	}
	return d, min(1, p)
}

// Both tests find a difference of a sixth of the standard deviation, and none
// in two samples of one distribution.
func TestStatistics(t *testing.T) {
	var a, b []float64
	for i := range 10_000 {
		a = append(a, float64(i*7919%10_007)/10_007)
		b = append(b, float64(i*6007%10_009)/10_009)
	}
	for name, test := range map[string]func(a, b []float64) (statistic, p float64){
		"Mann-Whitney": mannWhitney, "Kolmogorov-Smirnov": kolmogorovSmirnov,
	} {
		_, same := test(a, b)
		_, differ := test(a, shifted(b, 0.05))
		if same < 0.1 || differ > 1e-6 {
			t.Errorf("%s: p = %v of the same distribution, %v of another one", name, same, differ)
		}
	}
	// Two small samples whose values are in the tables.
	x, y := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []float64{6.5, 7.5, 8.5, 9.5, 10.5, 11, 12, 13, 14, 15}
	if u, _ := mannWhitney(x, y); u != 10 {
		t.Errorf("U = %v, want 10", u)
	}
	if d, p := kolmogorovSmirnov(x, y); math.Abs(d-0.6) > 1e-9 || math.Abs(p-0.0546) > 0.0005 {
		t.Errorf("D = %v, p = %v; want 0.6, 0.0546", d, p)
	}
}
