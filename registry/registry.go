// Package registry says who serves what, and where.
package registry

import (
	"context"
	"iter"
)

// An Instance is one running process of a service.
type Instance struct {
	ID      string            `json:"id"`                // unique among all instances
	Service string            `json:"service"`           // "weather"
	Version string            `json:"version,omitempty"` // of the service: "1.4.2"
	Addrs   []string          `json:"addrs"`             // where it answers, the preferred first: "tcp://10.0.0.7:8080"
	Meta    map[string]string `json:"meta,omitempty"`    // for selectors: zone, weight
}

// A Registrar announces instances. It is safe for concurrent use.
type Registrar interface {
	// Register announces an instance, or replaces what was announced under its ID, and keeps it announced until
	// Deregister: where announcements expire, the Registrar renews them by itself, for ever.
	Register(ctx context.Context, in Instance) error
	// Deregister withdraws the instance. One that is not announced is no error.
	Deregister(ctx context.Context, id string) error
}

// A Resolver finds instances. It is safe for concurrent use.
type Resolver interface {
	// Watch yields the full set of the service's instances, sorted by ID, at once, even if there are none, and again
	// after each change, until ctx ends or the loop is left. An error is yielded beside nil; what was known before
	// stays true, and the watch goes on.
	Watch(ctx context.Context, service string) iter.Seq2[[]Instance, error]
}
