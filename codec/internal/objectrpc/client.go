package objectrpc

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// A client is the calling side of a connection. It makes no more calls at once than its own limits allow a peer, because
// it cannot know those of the server.
type client struct {
	conn
	pipe Pipe
	wg   sync.WaitGroup // of the goroutines of the connection
	done chan struct{}  // closed when no further call can be made

	mu      sync.Mutex // guards below; may be held while conn.mu is taken
	calls   map[string]*clientCall
	open    int           // calls that have not ended
	free    chan struct{} // closed when open has sunk; nil if nobody waits
	lastID  uint32
	refuses *status.Error // why no further call can be made
}

// Done implements codec.Conn.
func (c *client) Done() <-chan struct{} { return c.done }

// Close implements codec.Conn.
func (c *client) Close() error {
	c.fail(errClosed)
	c.wg.Wait()
	return nil
}

// Open implements codec.Conn.
func (c *client) Open(ctx context.Context, head *codec.Call) (codec.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, codec.NotSent(status.From(err))
	}
	if c.pipe.Plain && head.Kind != codec.Unary {
		return nil, codec.NotSent(status.Errorf(status.Unimplemented, "%s: a plain client makes unary calls only, and %s is a %s",
			c.pipe.Name, head.Method, head.Kind))
	}
	k, err := c.add(ctx, head)
	if err != nil {
		return nil, codec.NotSent(err)
	}
	k.stop = context.AfterFunc(ctx, func() { k.abandon(status.From(ctx.Err()), true) })
	if head.Kind == codec.ClientStream || head.Kind == codec.BidiStream { // the handler may speak first
		if err := k.begin(nil); err != nil {
			k.abandon(err, false)
			_ = k.Close()
			return nil, err
		}
	}
	return k, nil
}

// add registers a call, once there is room for it.
func (c *client) add(ctx context.Context, head *codec.Call) (*clientCall, *status.Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.refuses == nil && c.open >= c.lim.Calls {
		if c.free == nil {
			c.free = make(chan struct{})
		}
		free := c.free
		c.mu.Unlock()
		select {
		case <-free:
			c.mu.Lock()
		case <-ctx.Done():
			c.mu.Lock()
			return nil, status.From(ctx.Err())
		}
	}
	if c.refuses != nil {
		return nil, c.refuses
	}
	k := newClientCall(ctx, c, head)
	for {
		c.lastID++
		k.id = c.wire.AppendID(nil, c.lastID)
		if c.calls[string(k.id)] == nil {
			break
		}
	}
	c.calls[string(k.id)] = k
	c.open++
	return k, nil
}

// remove takes a call off the books, once, and tells whether it was there.
func (c *client) remove(k *clientCall) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[string(k.id)] != k {
		return false
	}
	delete(c.calls, string(k.id))
	c.open--
	if c.free != nil {
		close(c.free)
		c.free = nil
	}
	if c.refuses != nil && c.open == 0 {
		c.close(io.EOF)
	}
	return true
}

func (c *client) find(id []byte) *clientCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[string(id)]
}

// frame handles an object from the server.
func (c *client) frame(f *Frame) error {
	k := c.find(f.ID)
	switch f.Type {
	case Response:
		if k != nil {
			k.response(f)
		} else if f.Err != nil && c.wire.NullID(f.ID) {
			return broken("the server answers no call in particular: %v", f.Err)
		}
	case Malformed:
		if k == nil {
			return broken("%s", f.Err.Message)
		}
		k.abandon(f.Err, false)
	case Message:
		if k != nil {
			k.message(f)
		}
	case Credit:
		if k != nil {
			k.addCredit(f.Credit)
		}
	case Request:
		return c.decline(f)
	case GoAway:
		c.refuse(status.Errorf(status.Unavailable, "%s: %v is going away", c.pipe.Name, c.nc.RemoteAddr()))
	case Batch:
		for i := range f.Batch {
			if err := c.frame(&f.Batch[i]); err != nil {
				return err
			}
		}
	case Nothing, End, Cancel:
	}
	return nil
}

// decline answers a server that makes a call.
func (c *client) decline(f *Frame) error {
	if f.ID == nil {
		return nil
	}
	answer := Frame{Type: Response, ID: f.ID, Err: status.Errorf(status.Unimplemented, "no calls are served here")}
	return c.putNow(c.wire.AppendObject(nil, &answer))
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
	if c.open == 0 {
		c.close(io.EOF)
	}
}

// end ends all calls when the connection has ended.
func (c *client) end() {
	c.conn.mu.Lock()
	reason := c.failure()
	own := errors.Is(c.err, errClosed)
	c.conn.mu.Unlock()
	reason.Message = c.pipe.Name + ": " + reason.Message
	c.refuse(reason)
	if own {
		reason = &status.Error{Code: status.Canceled, Message: reason.Message}
	}
	c.mu.Lock()
	calls := slices.Collect(maps.Values(c.calls))
	c.mu.Unlock()
	for _, k := range calls {
		k.outcome(reason)
	}
}
