// Package fileregistry keeps instances in a JSON file that several processes of one machine share, and that people can
// write by hand:
//
//	{"instances": [{"id": "weather-1", "service": "weather", "addrs": ["tcp://10.0.0.7:8080"]}]}
package fileregistry

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/protomicro/micro/registry"
)

// A Registry is the set of instances that a file lists. A file that does not exist lists none. An instance stays listed
// until somebody deregisters it, even if its process dies. It implements registry.Registrar and registry.Resolver and
// is safe for concurrent use, by several processes at once.
type Registry struct {
	// Interval is how often Watch looks whether the file has changed; default 1 s. It must not be changed once the
	// Registry is in use.
	Interval time.Duration

	path string
	turn chan struct{} // holds a token while one goroutine changes the file
}

// New returns the registry in the file at path. Beside it, a file called path + ".lock" keeps those apart who change it.
func New(path string) *Registry { return &Registry{path: path, turn: make(chan struct{}, 1)} }

// Register lists in, or replaces what was listed under its ID. A file that cannot be read as a registry is an error, and
// is left alone.
func (r *Registry) Register(ctx context.Context, in registry.Instance) error {
	if err := in.Validate(); err != nil {
		return err
	}
	err := r.update(ctx, func(set []registry.Instance) []registry.Instance {
		set = slices.DeleteFunc(set, func(old registry.Instance) bool { return old.ID == in.ID })
		return append(set, in)
	})
	if err != nil {
		return fmt.Errorf("fileregistry: register %q: %w", in.ID, err)
	}
	return nil
}

// Deregister takes the instance off the list. One that is not listed is no error.
func (r *Registry) Deregister(ctx context.Context, id string) error {
	err := r.update(ctx, func(set []registry.Instance) []registry.Instance {
		return slices.DeleteFunc(set, func(old registry.Instance) bool { return old.ID == id })
	})
	if err != nil {
		return fmt.Errorf("fileregistry: deregister %q: %w", id, err)
	}
	return nil
}

// Watch yields the instances of the service, sorted by ID, at once and after each change that it sees, until ctx ends or
// the loop is left. If the file vanishes or cannot be read it yields the error once, and goes on when the file is well
// again.
func (r *Registry) Watch(ctx context.Context, service string) iter.Seq2[[]registry.Instance, error] {
	return func(yield func([]registry.Instance, error) bool) {
		w := watcher{file: r.path, service: service}
		ticker := time.NewTicker(r.interval())
		defer ticker.Stop()
		for ctx.Err() == nil {
			set, changed, err := w.look()
			if (changed || err != nil) && !yield(set, err) {
				return
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	}
}

func (r *Registry) interval() time.Duration {
	if r.Interval <= 0 {
		return time.Second
	}
	return r.Interval
}

// update rewrites the file, unless change changes nothing, while nobody else does.
func (r *Registry) update(ctx context.Context, change func([]registry.Instance) []registry.Instance) error {
	unlock, err := r.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	old, _, err := read(r.path)
	if err != nil {
		return err
	}
	sortByID(old)
	set := change(slices.Clone(old))
	sortByID(set)
	if slices.EqualFunc(set, old, registry.Instance.Equal) {
		return nil
	}
	return write(r.path, set)
}

func sortByID(set []registry.Instance) {
	slices.SortFunc(set, func(a, b registry.Instance) int { return strings.Compare(a.ID, b.ID) })
}
