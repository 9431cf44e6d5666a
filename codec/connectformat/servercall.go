package connectformat

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A serverCall is what the server's sides of all calls have in common.
type serverCall struct {
	x      transport.Exchange
	call   codec.Call
	ctx    context.Context // of the call
	cancel context.CancelFunc
	closed atomic.Bool

	recvErr error // what Recv returns from then on

	mu       sync.Mutex // guards below
	header   codec.Meta
	trailer  codec.Meta
	sent     bool // the head of the response
	finished bool
}

var (
	errFinished = &status.Error{Code: status.Internal, Message: "the call has been finished"}
	errHeadSent = &status.Error{Code: status.Internal, Message: "the response metadata has been sent"}
	errClosed   = &status.Error{Code: status.Canceled, Message: "the call has been closed"}
)

func (c *serverCall) Header() (codec.Meta, error) { return c.call.Header, nil }

func (c *serverCall) Trailer() codec.Meta { return nil }

func (c *serverCall) SetHeader(meta codec.Meta) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent {
		return errHeadSent
	}
	c.header = append(c.header, meta...)
	return nil
}

func (c *serverCall) SetTrailer(meta codec.Meta) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return errFinished
	}
	c.trailer = append(c.trailer, meta...)
	return nil
}

func (c *serverCall) Close() error {
	c.closed.Store(true)
	c.cancel()
	return nil
}

// head returns the header of the response with room for extra fields, once.
func (c *serverCall) head(extra int) (header transport.Header, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent {
		return nil, false
	}
	c.sent = true
	header = make(transport.Header, extra+len(c.header))
	addMeta(header, "", c.header)
	return header, true
}

// finish marks the call as finished and returns the trailers, once.
func (c *serverCall) finish() (trailer codec.Meta, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return nil, errFinished
	}
	c.finished = true
	return c.trailer, nil
}

// sendable returns an error if no message can be sent any more.
func (c *serverCall) sendable() error {
	if c.closed.Load() {
		return errClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.finished {
		return errFinished
	}
	return nil
}

// ioError returns err, with which a read or a write has failed, as the outcome of the call, which it cancels.
func (c *serverCall) ioError(err error) error {
	if e, ok := errors.AsType[*status.Error](err); ok {
		return e
	}
	if ctxErr := c.ctx.Err(); ctxErr != nil {
		return status.From(ctxErr)
	}
	c.cancel()
	return status.Errorf(status.Canceled, "the caller is gone: %v", err)
}

// respond sends a whole response.
func respond(x transport.Exchange, httpStatus int, header transport.Header, body []byte) error {
	set(header, contentLength, strconv.Itoa(len(body)))
	if err := x.Respond(httpStatus, header); err != nil {
		return err
	}
	if len(body) == 0 {
		return nil
	}
	_, err := x.Write(body)
	return err
}
