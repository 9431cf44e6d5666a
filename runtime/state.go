package runtime

import "sync"

// A State is how far a server has come on the way to its end.
type State uint8

// The states of a server, in order. One that ends because the context of [Server.Serve] has, or because a listener has
// failed, is Draining at once; one that ends because its [Service] does is Leaving first.
const (
	Serving  State = iota // it takes calls
	Leaving               // it takes calls still, but clients should make theirs elsewhere
	Draining              // it takes no further call, and waits for those that run
)

// OnState has f called whenever the state of the server changes. A server is Serving to begin with, and again when it
// serves once more after its end; one that is but mounted in another HTTP server is so always. f must not block. It is a
// way for handlers of calls without an end of their own to return when the server is Draining, which need not wait for
// them until DrainTimeout then. OnState is to be called before the server serves.
func (s *Server) OnState(f func(State)) { s.state.hooks = append(s.state.hooks, f) }

type state struct {
	hooks []func(State)

	mu  sync.Mutex // guards below, and orders the calls of the hooks
	now State
}

// enter changes the state, unless that would be a step back.
func (s *state) enter(next State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next == s.now || next == Serving && s.now == Leaving || next == Leaving && s.now == Draining {
		return
	}
	s.now = next
	for _, f := range s.hooks {
		f(next)
	}
}
