// Package health has a server answer grpc.health.v1.Health, the published protocol with which load balancers, orchestrators
// and clients ask whether a server takes calls.
//
//	health.Register(server)
//
// is all that is needed: every service of the server is serving until the end of the server begins.
package health

import (
	"sync"

	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/health/healthv1"
	"github.com/protomicro/micro/services/internal/published"
)

// A Checker holds the state of a server and of its services. It is safe for concurrent use.
type Checker struct {
	services func() map[string]bool // those of the server, all true

	mu      sync.Mutex // guards below
	state   runtime.State
	set     map[string]bool
	changed chan struct{} // closed at the next change
}

// Register adds grpc.health.v1.Health to s. It is to be called once, before s serves. The server as a whole, which has the
// name "", and each of its services are serving, until s is no longer in the state [runtime.Serving]: then nothing is.
// Calls of Watch end when s drains.
func Register(s *runtime.Server) *Checker {
	c := &Checker{set: make(map[string]bool), changed: make(chan struct{})}
	c.services = sync.OnceValue(func() map[string]bool {
		services := map[string]bool{"": true}
		for _, name := range s.Services() {
			services[name] = true
		}
		return services
	})
	s.OnState(c.enter)
	s.Handle(published.Handlers(func(s *runtime.Server) { healthv1.RegisterHealthServer(s, server{c}) })...)
	return c
}

// Set says whether a service is serving while the server is: one of the server's, "" for the server as a whole, or any
// other name that clients may ask for.
func (c *Checker) Set(service string, serving bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set[service] = serving
	c.broadcast()
}

func (c *Checker) enter(state runtime.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = state
	c.broadcast()
}

// broadcast wakes all that watch. The caller holds mu.
func (c *Checker) broadcast() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// A view is what the Checker knows of one service at one moment.
type view struct {
	status   healthv1.HealthCheckResponse_ServingStatus
	draining bool            // nothing will change any more
	changed  <-chan struct{} // closed when the view may be out of date
}

func (c *Checker) look(service string) view {
	services := c.services()
	c.mu.Lock()
	defer c.mu.Unlock()
	serving, known := c.set[service]
	if !known {
		serving, known = services[service], services[service]
	}
	return view{c.status(serving, known), c.state == runtime.Draining, c.changed}
}

// all returns the status of every service that is known.
func (c *Checker) all() map[string]*healthv1.HealthCheckResponse {
	services := c.services()
	c.mu.Lock()
	defer c.mu.Unlock()
	statuses := make(map[string]*healthv1.HealthCheckResponse, len(services)+len(c.set))
	for _, from := range []map[string]bool{services, c.set} {
		for name, serving := range from {
			statuses[name] = &healthv1.HealthCheckResponse{Status: c.status(serving, true)}
		}
	}
	return statuses
}

// status says what is answered for a service. The caller holds mu.
func (c *Checker) status(serving, known bool) healthv1.HealthCheckResponse_ServingStatus {
	switch {
	case !known:
		return healthv1.HealthCheckResponse_SERVICE_UNKNOWN
	case serving && c.state == runtime.Serving:
		return healthv1.HealthCheckResponse_SERVING
	}
	return healthv1.HealthCheckResponse_NOT_SERVING
}
