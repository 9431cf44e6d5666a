package objectrpc

import (
	"context"
	"sync"

	"github.com/protomicro/micro/codec"
)

// Answer serves the calls of one object that came by itself, and returns when all have ended. put takes what is to be
// answered, perhaps nothing, from one goroutine at a time; it does not keep it.
func (p Pipe) Answer(
	ctx context.Context, f *Frame, wire Wire, peer string, put func(object []byte) error, h codec.Handler, cfg codec.Config,
) {
	s := newSession(ctx, p, h, cfg, wire, peer)
	defer s.cancel()
	s.frame(f, &funnel{do: put})
	s.wg.Wait()
}

// A funnel is an outlet that is a function.
type funnel struct {
	mu sync.Mutex // guards do
	do func([]byte) error
}

func (o *funnel) put(_ context.Context, object []byte) error { return o.putNow(object) }

func (o *funnel) putNow(object []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.do(object)
}
