package selector

import (
	"context"
	"sync/atomic"

	"github.com/protomicro/micro/registry"
)

// A RoundRobin is a Selector that chooses each instance in turn. Its position outlives Update: n picks from k instances
// that stay the same give each of them n/k, rounded up or down, however often they are announced anew. The zero value
// works and has no instances.
type RoundRobin struct {
	instances atomic.Pointer[[]registry.Instance]
	picks     atomic.Uint64
}

// Update replaces the set of instances. It keeps the slice, which must not be changed afterwards.
func (r *RoundRobin) Update(instances []registry.Instance) { r.instances.Store(&instances) }

// Pick returns the instance whose turn it is, or ErrNone. The outcome of the call is not asked for.
func (r *RoundRobin) Pick(context.Context) (registry.Instance, func(error), error) {
	set := r.instances.Load()
	if set == nil || len(*set) == 0 {
		return registry.Instance{}, nil, ErrNone
	}
	turn := r.picks.Add(1) - 1
	return (*set)[turn%uint64(len(*set))], nil, nil
}
