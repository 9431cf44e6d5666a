// Package memregistry keeps the instances of one process: for tests, and for services that run side by side.
package memregistry

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/protomicro/micro/registry"
)

// A Registry is a set of instances in memory. It implements registry.Registrar and registry.Resolver and is safe for
// concurrent use.
type Registry struct {
	mu        sync.Mutex // guards below
	instances map[string]registry.Instance
	changed   chan struct{} // closed, and replaced, at each change
}

// New returns a registry without instances.
func New() *Registry {
	return &Registry{instances: make(map[string]registry.Instance), changed: make(chan struct{})}
}

// Register announces in, or replaces what was announced under its ID.
func (r *Registry) Register(ctx context.Context, in registry.Instance) error {
	if err := in.Validate(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memregistry: register %q: %w", in.ID, err)
	}
	in = in.Clone()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instances[in.ID] = in
	r.notify()
	return nil
}

// Deregister withdraws the instance. One that is not announced is no error.
func (r *Registry) Deregister(ctx context.Context, id string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memregistry: deregister %q: %w", id, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.instances[id]; ok {
		delete(r.instances, id)
		r.notify()
	}
	return nil
}

func (r *Registry) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Watch yields the instances of the service, sorted by ID, at once and after each change, until ctx ends or the loop is
// left. Changes that follow each other faster than the loop runs are yielded as one. It never yields an error.
func (r *Registry) Watch(ctx context.Context, service string) iter.Seq2[[]registry.Instance, error] {
	return func(yield func([]registry.Instance, error) bool) {
		var known []registry.Instance
		for first := true; ctx.Err() == nil; first = false {
			set, changed := r.snapshot(service)
			if first || !slices.EqualFunc(set, known, registry.Instance.Equal) {
				known = set
				if !yield(registry.CloneAll(set), nil) {
					return
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

// snapshot returns the instances of the service, and a channel that is closed when they may have changed.
func (r *Registry) snapshot(service string) ([]registry.Instance, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var set []registry.Instance
	for in := range maps.Values(r.instances) {
		if in.Service == service {
			set = append(set, in)
		}
	}
	slices.SortFunc(set, func(a, b registry.Instance) int { return strings.Compare(a.ID, b.ID) })
	return set, r.changed
}
