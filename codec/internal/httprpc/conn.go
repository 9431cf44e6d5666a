package httprpc

import (
	"context"
	"sync"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A Conn is a codec.Conn whose calls are requests.
type Conn struct {
	RT          transport.RoundTripper
	Limits      codec.Limits // with defaults
	Compression codec.Compression

	open func(*ClientCall) (codec.Stream, error)
	done chan struct{} // closed by Close

	mu     sync.Mutex // guards below
	closed bool
	calls  map[*ClientCall]struct{} // those that hold something
}

// NewConn returns a Conn that owns rt. A format makes a stream of each call with open.
func NewConn(rt transport.RoundTripper, cfg codec.Config, open func(*ClientCall) (codec.Stream, error)) *Conn {
	return &Conn{
		RT: rt, Limits: cfg.Limits.WithDefaults(), Compression: cfg.Compression,
		open: open, done: make(chan struct{}), calls: make(map[*ClientCall]struct{}),
	}
}

// Open implements codec.Conn.
func (c *Conn) Open(ctx context.Context, call *codec.Call) (codec.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, codec.NotSent(status.From(err))
	}
	s := &ClientCall{Conn: c, Call: call, parent: ctx, ready: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if !c.add(s) {
		s.cancel()
		return nil, codec.NotSent(status.Errorf(status.Unavailable, "the connection is closed"))
	}
	s.stop = context.AfterFunc(ctx, func() { _ = s.Close() })
	stream, err := c.open(s)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return stream, nil
}

// Done implements codec.Conn.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Close implements codec.Conn.
func (c *Conn) Close() error {
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
	return c.RT.Close()
}

func (c *Conn) add(s *ClientCall) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.calls[s] = struct{}{}
	}
	return !c.closed
}

func (c *Conn) remove(s *ClientCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, s)
}

// compressor returns how requests are compressed, or nil.
func (c *Conn) compressor() (codec.Compressor, error) {
	name := c.Compression.Send
	if name == "" {
		return nil, nil //nolint:nilnil // nil is a compressor that does nothing
	}
	if found := c.Compression.Accept.Find(name); found != nil {
		return found, nil
	}
	return nil, status.Errorf(status.Internal, "there is no compression %q for requests, only %s", name, c.Compression.Accept)
}
