package connectformat

import (
	"io"

	"github.com/protomicro/micro/codec/internal/httprpc"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A streamServer is the server's side of a call whose bodies are sequences of envelopes.
type streamServer struct {
	*serverCall
	envelopes httprpc.EnvelopeReader
}

// newStreamServer returns the server's side of c. The caller may be silent between its messages, but not within one.
func newStreamServer(c *serverCall, in *httprpc.Patience, limit int) *streamServer {
	return &streamServer{c, httprpc.EnvelopeReader{
		R: in, Between: c.X, Limit: limit, Violation: status.InvalidArgument, Compressor: c.in,
	}}
}

func (s *streamServer) Recv(msg any) error {
	if s.Closed() {
		return httprpc.ErrClosed
	}
	if s.RecvErr != nil {
		return s.RecvErr
	}
	_, payload, err := s.envelopes.Next()
	if err == nil && msg != nil {
		err = s.Call.Codec.Unmarshal(payload, msg)
	}
	if err == nil {
		return nil
	}
	s.envelopes.Release()
	if err != io.EOF {
		err = s.IOError(err)
	}
	s.RecvErr = err
	return err
}

func (s *streamServer) Send(msg any) error {
	if err := s.Sendable(); err != nil {
		return err
	}
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	var err error
	if buf.B, err = s.out.Append(buf.B, msg); err != nil {
		return err
	}
	return s.write(buf.B)
}

// Finish sends last and the outcome in one write.
func (s *streamServer) Finish(last any, outcome error) error {
	trailer, err := s.TakeTrailer()
	if err != nil {
		return err
	}
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	if last != nil && outcome == nil {
		buf.B, outcome = s.out.Append(buf.B, last)
	}
	buf.B = appendEnd(buf.B, status.From(outcome), trailer)
	return s.write(buf.B)
}

// write sends p, after the head of the response if that has not been sent.
func (s *streamServer) write(p []byte) error {
	if header, ok := s.TakeHead(3); ok {
		httprpc.Set(header, contentType, streamPrefix+s.Call.Codec.Name())
		httprpc.Set(header, streamAcceptEncoding, accepted(s.known))
		if s.out.Compressor != nil {
			httprpc.Set(header, streamContentEncoding, s.out.Compressor.Name())
		}
		if err := s.X.Respond(httpOK, header); err != nil {
			return s.IOError(err)
		}
	}
	if _, err := s.X.Write(p); err != nil {
		return s.IOError(err)
	}
	if err := s.X.Flush(); err != nil {
		return s.IOError(err)
	}
	return nil
}
