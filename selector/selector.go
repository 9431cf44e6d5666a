// Package selector chooses the instance that gets a call.
package selector

import (
	"context"

	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/status"
)

// A Selector chooses among the instances it was last given. It is safe for concurrent use, and Pick takes no lock.
type Selector interface {
	// Update replaces the set of instances. It keeps the slice, which must not be changed afterwards.
	Update(instances []registry.Instance)
	// Pick returns an instance, and a function to call once with the outcome of the call; the function may be nil.
	// With no instances the error is ErrNone.
	Pick(ctx context.Context) (registry.Instance, func(error), error)
}

// ErrNone says that there is no instance to choose.
var ErrNone error = status.Errorf(status.Unavailable, "no instance of the service is known")
