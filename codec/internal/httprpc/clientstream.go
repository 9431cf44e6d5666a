package httprpc

import (
	"io"
	"sync/atomic"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// A Dialect is what differs between the formats whose bodies are sequences of envelopes, on the client.
type Dialect interface {
	// Request returns the head of the request. c is how its messages may be compressed, or nil.
	Request(s *ClientCall, c codec.Compressor) *transport.Request
	// Response looks at the head of the response, and returns the outcome if that says it, io.EOF for success. It sets
	// up s.In for the body: its R, if that is not the body itself, and its Compressor.
	Response(s *ClientStream) error
	// End returns the trailers and the outcome, io.EOF for success: they stand in the payload of the envelope that ends
	// the response, or in the trailers of the HTTP response, when payload is nil.
	End(payload []byte, trailer transport.Header) (codec.Meta, error)
}

// A ClientStream is the client's side of a call whose bodies are sequences of envelopes.
type ClientStream struct {
	*ClientCall
	In    EnvelopeReader
	Armor func([]byte) []byte // what is written instead of some bytes of the request; nil for themselves

	dialect  Dialect
	out      Encoder
	req      []byte      // of a call with one request, until Finish
	looked   bool        // at the head of the response
	finished atomic.Bool // the request is complete
}

// OpenStream returns the stream of s. endFlag is that of the envelope that ends a response, or 0.
func OpenStream(s *ClientCall, d Dialect, endFlag byte) (*ClientStream, error) {
	out, err := s.Encoder()
	if err != nil {
		return nil, err
	}
	c := &ClientStream{ClientCall: s, dialect: d, out: out, In: EnvelopeReader{
		Limit: s.Conn.Limits.MessageBytes, EndFlag: endFlag, EndLimit: max(s.Conn.Limits.MessageBytes, s.Conn.Limits.HeaderBytes),
		Violation: status.Internal,
	}}
	if c.keeps() {
		return c, nil
	}
	return c, c.start(nil)
}

// keeps tells whether the request is sent as a whole.
func (s *ClientStream) keeps() bool {
	return s.Call.Kind == codec.Unary || s.Call.Kind == codec.ServerStream
}

func (s *ClientStream) start(body []byte) error {
	return s.Start(s.dialect.Request(s.ClientCall, s.out.Compressor), body)
}

// Send implements codec.Stream.
func (s *ClientStream) Send(msg any) error {
	if err := s.Ended(); err != nil {
		return err
	}
	if s.keeps() {
		return s.keep(msg)
	}
	buf := bufpool.Get(0)
	defer bufpool.Put(buf)
	var err error
	if buf.B, err = s.out.Append(buf.B, msg); err != nil {
		return err
	}
	if _, err := s.trip.Write(s.armored(buf.B)); err != nil {
		if endErr := s.Ended(); endErr != nil {
			return endErr
		}
		return io.EOF // Recv says why
	}
	return nil
}

// keep adds msg to the request that Finish sends.
func (s *ClientStream) keep(msg any) error {
	if s.Started() {
		return ErrFinished
	}
	req, err := s.out.Append(s.req, msg) // not pooled: the request may still be read when it has ended
	if err == nil {
		s.req = req
	}
	return err
}

func (s *ClientStream) armored(b []byte) []byte {
	if s.Armor == nil {
		return b
	}
	return s.Armor(b)
}

// Finish implements codec.Stream.
func (s *ClientStream) Finish(last any, _ error) error {
	if last != nil {
		if err := s.Send(last); err != nil {
			return err
		}
	}
	s.finished.Store(true)
	if !s.keeps() {
		if err := s.trip.CloseWrite(); err != nil {
			return io.EOF // Recv says why
		}
		return nil
	}
	if s.Started() {
		return ErrFinished
	}
	if s.req == nil {
		s.req = []byte{} // nil would leave the body open
	}
	return s.start(s.armored(s.req))
}

// Recv implements codec.Stream.
func (s *ClientStream) Recv(msg any) error {
	if s.RecvErr != nil {
		return s.RecvErr
	}
	if err := s.recv(msg); err != nil {
		s.In.Release()
		s.RecvErr = err
	}
	return s.RecvErr
}

func (s *ClientStream) recv(msg any) error {
	if err := s.Ended(); err != nil {
		return err // whatever is buffered
	}
	if err := s.Head(); err != nil {
		return err
	}
	if !s.looked {
		s.looked = true
		if err := s.dialect.Response(s); err != nil {
			return err
		}
		if s.In.R == nil {
			s.In.R = s.trip
		}
	}
	end, payload, err := s.In.Next()
	switch {
	case err == io.EOF:
		return s.end(nil, s.trip.Trailer())
	case err != nil:
		return s.IOError(err)
	case end:
		return s.end(payload, nil)
	}
	return s.Decode(payload, msg)
}

// end returns the outcome. It waits for the end of the body, so that the connection can be used again, unless the request
// goes on, for whose end the server may wait in turn.
func (s *ClientStream) end(payload []byte, trailer transport.Header) error {
	var outcome error
	s.Trailers, outcome = s.dialect.End(payload, trailer)
	if payload != nil && (s.In.Buffered() || s.finished.Load() && s.In.More()) {
		return status.Errorf(status.Internal, "the response goes on after its end")
	}
	return outcome
}
