package connectformat

import (
	"io"

	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A streamServer is the server's side of a call whose bodies are sequences of envelopes.
type streamServer struct {
	*serverCall
	in envelopeReader
}

// newStreamServer returns the server's side of c. The caller may be silent between its messages, but not within one.
func newStreamServer(c *serverCall, in *patience, limit int) *streamServer {
	return &streamServer{c, envelopeReader{r: in, between: c.x, limit: limit, violation: status.InvalidArgument}}
}

func (s *streamServer) Recv(msg any) error {
	if s.closed.Load() {
		return errClosed
	}
	if s.recvErr != nil {
		return s.recvErr
	}
	_, payload, err := s.in.next()
	if err == nil && msg != nil {
		err = s.call.Codec.Unmarshal(payload, msg)
	}
	if err == nil {
		return nil
	}
	s.in.release()
	if err != io.EOF {
		err = s.ioError(err)
	}
	s.recvErr = err
	return err
}

func (s *streamServer) Send(msg any) error {
	if err := s.sendable(); err != nil {
		return err
	}
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	var err error
	if buf.B, err = appendMessage(buf.B, s.call.Codec, msg); err != nil {
		return err
	}
	return s.write(buf.B)
}

// Finish sends last and the outcome in one write.
func (s *streamServer) Finish(last any, outcome error) error {
	trailer, err := s.finish()
	if err != nil {
		return err
	}
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	if last != nil && outcome == nil {
		buf.B, outcome = appendMessage(buf.B, s.call.Codec, last)
	}
	buf.B = appendEnd(buf.B, status.From(outcome), trailer)
	return s.write(buf.B)
}

// write sends p, after the head of the response if that has not been sent.
func (s *streamServer) write(p []byte) error {
	if header, ok := s.head(2); ok {
		set(header, contentType, streamPrefix+s.call.Codec.Name())
		set(header, streamAcceptEncoding, identity)
		if err := s.x.Respond(httpOK, header); err != nil {
			return s.ioError(err)
		}
	}
	if _, err := s.x.Write(p); err != nil {
		return s.ioError(err)
	}
	if err := s.x.Flush(); err != nil {
		return s.ioError(err)
	}
	return nil
}
