package selector_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/selector"
	"github.com/protomicro/micro/status"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func instances(n int) []registry.Instance {
	set := make([]registry.Instance, n)
	for i := range set {
		set[i] = registry.Instance{ID: fmt.Sprintf("w%d", i), Service: "weather"}
	}
	return set
}

// pick returns how often each instance is picked in n picks, and fails if there is an error.
func pick(t *testing.T, s selector.Selector, n int) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for range n {
		in, _, err := s.Pick(t.Context())
		if err != nil {
			t.Errorf("Pick = %v", err)
		}
		counts[in.ID]++
	}
	return counts
}

func TestSelectors(t *testing.T) {
	for name, open := range map[string]func() selector.Selector{
		"RoundRobin": func() selector.Selector { return new(selector.RoundRobin) },
		"Random":     func() selector.Selector { return new(selector.Random) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open()
			none := func(when string) {
				if in, done, err := s.Pick(t.Context()); !errors.Is(err, selector.ErrNone) || done != nil || in.ID != "" {
					t.Errorf("%s: Pick = %v, %v, want ErrNone", when, in, err)
				}
			}
			none("zero value")
			if got := status.CodeOf(selector.ErrNone); got != status.Unavailable {
				t.Errorf("the code of ErrNone is %v", got)
			}
			s.Update(instances(1))
			if got := pick(t, s, 3); got["w0"] != 3 {
				t.Errorf("one instance: picks %v", got)
			}
			s.Update(instances(5))
			if got := pick(t, s, 1000); len(got) != 5 || got[""] != 0 {
				t.Errorf("five instances: picks %v, want all five", got)
			}
			s.Update(instances(2))
			if got := pick(t, s, 1000); len(got) != 2 || got["w0"]+got["w1"] != 1000 {
				t.Errorf("two instances left: picks %v", got)
			}
			s.Update(nil)
			none("nothing left")
			s.Update([]registry.Instance{})
			none("empty set")
		})
	}
}

func TestRoundRobin_TakesTurns(t *testing.T) {
	var s selector.RoundRobin
	s.Update(instances(3))
	var got []string
	for range 7 {
		in, _, err := s.Pick(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, in.ID)
	}
	if want := []string{"w0", "w1", "w2", "w0", "w1", "w2", "w0"}; !slices.Equal(got, want) {
		t.Errorf("picks %v, want %v", got, want)
	}
}

func TestRoundRobin_IsExact(t *testing.T) {
	for k := 1; k <= 7; k++ {
		for n := range 50 {
			var s selector.RoundRobin
			s.Update(instances(k))
			wantFair(t, pick(t, &s, n), n, k)
		}
	}
}

// TestRoundRobin_UpdateKeepsThePosition announces the same set before each pick, as a registry that renews does.
func TestRoundRobin_UpdateKeepsThePosition(t *testing.T) {
	const n, k = 100, 7
	var s selector.RoundRobin
	counts := make(map[string]int)
	for range n {
		s.Update(instances(k))
		for id, c := range pick(t, &s, 1) {
			counts[id] += c
		}
	}
	wantFair(t, counts, n, k)
}

func TestRoundRobin_IsExactConcurrently(t *testing.T) {
	const callers, each, k = 8, 1001, 7
	var s selector.RoundRobin
	s.Update(instances(k))
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex // guards counts
		counts = make(map[string]int)
	)
	for range callers {
		wg.Go(func() {
			own := pick(t, &s, each)
			s.Update(instances(k))
			mu.Lock()
			defer mu.Unlock()
			for id, c := range own {
				counts[id] += c
			}
		})
	}
	wg.Wait()
	wantFair(t, counts, callers*each, k)
}

// wantFair wants each of k instances to have n/k picks, rounded up or down.
func wantFair(t *testing.T, counts map[string]int, n, k int) {
	t.Helper()
	sum := 0
	for _, in := range instances(k) {
		c := counts[in.ID]
		sum += c
		if c < n/k || c > (n+k-1)/k {
			t.Errorf("%d picks of %d instances: %v is not fair", n, k, counts)
			return
		}
	}
	if sum != n {
		t.Errorf("%d picks of %d instances: %v is %d in all", n, k, counts, sum)
	}
}

// TestRandom_IsEven fails with a chance of less than one in a million: the bounds are six standard deviations.
func TestRandom_IsEven(t *testing.T) {
	const n, k, bound = 40_000, 4, 520
	var s selector.Random
	s.Update(instances(k))
	for id, c := range pick(t, &s, n) {
		if c < n/k-bound || c > n/k+bound {
			t.Errorf("%s is picked %d times of %d, want %d give or take %d", id, c, n, n/k, bound)
		}
	}
}

func TestPick_DoesNotAllocate(t *testing.T) {
	for _, s := range []selector.Selector{new(selector.RoundRobin), new(selector.Random)} {
		s.Update(instances(3))
		if got := testing.AllocsPerRun(100, func() { _, _, _ = s.Pick(t.Context()) }); got != 0 {
			t.Errorf("%T: %v allocations per Pick, want none", s, got)
		}
	}
}

func BenchmarkRoundRobin_Pick(b *testing.B) {
	var s selector.RoundRobin
	s.Update(instances(3))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _, _ = s.Pick(b.Context())
		}
	})
}
