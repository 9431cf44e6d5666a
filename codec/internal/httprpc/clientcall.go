package httprpc

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A ClientCall is what the client's sides of all calls have in common. A format embeds it in its codec.Stream.
type ClientCall struct {
	Conn *Conn
	Call *codec.Call

	parent context.Context // of the caller
	ctx    context.Context // of the request
	cancel context.CancelFunc
	stop   func() bool // the closing at the end of parent
	once   sync.Once   // closes

	ready chan struct{} // closed when trip or startErr is set

	mu       sync.Mutex // guards below, until ready is closed
	closed   bool
	trip     transport.Trip
	startErr error

	// What the receiving side has learnt.
	headErr  error
	Status   int // of HTTP, 0 before the head has arrived
	Response transport.Header
	header   codec.Meta
	Trailers codec.Meta
	RecvErr  error // what Recv returns from then on
}

// Start sends the head of the request and the given body, or opens the body if that is nil.
func (s *ClientCall) Start(req *transport.Request, body []byte) error {
	req.Length = -1
	if body != nil {
		req.Length = int64(len(body))
	}
	trip, err := s.Conn.RT.Open(s.ctx, req, body)
	if err != nil {
		err = s.IOError(err)
	}
	var late transport.Trip
	s.mu.Lock()
	if s.closed && err == nil {
		late, trip, err = trip, nil, ErrClosed
	}
	s.trip, s.startErr = trip, err
	s.mu.Unlock()
	close(s.ready)
	if late != nil {
		_ = late.Close()
	}
	return err
}

// Started tells whether the request has been started.
func (s *ClientCall) Started() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// Trip returns the request, which has been started.
func (s *ClientCall) Trip() transport.Trip { return s.trip }

// Head waits for the head of the response.
func (s *ClientCall) Head() error {
	if s.Status != 0 || s.headErr != nil {
		return s.headErr
	}
	select {
	case <-s.ready:
		s.headErr = s.startErr
	case <-s.ctx.Done():
		s.headErr = s.IOError(s.ctx.Err())
	}
	if s.headErr != nil {
		return s.headErr
	}
	var err error
	if s.Status, s.Response, err = s.trip.Response(); err != nil {
		s.headErr = s.IOError(err)
		return s.headErr
	}
	if s.header, s.Trailers, err = SplitMeta(s.Response); err != nil {
		s.headErr = status.Errorf(status.Internal, "%s", status.From(err).Message)
	}
	return s.headErr
}

// Header implements codec.Stream.
func (s *ClientCall) Header() (codec.Meta, error) {
	if err := s.Head(); err != nil {
		return nil, err
	}
	return s.header, nil
}

// Trailer implements codec.Stream.
func (s *ClientCall) Trailer() codec.Meta {
	if s.RecvErr == nil {
		return nil
	}
	return s.Trailers
}

// Ended returns the outcome of a call that this side has ended, or nil.
func (s *ClientCall) Ended() error {
	if err := s.parent.Err(); err != nil {
		return status.From(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}

// IOError returns err, with which the request has failed, as the outcome of the call.
func (s *ClientCall) IOError(err error) error {
	if endErr := s.Ended(); endErr != nil {
		return endErr
	}
	if e, ok := errors.AsType[*status.Error](err); ok {
		return e
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return codec.NotSent(status.Errorf(status.Unavailable, "%v", err))
	}
	if reset, ok := errors.AsType[*transport.ResetError](err); ok {
		code := resetCode(reset.Code)
		if deadline, ok := s.parent.Deadline(); ok && code == status.Canceled && !time.Now().Before(deadline) {
			code = status.DeadlineExceeded // of which the peer has heard first
		}
		return status.Errorf(code, "%v", err)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return status.Errorf(status.DeadlineExceeded, "%v", err)
	}
	return status.Errorf(status.Unavailable, "%v", err)
}

// resetCode returns what an error code of HTTP/2 means, by gRPC's table.
func resetCode(code uint32) status.Code {
	switch code {
	case 7: // REFUSED_STREAM
		return status.Unavailable
	case 8: // CANCEL
		return status.Canceled
	case 11: // ENHANCE_YOUR_CALM
		return status.ResourceExhausted
	case 12: // INADEQUATE_SECURITY
		return status.PermissionDenied
	}
	return status.Internal
}

// Decode decodes a message of the peer, which is to blame if that fails.
func (s *ClientCall) Decode(payload []byte, msg any) error {
	if msg == nil {
		return nil
	}
	err := s.Call.Codec.Unmarshal(payload, msg)
	if status.CodeOf(err) == status.InvalidArgument {
		return status.Errorf(status.Internal, "the response is not valid: %s", status.From(err).Message)
	}
	return err
}

// Encoder returns what encodes the messages of the request.
func (s *ClientCall) Encoder() (Encoder, error) {
	c, err := s.Conn.compressor()
	return Encoder{Codec: s.Call.Codec, Compressor: c, Compression: &s.Conn.Compression}, err
}

// Close implements codec.Stream.
func (s *ClientCall) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		trip := s.trip
		s.mu.Unlock()
		if trip != nil {
			_ = trip.Close() // before cancel, which would close an HTTP/1.1 connection that can be kept
		}
		s.cancel()
		s.stop()
		s.Conn.remove(s)
	})
	return nil
}
