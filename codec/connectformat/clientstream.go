package connectformat

import (
	"io"
	"sync/atomic"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A streamClient is the client's side of a call whose bodies are sequences of envelopes.
type streamClient struct {
	*clientCall
	req []byte // of a server stream, until Finish
	in  envelopeReader

	finished atomic.Bool // the request is complete
}

func newStreamClient(s *clientCall) *streamClient {
	return &streamClient{clientCall: s, in: envelopeReader{
		limit:     s.conn.limits.MessageBytes,
		endLimit:  max(s.conn.limits.MessageBytes, s.conn.limits.HeaderBytes),
		flags:     flagEnd,
		violation: status.Internal,
	}}
}

func (s *streamClient) Send(msg any) error {
	if err := s.ended(); err != nil {
		return err
	}
	if s.call.Kind == codec.ServerStream {
		return s.keep(msg)
	}
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	var err error
	if buf.B, err = appendMessage(buf.B, s.call.Codec, msg); err != nil {
		return err
	}
	if _, err := s.trip.Write(buf.B); err != nil {
		if endErr := s.ended(); endErr != nil {
			return endErr
		}
		return io.EOF // Recv says why
	}
	return nil
}

// keep adds msg to the request of a server stream, which Finish sends.
func (s *streamClient) keep(msg any) error {
	if s.started() {
		return errFinished
	}
	req, err := appendMessage(s.req, s.call.Codec, msg)
	if err == nil {
		s.req = req
	}
	return err
}

func (s *streamClient) Finish(last any, _ error) error {
	if last != nil {
		if err := s.Send(last); err != nil {
			return err
		}
	}
	s.finished.Store(true)
	if s.call.Kind != codec.ServerStream {
		if err := s.trip.CloseWrite(); err != nil {
			return io.EOF // Recv says why
		}
		return nil
	}
	if s.started() {
		return errFinished
	}
	if s.req == nil {
		s.req = []byte{} // nil would leave the body open
	}
	return s.start(s.req)
}

func (s *streamClient) Recv(msg any) error {
	if s.recvErr != nil {
		return s.recvErr
	}
	if err := s.recv(msg); err != nil {
		s.in.release()
		s.recvErr = err
	}
	return s.recvErr
}

func (s *streamClient) recv(msg any) error {
	if err := s.head(); err != nil {
		return err
	}
	if s.in.r == nil {
		if err := s.checkResponse(streamPrefix+s.call.Codec.Name(), streamContentEncoding); err != nil {
			return err
		}
		s.in.r = s.trip
	}
	flags, payload, err := s.in.next()
	switch {
	case err == io.EOF:
		return status.Errorf(status.Internal, "the response has no end")
	case err != nil:
		return s.ioError(err)
	case flags&flagEnd != 0:
		return s.end(payload)
	}
	return s.decode(payload, msg)
}

// end returns the outcome that the last envelope holds, or io.EOF. It waits for the end of the body, so that the
// connection can be used again, unless the request goes on, for whose end the server may wait in turn.
func (s *streamClient) end(payload []byte) error {
	trailer, outcome := parseEnd(payload)
	s.trailer = trailer
	if s.in.buffered() || s.finished.Load() && s.in.more() {
		return status.Errorf(status.Internal, "the response goes on after its end")
	}
	if outcome == nil {
		return io.EOF
	}
	return outcome
}
