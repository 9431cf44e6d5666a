package registrytest

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/protomicro/micro/registry"
)

func watchSortedSet(t *testing.T, r Registry) {
	mustRegister(t, r, weather("w3"), weather("w1"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next, stop := iter.Pull2(r.Watch(ctx, "weather"))
	defer stop()
	for _, step := range []struct {
		change func() error
		want   []string
	}{
		{nil, []string{"w1", "w3"}},
		{func() error { return r.Register(ctx, weather("w2")) }, []string{"w1", "w2", "w3"}},
		{func() error { return r.Deregister(ctx, "w1") }, []string{"w2", "w3"}},
		{func() error { return r.Register(ctx, weather("w0")) }, []string{"w0", "w2", "w3"}},
	} {
		if step.change != nil {
			if err := step.change(); err != nil {
				t.Fatal(err)
			}
		}
		for got := []string(nil); !slices.Equal(got, step.want); {
			set, err, ok := next()
			if !ok || err != nil {
				t.Fatalf("Watch yields error %v, ok %v while waiting for %v; last %v", err, ok, step.want, got)
			}
			if got = ids(set); !slices.IsSorted(got) {
				t.Fatalf("Watch yields %v, which is not sorted", got)
			}
		}
	}
}

func ids(set []registry.Instance) []string {
	var got []string
	for _, in := range set {
		got = append(got, in.ID)
	}
	return got
}

// watchersAreApart has watchers of two services, each of which sees its own, and one that spoils the slice it is given.
func watchersAreApart(t *testing.T, r Registry) {
	clock := weather("t1")
	clock.Service = "time"
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { awaitHere(t, r, weather("w1"), weather("w2")) })
		wg.Go(func() { awaitHere(t, r, clock) })
	}
	mustRegister(t, r, weather("w1"), clock, weather("w2"))
	wg.Wait()
	for set, err := range r.Watch(t.Context(), "weather") {
		if err != nil {
			t.Fatalf("Watch yields the error %v", err)
		}
		if len(set) == 2 {
			set[0].Addrs[0], set[0].Meta["zone"] = "spoiled", "spoiled"
			set[1] = registry.Instance{}
			break
		}
	}
	await(t, r, "weather", weather("w1"), weather("w2"))
}

// awaitHere is await for goroutines other than the test's.
func awaitHere(t *testing.T, r registry.Resolver, want ...registry.Instance) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for set, err := range r.Watch(ctx, want[0].Service) {
		if err != nil {
			t.Errorf("Watch yields the error %v", err)
		}
		if equal(set, want) {
			return
		}
	}
	t.Errorf("a watcher of %q never sees %v", want[0].Service, ids(want))
}

func watchEndsWithContext(t *testing.T, r Registry) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range r.Watch(ctx, "weather") {
		if err != nil {
			t.Errorf("Watch yields the error %v", err)
		}
		cancel() // the loop ends, or the test times out
	}
	mustRegister(t, r, weather("w1"))
	await(t, r, "weather", weather("w1"))
}

func watchNotAfterContext(t *testing.T, r Registry) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for set, err := range r.Watch(ctx, "weather") {
		if err == nil {
			t.Errorf("Watch with an ended context yields %v", set)
		}
	}
}

// watchTellsChangesOnly announces the same again, and an instance of another service: the next set is that of the next
// change of this one.
func watchTellsChangesOnly(t *testing.T, r Registry) {
	mustRegister(t, r, weather("w1"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next, stop := iter.Pull2(r.Watch(ctx, "weather"))
	defer stop()
	for {
		set, err, ok := next()
		if !ok || err != nil {
			t.Fatalf("Watch yields error %v, ok %v", err, ok)
		}
		if len(set) == 1 {
			break
		}
	}
	clock := weather("t1")
	clock.Service = "time"
	mustRegister(t, r, weather("w1"), clock)
	changed := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { changed <- r.Register(ctx, weather("w2")) })
	defer wg.Wait()
	set, err, ok := next()
	if !ok || err != nil {
		t.Fatalf("Watch yields error %v, ok %v", err, ok)
	}
	if got, want := ids(set), []string{"w1", "w2"}; !slices.Equal(got, want) {
		t.Errorf("Watch yields %v after an announcement that changes nothing, want nothing until %v", got, want)
	}
	if err := <-changed; err != nil {
		t.Error(err)
	}
}
