// Package registrytest is the suite that every registry passes.
package registrytest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/protomicro/micro/registry"
)

// patience is how long a change may take to be seen.
const patience = 10 * time.Second

// A Registry is both sides of a registry.
type Registry interface {
	registry.Registrar
	registry.Resolver
}

// Run tests the registries that open returns. Each must be empty.
func Run(t *testing.T, open func(t *testing.T) Registry) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Registry){
		"WatchNothing":          watchNothing,
		"Register":              register,
		"RegisterReplaces":      registerReplaces,
		"RegisterMovesService":  registerMovesService,
		"RegisterCopies":        registerCopies,
		"RegisterInvalid":       registerInvalid,
		"RegisterEnded":         registerEnded,
		"RegisterConcurrently":  registerConcurrently,
		"Deregister":            deregister,
		"DeregisterUnknown":     deregisterUnknown,
		"WatchSortedSet":        watchSortedSet,
		"WatchersAreApart":      watchersAreApart,
		"WatchEndsWithContext":  watchEndsWithContext,
		"WatchNotAfterContext":  watchNotAfterContext,
		"WatchTellsChangesOnly": watchTellsChangesOnly,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// weather returns an instance of the service "weather".
func weather(id string) registry.Instance {
	return registry.Instance{
		ID: id, Service: "weather", Version: "1.2.3",
		Addrs: []string{"tcp://10.0.0.7:8080", "unix:///run/" + id},
		Meta:  map[string]string{"zone": "a"},
	}
}

func mustRegister(t *testing.T, r Registry, ins ...registry.Instance) {
	t.Helper()
	for _, in := range ins {
		if err := r.Register(t.Context(), in); err != nil {
			t.Fatalf("Register(%q) = %v", in.ID, err)
		}
	}
}

// await watches the service until its set is want; sets that come before may differ.
func await(t *testing.T, r registry.Resolver, service string, want ...registry.Instance) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var last []registry.Instance
	for set, err := range r.Watch(ctx, service) {
		if err != nil {
			t.Fatalf("Watch(%q) yields the error %v", service, err)
		}
		if last = set; equal(set, want) {
			return
		}
	}
	t.Fatalf("Watch(%q) never yields the set wanted; (-want +last):\n%s", service, cmp.Diff(want, last))
}

func equal(a, b []registry.Instance) bool {
	return len(a) == len(b) && (len(a) == 0 || cmp.Equal(a, b))
}

// now returns the first set that a Watch yields.
func now(t *testing.T, r registry.Resolver, service string) []registry.Instance {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for set, err := range r.Watch(ctx, service) {
		if err != nil {
			t.Fatalf("Watch(%q) yields the error %v", service, err)
		}
		return set
	}
	t.Fatalf("Watch(%q) yields nothing", service)
	return nil
}

func watchNothing(t *testing.T, r Registry) {
	if set := now(t, r, "weather"); len(set) != 0 {
		t.Errorf("Watch of an empty registry yields %v, want an empty set", set)
	}
}

func register(t *testing.T, r Registry) {
	mustRegister(t, r, weather("w1"))
	await(t, r, "weather", weather("w1"))
	await(t, r, "time")
}

func registerReplaces(t *testing.T, r Registry) {
	changed := weather("w1")
	changed.Version = "2.0.0"
	changed.Addrs = []string{"tcp://10.0.0.8:8080"}
	changed.Meta = nil
	mustRegister(t, r, weather("w1"), weather("w2"), changed)
	await(t, r, "weather", changed, weather("w2"))
}

func registerMovesService(t *testing.T, r Registry) {
	moved := weather("w1")
	moved.Service = "time"
	mustRegister(t, r, weather("w1"), moved)
	await(t, r, "weather")
	await(t, r, "time", moved)
}

func registerCopies(t *testing.T, r Registry) {
	in := weather("w1")
	mustRegister(t, r, in)
	in.Addrs[0] = "tcp://changed:1"
	in.Meta["zone"] = "changed"
	await(t, r, "weather", weather("w1"))
}

func registerInvalid(t *testing.T, r Registry) {
	for name, spoil := range map[string]func(*registry.Instance){
		"ID":      func(in *registry.Instance) { in.ID = "" },
		"Service": func(in *registry.Instance) { in.Service = "" },
		"Addrs":   func(in *registry.Instance) { in.Addrs = nil },
	} {
		in := weather("w1")
		spoil(&in)
		if err := r.Register(t.Context(), in); err == nil {
			t.Errorf("Register without %s succeeds", name)
		}
	}
	await(t, r, "weather")
}

func registerEnded(t *testing.T, r Registry) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Register(ctx, weather("w1")); err == nil {
		t.Error("Register with an ended context succeeds")
	}
	await(t, r, "weather")
}

func registerConcurrently(t *testing.T, r Registry) {
	const n = 16
	var want []registry.Instance
	var wg sync.WaitGroup
	for i := range n {
		in := weather(fmt.Sprintf("w%02d", i))
		want = append(want, in)
		wg.Go(func() {
			if err := r.Register(t.Context(), in); err != nil {
				t.Errorf("Register(%q) = %v", in.ID, err)
			}
		})
	}
	wg.Wait()
	await(t, r, "weather", want...)
}

func deregister(t *testing.T, r Registry) {
	mustRegister(t, r, weather("w1"), weather("w2"))
	await(t, r, "weather", weather("w1"), weather("w2"))
	if err := r.Deregister(t.Context(), "w1"); err != nil {
		t.Fatalf("Deregister = %v", err)
	}
	await(t, r, "weather", weather("w2"))
}

func deregisterUnknown(t *testing.T, r Registry) {
	mustRegister(t, r, weather("w1"))
	if err := r.Deregister(t.Context(), "w2"); err != nil {
		t.Errorf("Deregister of an unknown instance = %v, want nil", err)
	}
	await(t, r, "weather", weather("w1"))
}
