package memregistry_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/registry/memregistry"
	"github.com/protomicro/micro/registry/registrytest"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestRegistry(t *testing.T) {
	registrytest.Run(t, func(*testing.T) registrytest.Registry { return memregistry.New() })
}

func TestRegistry_WatchSleepsBetweenChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := memregistry.New()
		start := time.Now()
		time.AfterFunc(time.Hour, func() {
			in := registry.Instance{ID: "w1", Service: "weather", Addrs: []string{"mem://w1"}}
			if err := r.Register(t.Context(), in); err != nil {
				t.Error(err)
			}
		})
		var sizes []int
		for set, err := range r.Watch(t.Context(), "weather") {
			if err != nil {
				t.Fatal(err)
			}
			if sizes = append(sizes, len(set)); len(set) == 1 {
				break
			}
		}
		if got := time.Since(start); len(sizes) != 2 || got != time.Hour {
			t.Errorf("sets of %v instances after %v, want one of 0 and one of 1 after an hour", sizes, got)
		}
	})
}
