package connectformat

import (
	"context"
	"sync"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A conn is a codec.Conn.
type conn struct {
	rt     transport.RoundTripper
	limits codec.Limits
	done   chan struct{} // closed by Close

	mu     sync.Mutex // guards below
	closed bool
	calls  map[*clientCall]struct{} // those that hold something
}

func (c *conn) Open(ctx context.Context, call *codec.Call) (codec.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, codec.NotSent(status.From(err))
	}
	s := &clientCall{conn: c, call: call, parent: ctx, ready: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if !c.add(s) {
		s.cancel()
		return nil, codec.NotSent(status.Errorf(status.Unavailable, "the connection is closed"))
	}
	s.stop = context.AfterFunc(ctx, func() { _ = s.Close() })
	if call.Kind == codec.Unary {
		return &unaryClient{clientCall: s}, nil
	}
	stream := newStreamClient(s)
	if call.Kind == codec.ServerStream {
		return stream, nil
	}
	if err := s.start(nil); err != nil {
		_ = s.Close()
		return nil, err
	}
	return stream, nil
}

func (c *conn) Done() <-chan struct{} { return c.done }

func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	calls := c.calls
	c.calls = nil
	close(c.done)
	c.mu.Unlock()
	for s := range calls {
		_ = s.Close()
	}
	return c.rt.Close()
}

func (c *conn) add(s *clientCall) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.calls[s] = struct{}{}
	}
	return !c.closed
}

func (c *conn) remove(s *clientCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, s)
}
