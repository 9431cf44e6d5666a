package httprpc

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// writeGrace is how long the outcome of a call whose context has ended may take to be written.
const writeGrace = time.Second

// A ServerCall is what the server's sides of all calls have in common. A format embeds it in its codec.Responder.
type ServerCall struct {
	X       transport.Exchange
	Call    codec.Call
	RecvErr error // what Recv returns from then on

	ctx    context.Context // of the call
	cancel context.CancelFunc
	closed atomic.Bool

	mu       sync.Mutex // guards below
	header   codec.Meta
	trailer  codec.Meta
	sent     bool // the head of the response
	finished bool
}

var (
	// ErrFinished is what the methods of a call return that has been finished.
	ErrFinished = &status.Error{Code: status.Internal, Message: "the call has been finished"}
	errHeadSent = &status.Error{Code: status.Internal, Message: "the response metadata has been sent"}
	// ErrClosed is what the methods of a call return that has been closed.
	ErrClosed = &status.Error{Code: status.Canceled, Message: "the call has been closed"}
)

// Header implements codec.Stream.
func (c *ServerCall) Header() (codec.Meta, error) { return c.Call.Header, nil }

// Trailer implements codec.Stream.
func (c *ServerCall) Trailer() codec.Meta { return nil }

// SetHeader implements codec.Responder.
func (c *ServerCall) SetHeader(meta codec.Meta) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent {
		return errHeadSent
	}
	c.header = append(c.header, meta...)
	return nil
}

// SetTrailer implements codec.Responder.
func (c *ServerCall) SetTrailer(meta codec.Meta) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return ErrFinished
	}
	c.trailer = append(c.trailer, meta...)
	return nil
}

// Close implements codec.Stream.
func (c *ServerCall) Close() error {
	c.closed.Store(true)
	c.cancel()
	return nil
}

// TakeHead returns the header of the response, with the metadata and with room for extra fields, once.
func (c *ServerCall) TakeHead(extra int) (header transport.Header, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent {
		return nil, false
	}
	c.sent = true
	header = make(transport.Header, extra+len(c.header))
	AddMeta(header, "", c.header)
	return header, true
}

// TakeTrailer marks the call as finished and returns the trailers, once.
func (c *ServerCall) TakeTrailer() (trailer codec.Meta, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return nil, ErrFinished
	}
	c.finished = true
	return c.trailer, nil
}

// Sendable returns an error if no message can be sent any more.
func (c *ServerCall) Sendable() error {
	if c.closed.Load() {
		return ErrClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return ErrFinished
	}
	return nil
}

// IOError returns err, with which a read or a write has failed, as the outcome of the call, which it cancels.
func (c *ServerCall) IOError(err error) error {
	if e, ok := errors.AsType[*status.Error](err); ok {
		return e
	}
	if ctxErr := c.ctx.Err(); ctxErr != nil {
		return status.From(ctxErr)
	}
	c.cancel()
	return status.Errorf(status.Canceled, "the caller is gone: %v", err)
}

// Closed tells whether Close has been called.
func (c *ServerCall) Closed() bool { return c.closed.Load() }

// Run has h serve the call, unless the head was found bad, and returns when all that it started has ended.
func (c *ServerCall) Run(ctx context.Context, h codec.Handler, r codec.Responder, bad error) {
	if c.Call.Timeout > 0 {
		c.ctx, c.cancel = context.WithTimeout(ctx, c.Call.Timeout)
	} else {
		c.ctx, c.cancel = context.WithCancel(ctx)
	}
	defer c.cancel()
	if bad != nil {
		_ = r.Finish(nil, bad)
		return
	}
	defer c.interruptWith(c.ctx)()
	h.ServeCall(c.ctx, &c.Call, r)
}

// interruptWith interrupts what waits for the peer when ctx ends, until stop is called.
func (c *ServerCall) interruptWith(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	stopped := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = c.X.SetReadDeadline(time.Unix(1, 0))
		_ = c.X.SetWriteDeadline(time.Now().Add(writeGrace))
	})
	return func() {
		if !stopped() {
			<-done
		}
	}
}

// Respond sends a whole response.
func Respond(x transport.Exchange, httpStatus int, header transport.Header, body []byte) error {
	Set(header, contentLength, strconv.Itoa(len(body)))
	if err := x.Respond(httpStatus, header); err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	_, err := x.Write(body)
	return err
}
