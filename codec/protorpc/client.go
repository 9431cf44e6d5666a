package protorpc

import (
	"context"
	"errors"
	"io"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// A client is the calling side of a connection.
type client struct {
	conn

	// guarded by conn.mu
	slots   map[uint64]*clientCall // the calls that run, by id
	open    int                    // calls that count against the peer's limit
	free    chan struct{}          // closed when open has sunk; nil if nobody waits
	lastID  uint64
	refuses *status.Error // why the peer takes no further call

	done chan struct{} // closed when no further call can be made
}

// Done is closed when the connection takes no further call: it has ended, or the peer is going away.
func (c *client) Done() <-chan struct{} { return c.done }

// Close ends the connection and every call on it, and waits for its goroutines.
func (c *client) Close() error {
	c.fail(errClosed)
	c.wg.Wait()
	return nil
}

// Open starts a call, and waits while the peer has as many running as it allows.
func (c *client) Open(ctx context.Context, head *codec.Call) (codec.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, codec.NotSent(status.From(err))
	}
	c.mu.Lock()
	for c.open >= c.peer.maxCalls && c.unusable() == nil {
		if c.free == nil {
			c.free = make(chan struct{})
		}
		free := c.free
		c.mu.Unlock()
		select {
		case <-free:
			c.mu.Lock()
		case <-ctx.Done():
			return nil, codec.NotSent(status.From(ctx.Err()))
		}
	}
	err := c.unusable()
	if err == nil {
		c.open++
	}
	c.mu.Unlock()
	if err != nil {
		return nil, codec.NotSent(err)
	}
	call := &clientCall{ctx: ctx, client: c, head: head}
	call.init(&c.conn)
	call.codec, call.bad = head.Codec, status.Internal
	if head.Kind == codec.ClientStream || head.Kind == codec.BidiStream { // the handler may speak first
		if err := call.encode(nil, false); err != nil {
			_ = call.Close()
			return nil, err
		}
	}
	if head.Kind != codec.Unary && ctx.Done() != nil { // a unary call has its caller to watch ctx
		call.watch()
	}
	return call, nil
}

// unusable says why no call can be made. c.mu is held.
func (c *client) unusable() *status.Error {
	if c.err == nil && c.closing != nil && c.refuses == nil {
		return status.Errorf(status.Unavailable, "protorpc: the connection to %v is ending", c.nc.RemoteAddr())
	}
	if c.err != nil {
		return c.failure()
	}
	return c.refuses
}

// release takes a call off the books. c.mu is held.
func (c *client) release(call *clientCall) {
	if call.released {
		return
	}
	call.released = true
	delete(c.slots, call.id)
	c.open--
	if c.free != nil {
		close(c.free)
		c.free = nil
	}
	if c.refuses != nil && c.open == 0 && c.closing == nil {
		c.closing = io.EOF // what is queued, such as a reset, still goes out
		c.wake.Signal()
	}
}

// frame handles a frame from the server.
func (c *client) frame(f frame) error {
	switch f.typ {
	case typeCall, typeReset, typeWindow:
		c.mu.Lock()
		call, lastID := c.slots[f.id], c.lastID
		c.mu.Unlock()
		if call != nil {
			return call.frame(f)
		}
		if f.id == 0 || f.id > lastID {
			return broken("a frame for call %d, which was never made", f.id)
		}
		return nil // the call has ended here already
	case typePing:
		return c.ping(f)
	case typeGoAway:
		t, err := c.tail(f.payload)
		if err != nil {
			return err
		}
		c.refuse(status.Errorf(status.Unavailable, "protorpc: %v is going away: %s", c.nc.RemoteAddr(), t.message()))
	case typeSettings:
		return broken("settings twice")
	}
	return nil // a type of frame from the future
}

// refuse lets no further call begin.
func (c *client) refuse(reason *status.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuses != nil {
		return
	}
	c.refuses = reason
	close(c.done)
	if c.free != nil {
		close(c.free)
		c.free = nil
	}
	if c.open == 0 && c.closing == nil {
		c.closing = io.EOF
		c.wake.Signal()
	}
}

// end ends all calls when the connection has ended.
func (c *client) end() {
	c.mu.Lock()
	reason := c.failure()
	if errors.Is(c.err, errClosed) {
		reason = status.Errorf(status.Canceled, "%s", reason.Message)
	}
	calls := make([]*clientCall, 0, len(c.slots))
	for _, call := range c.slots {
		calls = append(calls, call)
	}
	c.pinger.Stop()
	c.mu.Unlock()
	c.refuse(reason)
	for _, call := range calls {
		call.finishWith(nil, reason)
	}
}
