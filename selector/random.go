package selector

import (
	"context"
	"math/rand/v2"
	"sync/atomic"

	"github.com/protomicro/micro/registry"
)

// A Random is a Selector that chooses each instance with the same chance, so that many clients that start together do
// not call the same instance together. The zero value works and has no instances.
type Random struct {
	instances atomic.Pointer[[]registry.Instance]
}

// Update replaces the set of instances. It keeps the slice, which must not be changed afterwards.
func (r *Random) Update(instances []registry.Instance) { r.instances.Store(&instances) }

// Pick returns any of the instances, or ErrNone. The outcome of the call is not asked for.
func (r *Random) Pick(context.Context) (registry.Instance, func(error), error) {
	set := r.instances.Load()
	if set == nil || len(*set) == 0 {
		return registry.Instance{}, nil, ErrNone
	}
	return (*set)[rand.IntN(len(*set))], nil, nil
}
