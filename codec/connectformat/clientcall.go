package connectformat

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A clientCall is what the client's sides of all calls have in common.
type clientCall struct {
	conn   *conn
	call   *codec.Call
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
	status   int // of HTTP, 0 before the head has arrived
	response transport.Header
	header   codec.Meta
	trailer  codec.Meta
	recvErr  error // what Recv returns from then on
}

// start sends the head of the request and the given body, or opens the body if that is nil.
func (s *clientCall) start(body []byte) error {
	header := make(transport.Header, 3+len(s.call.Header))
	prefix := streamPrefix
	if s.call.Kind == codec.Unary {
		prefix = unaryPrefix
	}
	addMeta(header, "", s.call.Header)
	set(header, contentType, prefix+s.call.Codec.Name())
	set(header, protocolVersion, "1")
	if s.call.Timeout > 0 {
		set(header, timeoutMillis, formatTimeout(s.call.Timeout))
	}
	req := &transport.Request{Method: "POST", Path: "/" + s.call.Method, Header: header, Length: -1}
	if body != nil {
		req.Length = int64(len(body))
	}
	trip, err := s.conn.rt.Open(s.ctx, req, body)
	if err != nil {
		err = s.ioError(err)
	}
	s.mu.Lock()
	if s.closed && err == nil {
		err = errClosed
		defer func() { _ = trip.Close() }()
		trip = nil
	}
	s.trip, s.startErr = trip, err
	s.mu.Unlock()
	close(s.ready)
	return err
}

// started tells whether the request has been started.
func (s *clientCall) started() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// head waits for the head of the response.
func (s *clientCall) head() error {
	if s.status != 0 || s.headErr != nil {
		return s.headErr
	}
	select {
	case <-s.ready:
		s.headErr = s.startErr
	case <-s.ctx.Done():
		s.headErr = s.ioError(s.ctx.Err())
	}
	if s.headErr != nil {
		return s.headErr
	}
	var err error
	if s.status, s.response, err = s.trip.Response(); err != nil {
		s.headErr = s.ioError(err)
		return s.headErr
	}
	if s.header, s.trailer, err = splitMeta(s.response); err != nil {
		s.headErr = status.Errorf(status.Internal, "%s", status.From(err).Message)
	}
	return s.headErr
}

func (s *clientCall) Header() (codec.Meta, error) {
	if err := s.head(); err != nil {
		return nil, err
	}
	return s.header, nil
}

func (s *clientCall) Trailer() codec.Meta {
	if s.recvErr == nil {
		return nil
	}
	return s.trailer
}

// checkResponse returns the outcome of a call whose response is an error, or not one of this format with the wanted
// content type and without compression.
func (s *clientCall) checkResponse(want, encodingKey string) error {
	if s.status != httpOK {
		return s.httpError()
	}
	got := mediaType(s.response)
	switch {
	case got == want:
	case strings.HasPrefix(got, unaryPrefix):
		return status.Errorf(status.Internal, "the response has the content type %.256q instead of %q", got, want)
	default:
		return status.Errorf(status.Unknown, "the response has the content type %.256q instead of %q", got, want)
	}
	if err := checkEncoding(s.response, encodingKey); err != nil {
		return status.Errorf(status.Internal, "%s", status.From(err).Message)
	}
	return nil
}

// httpError returns the error that the body holds, or what the HTTP status stands for.
func (s *clientCall) httpError() error {
	if mediaType(s.response) == unaryPrefix+"json" && checkEncoding(s.response, contentEncoding) == nil {
		body, err := readBody(s.trip, -1, max(s.conn.limits.MessageBytes, s.conn.limits.HeaderBytes))
		defer bufpool.Put(body)
		if err == nil {
			if e, ok := parseError(body.B); ok {
				return e
			}
		} else if endErr := s.ended(); endErr != nil {
			return endErr
		}
	}
	return status.Errorf(codeOf(s.status), "the response has the HTTP status %d", s.status)
}

// ended returns the outcome of a call that this side has ended, or nil.
func (s *clientCall) ended() error {
	if err := s.parent.Err(); err != nil {
		return status.From(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	return nil
}

// ioError returns err, with which the request has failed, as the outcome of the call.
func (s *clientCall) ioError(err error) error {
	if endErr := s.ended(); endErr != nil {
		return endErr
	}
	if e, ok := errors.AsType[*status.Error](err); ok {
		return e
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return codec.NotSent(status.Errorf(status.Unavailable, "%v", err))
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return status.Errorf(status.DeadlineExceeded, "%v", err)
	}
	return status.Errorf(status.Unavailable, "%v", err)
}

// decode decodes a message of the peer, which is to blame if that fails.
func (s *clientCall) decode(payload []byte, msg any) error {
	if msg == nil {
		return nil
	}
	err := s.call.Codec.Unmarshal(payload, msg)
	if status.CodeOf(err) == status.InvalidArgument {
		return status.Errorf(status.Internal, "the response is not valid: %s", status.From(err).Message)
	}
	return err
}

func (s *clientCall) Close() error {
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
		s.conn.remove(s)
	})
	return nil
}
